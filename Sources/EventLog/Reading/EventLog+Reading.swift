package import Events
package import Foundation
import JSON
import Postgres

/// Part of a tenant's log, and where to go on.
package struct FeedPage: Sendable {
    package var events: [Event]
    /// Everything before this position was looked at: the next page begins here, whatever the filter left out.
    package var next: Int64

    package init(events: [Event], next: Int64) {
        self.events = events
        self.next = next
    }
}

extension EventLog {
    /// The next events of a stream, from the one after `version` on and not beyond `position` when that is given. As
    /// many as `limit` may mean that there are more; `stream` reads them all, a page at a time.
    package func read(
        stream id: UUID, tenant: UUID, after version: Int64, upTo position: Int64?, limit: Int
    ) async throws(EventLogError) -> [Event] {
        try await events(
            tenant,
            """
            SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
             WHERE e.tenant_id = \(tenant) AND e.stream_id = \(id) AND e.version > \(version)
               AND e.position <= \(position ?? .max)
             ORDER BY e.version LIMIT \(limit)
            """)
    }

    /// The versions of streams; those that do not exist have no entry.
    package func versions(ofStreams ids: [UUID], tenant: UUID) async throws(EventLogError) -> [UUID: Int64] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await reading { () throws(PostgresError) in
            try await database.query(
                """
                SELECT stream_id, version FROM docket.stream
                 WHERE tenant_id = \(tenant) AND stream_id = ANY (\(ids)) AND version > 0
                """
            ) { row throws(PostgresError) in (id: try row[0] as UUID, version: try row[1] as Int64) }
        }
        return Dictionary(rows.map { ($0.id, $0.version) }) { first, _ in first }
    }

    /// The first position recorded at an instant or later; the head when there is none. Positions and times rise
    /// together, so a handful of look-ups finds it without an index by time.
    package func position(recordedSince instant: Instant, tenant: UUID) async throws(EventLogError) -> Int64 {
        var low: Int64 = 0
        var high = try await head(tenant: tenant)
        while low < high {
            let middle = low + (high - low) / 2
            let time = try await reading { () throws(PostgresError) in
                try await database.first(
                    "SELECT recorded_at FROM docket.event WHERE tenant_id = \(tenant) AND position = \(middle)"
                ) { row throws(PostgresError) in try row[0] as PostgresTimestamp }
            }
            guard let time else { throw EventLogError(.corrupt, "position \(middle) is missing") }
            if time.microseconds < instant.microseconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The event of an id, or nil. (A range of one, in order: only the right index can give that, see Schema/README.)
    package func event(_ id: UUID, tenant: UUID) async throws(EventLogError) -> Event? {
        try await events(
            tenant,
            """
            SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
             WHERE e.tenant_id = \(tenant) AND e.event_id >= \(id) AND e.event_id <= \(id)
             ORDER BY e.event_id LIMIT 1
            """
        ).first
    }

    /// The first position, from one on, of an event of some types; `nil` when there is none. Nothing of it is read but what
    /// the columns beside the body say, for whoever cannot read it.
    package func first(
        ofTypes types: [String], from position: Int64, tenant: UUID
    ) async throws(EventLogError) -> Int64? {
        try await reading { () throws(PostgresError) in
            try await database.value(
                """
                SELECT min(p.position)
                  FROM unnest(\(types)) AS t (type)
                 CROSS JOIN LATERAL (
                       SELECT e.position FROM docket.event AS e
                        WHERE e.tenant_id = \(tenant) AND e.type = t.type AND e.position >= \(position)
                        ORDER BY e.position LIMIT 1) AS p
                """, as: Int64?.self)
        }
    }

    /// What the columns beside the body say of the event at a position, for a body that cannot be read: place, stream, case
    /// and type; no data. `nil` when the position is missing.
    package func outline(at position: Int64, tenant: UUID) async throws(EventLogError) -> Event? {
        try await reading { () throws(PostgresError) in
            try await database.first(
                """
                SELECT e.event_id, e.type, e.schema_version, coalesce(s.kind, ''), e.stream_id, e.version, e.case_id,
                       e.recorded_at, e.occurred_at, e.correlation_id
                  FROM docket.event AS e
                  LEFT JOIN docket.stream AS s ON s.tenant_id = \(tenant) AND s.stream_id = e.stream_id
                 WHERE e.tenant_id = \(tenant) AND e.position = \(position)
                """
            ) { row throws(PostgresError) in
                Event(
                    position: position, eventID: try row[0], type: try row[1], schemaVersion: try row[2],
                    streamKind: try row[3], streamID: try row[4], version: try row[5], caseID: try row[6],
                    recordedAt: Instant(try row[7] as PostgresTimestamp),
                    occurredAt: Instant(try row[8] as PostgresTimestamp),
                    actor: Actor(kind: .service, subject: "unreadable", lane: .system), correlationID: try row[9],
                    data: .null)
            }
        }
    }

    /// The tenant's events in order from a position on, all or those of some types or of one case. Without a filter the
    /// positions have no gap.
    package func feed(
        tenant: UUID, from position: Int64, limit: Int, types: [String]? = nil, caseID: UUID? = nil
    ) async throws(EventLogError) -> [Event] {
        try await page(tenant: tenant, from: position, limit: limit, types: types, caseID: caseID).events
    }

    /// The same, with the position to go on from: a follower with a filter advances past what the filter left out.
    package func page(
        tenant: UUID, from position: Int64, limit: Int, types: [String]? = nil, caseID: UUID? = nil
    ) async throws(EventLogError) -> FeedPage {
        // Before the events: what is recorded between the two queries belongs to the next page.
        let head = try await head(tenant: tenant)
        guard position < head else { return FeedPage(events: [], next: position) }
        if types == nil && caseID == nil && limit >= Self.scannedPage {
            let end = head - position <= Int64(limit) ? head : position + Int64(limit)
            return FeedPage(events: try await chunk(tenant, position..<end).events(), next: end)
        }
        let query: Query
        if let types {
            // One probe of the index by type each, however rare the type is.
            query = """
                SELECT \(unescaped: StoredEvent.columns)
                  FROM (SELECT p.position
                          FROM unnest(\(types)) AS t (type)
                         CROSS JOIN LATERAL (
                               SELECT x.position FROM docket.event AS x
                                WHERE x.tenant_id = \(tenant) AND x.type = t.type
                                  AND x.position >= \(position) AND x.position < \(head)
                                  AND (\(caseID) IS NULL OR x.case_id = \(caseID))
                                ORDER BY x.position LIMIT \(limit)) AS p
                         GROUP BY p.position ORDER BY p.position LIMIT \(limit)) AS f
                  JOIN docket.event AS e ON e.tenant_id = \(tenant) AND e.position = f.position
                 ORDER BY e.position
                """
        } else if let caseID {
            query = """
                SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
                 WHERE e.tenant_id = \(tenant) AND e.case_id = \(caseID)
                   AND e.position >= \(position) AND e.position < \(head)
                 ORDER BY e.position LIMIT \(limit)
                """
        } else {
            query = """
                SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
                 WHERE e.tenant_id = \(tenant) AND e.position >= \(position) AND e.position < \(head)
                 ORDER BY e.position LIMIT \(limit)
                """
        }
        let events = try await events(tenant, query)
        let isFull = events.count >= limit
        return FeedPage(events: events, next: isFull ? (events.last?.position ?? position - 1) + 1 : head)
    }

    /// The position that the tenant's next event will get: how many it has.
    package func head(tenant: UUID) async throws(EventLogError) -> Int64 {
        let head = try await reading { () throws(PostgresError) in
            try await database.first("SELECT next_position FROM docket.tenant_head WHERE tenant_id = \(tenant)") {
                row throws(PostgresError) in try row[0] as Int64
            }
        }
        guard let head else { throw EventLogError(.unknownTenant, "unknown tenant") }
        return head
    }

    /// All tenants and their next positions.
    package func heads() async throws(EventLogError) -> [UUID: Int64] {
        let rows = try await reading { () throws(PostgresError) in
            try await database.query("SELECT tenant_id, next_position FROM docket.tenant_head") {
                row throws(PostgresError) in (tenant: try row[0] as UUID, next: try row[1] as Int64)
            }
        }
        return Dictionary(rows.map { ($0.tenant, $0.next) }) { first, _ in first }
    }

    /// Waits until the tenant's next position is beyond `beyond`, at most for `timeout`; gives it either way.
    package func waitForHead(tenant: UUID, beyond: Int64, timeout: Duration) async throws(EventLogError) -> Int64 {
        try await reading { () throws(PostgresError) in
            try await watch.wait(tenant, beyond: beyond, timeout: timeout)
        }
    }

    /// The tenant's next position each time that it has grown beyond `beyond`.
    package func headChanges(tenant: UUID, beyond: Int64 = 0) -> HeadChanges {
        HeadChanges(watch: watch, tenant: tenant, beyond: beyond)
    }

    /// The heads of all tenants, as they move: one query for everybody in this process who follows them.
    package func headMoves() -> HeadMoves { HeadMoves(watch: watch) }

    /// Raw input by its digest, or nil when it is unknown or erased.
    package func evidence(tenant: UUID, digest: Digest) async throws(EventLogError) -> Evidence? {
        struct Stored: Sendable {
            let mediaType: String
            let keyID: UUID
            let nonce: [UInt8]
            let ciphertext: [UInt8]
            let wrapped: [UInt8]?
        }
        let stored = try await reading { () throws(PostgresError) in
            try await database.first(
                """
                SELECT d.media_type, d.subject_key_id, d.nonce, d.ciphertext, k.wrapped_key
                  FROM docket.evidence AS d
                  LEFT JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = d.subject_key_id
                 WHERE d.tenant_id = \(tenant) AND d.digest = \(digest.bytes)
                """
            ) { row throws(PostgresError) in
                Stored(
                    mediaType: try row[0], keyID: try row[1], nonce: try row[2], ciphertext: try row[3],
                    wrapped: try row[4])
            }
        }
        guard let stored, let wrapped = stored.wrapped else { return nil }
        let key = try existingKey(tenant).unwrap(wrapped, id: stored.keyID)
        let bytes = try Seal.open(
            nonce: stored.nonce, ciphertext: stored.ciphertext, under: key,
            binding: Seal.binding(tenant: tenant, evidence: digest))
        let evidence = Evidence(mediaType: stored.mediaType, bytes: bytes)
        guard evidence.digest == digest else {
            throw EventLogError(.corrupt, "evidence \(digest) does not have its digest")
        }
        return evidence
    }

    func events(_ tenant: UUID, _ query: Query) async throws(EventLogError) -> [Event] {
        let stored = try await reading { () throws(PostgresError) in
            try await database.query(query) { row throws(PostgresError) in try StoredEvent(row) }
        }
        let members = try await sealedMembers(of: stored.filter(\.isSealed).map(\.position), tenant)
        return try opened(stored, members, tenant)
    }

    /// Stored events with their sealed members opened.
    func opened(
        _ stored: [StoredEvent], _ members: SealedMembers, _ tenant: UUID
    ) throws(EventLogError) -> [Event] {
        var events: [Event] = []
        events.reserveCapacity(stored.count)
        for row in stored {
            events.append(
                try row.event(upcasters) { n throws(EventLogError) in
                    guard let member = members[row.position]?[n] else {
                        throw EventLogError(.corrupt, "position \(row.position) has no sealed member \(n)")
                    }
                    return try member.open(tenant: tenant, event: row.eventID, n: n)
                })
        }
        return events
    }

    func reading<T: Sendable>(
        _ body: () async throws(PostgresError) -> T
    ) async throws(EventLogError) -> T {
        do {
            return try await body()
        } catch  where error.code == .cancelled {
            throw EventLogError(.cancelled, "the task was cancelled", cause: error)
        } catch {
            throw EventLogError(.unavailable, "the log cannot be read", cause: error)
        }
    }
}
