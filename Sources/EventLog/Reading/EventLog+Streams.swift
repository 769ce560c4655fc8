package import Events
package import Foundation
import Postgres

/// A stream's events in order, a page at a time: however long the stream is, only one page of it is in memory.
///
/// Reads page after page while it is iterated, each with a query of its own, up to the version that the stream has
/// when it gets there. No page is empty.
package struct StreamPages: AsyncSequence, Sendable {
    package typealias Element = [Event]

    /// Events in a page.
    package static let size = 256

    fileprivate let log: EventLog
    fileprivate let id: UUID
    fileprivate let tenant: UUID
    fileprivate let version: Int64
    fileprivate let position: Int64?
    fileprivate let size: Int

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let pages: StreamPages
        fileprivate var version: Int64
        fileprivate var isOver = false

        package mutating func next() async throws -> [Event]? {
            guard !isOver else { return nil }
            let page = try await pages.log.read(
                stream: pages.id, tenant: pages.tenant, after: version, upTo: pages.position, limit: pages.size)
            isOver = page.count < pages.size
            version = page.last?.version ?? version
            return page.isEmpty ? nil : page
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pages: self, version: version) }
}

extension EventLog {
    /// A whole stream, from the event after `version` on and not beyond `position` when that is given.
    package func stream(
        _ id: UUID, tenant: UUID, after version: Int64 = 0, upTo position: Int64? = nil,
        pagesOf size: Int = StreamPages.size
    ) -> StreamPages {
        StreamPages(log: self, id: id, tenant: tenant, version: version, position: position, size: max(1, size))
    }

    /// The newest event of some types in each of several streams; a stream without one has no entry.
    ///
    /// Reads one event a stream, found from the stream's end: what most callers want of a stream that has many. All
    /// the events are in memory, so callers with many streams ask for some of them at a time.
    package func latest(
        of types: [String], streams ids: [UUID], tenant: UUID, after position: Int64 = -1
    ) async throws(EventLogError) -> [UUID: Event] {
        try await edge(of: types, streams: ids, tenant: tenant, after: position, order: "DESC")
    }

    /// The oldest event of some types in each of several streams; a stream without one has no entry.
    package func earliest(
        of types: [String], streams ids: [UUID], tenant: UUID
    ) async throws(EventLogError) -> [UUID: Event] {
        try await edge(of: types, streams: ids, tenant: tenant, after: -1, order: "ASC")
    }

    /// The events of these ids, those that there are.
    package func events(_ ids: [UUID], tenant: UUID) async throws(EventLogError) -> [UUID: Event] {
        var found: [UUID: Event] = [:]
        for part in Self.parts(of: ids) {
            let events = try await events(
                tenant,
                """
                SELECT \(unescaped: StoredEvent.columns) FROM unnest(\(part)) AS i (id)
                 CROSS JOIN LATERAL (
                       SELECT x.* FROM docket.event AS x
                        WHERE x.tenant_id = \(tenant) AND x.event_id >= i.id AND x.event_id <= i.id
                        ORDER BY x.event_id LIMIT 1) AS e
                """)
            for event in events { found[event.eventID] = event }
        }
        return found
    }

    /// The events at these positions, in order; those that there are.
    package func events(at positions: [Int64], tenant: UUID) async throws(EventLogError) -> [Event] {
        guard !positions.isEmpty else { return [] }
        return try await events(
            tenant,
            """
            SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
             WHERE e.tenant_id = \(tenant) AND e.position = ANY (\(positions))
             ORDER BY e.position
            """)
    }

    /// The tenant's head, and the newest position from `position` on of an event of these types; nil when there is none.
    /// One query, for a fold that mostly learns that nothing concerns it.
    package func head(
        tenant: UUID, newestOf types: [String], from position: Int64
    ) async throws(EventLogError) -> (next: Int64, newest: Int64?) {
        let found = try await reading { () throws(PostgresError) in
            try await database.first(
                """
                SELECT h.next_position,
                       (SELECT max(p.position)
                          FROM unnest(\(types)) AS t (type)
                         CROSS JOIN LATERAL (
                               SELECT x.position FROM docket.event AS x
                                WHERE x.tenant_id = \(tenant) AND x.type = t.type AND x.position >= \(position)
                                ORDER BY x.position DESC LIMIT 1) AS p)
                  FROM docket.tenant_head AS h WHERE h.tenant_id = \(tenant)
                """
            ) { row throws(PostgresError) in (next: try row[0] as Int64, newest: try row[1] as Int64?) }
        }
        guard let found else { throw EventLogError(.unknownTenant, "unknown tenant") }
        return found
    }

    private func edge(
        of types: [String], streams ids: [UUID], tenant: UUID, after position: Int64, order: String
    ) async throws(EventLogError) -> [UUID: Event] {
        var found: [UUID: Event] = [:]
        for part in Self.parts(of: ids) {
            // A range of versions, in their order: only the index of the stream can give that, see Schema/README.
            let events = try await events(
                tenant,
                """
                SELECT \(unescaped: StoredEvent.columns) FROM unnest(\(part)) AS s (id)
                 CROSS JOIN LATERAL (
                       SELECT x.* FROM docket.event AS x
                        WHERE x.tenant_id = \(tenant) AND x.stream_id = s.id AND x.version > 0
                          AND x.type = ANY (\(types)) AND x.position > \(position)
                        ORDER BY x.version \(unescaped: order) LIMIT 1) AS e
                """)
            for event in events { found[event.streamID] = event }
        }
        return found
    }

    private static func parts(of ids: [UUID]) -> [[UUID]] {
        let ids = Array(Set(ids))
        return stride(from: 0, to: ids.count, by: 500).map { Array(ids[$0..<min($0 + 500, ids.count)]) }
    }
}
