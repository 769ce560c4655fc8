package import Events
package import Foundation
package import Postgres

/// How far each reactor has come in each tenant's log, and which processes lead reactors.
///
/// A process that leads reactors says so once a second (`beat`), for all tenants in one statement; one that has not said
/// so for three seconds is gone. Which of them leads a tenant follows from their names (`ReactorShare`), so no tenant has
/// a lease. Two processes that both believe to lead a tenant, for a second after one has come or gone, do no harm: every
/// event id that a reactor makes is derived from the event that caused it, so the second append is a duplicate, and
/// positions only grow.
package struct ReactorPositions: Sendable {
    let database: Database

    package init(_ database: Database) { self.database = database }

    /// Where a reactor stands in a tenant's log.
    package struct Place: Sendable, Hashable {
        /// The next position that it has not handled, but for what is marked.
        package var next: Int64 = 0
        /// When it wants to be woken although nothing was recorded.
        package var tickAt: Instant?
        /// What it has still to react to before `next`, by position.
        package var marks: [ReactorMark] = []
    }

    /// The next position that the reactor has not handled; 0 when it never ran.
    package func position(of reactor: String, tenant: UUID) async throws(EventLogError) -> Int64 {
        try await guarded { () throws(PostgresError) in
            try await database.first(
                "SELECT next_position FROM docket.reactor_position WHERE tenant_id = \(tenant) AND reactor = \(reactor)"
            ) { row throws(PostgresError) in try row[0] as Int64 } ?? 0
        }
    }

    /// Where the reactor stands, read at one moment.
    package func place(of reactor: String, tenant: UUID) async throws(EventLogError) -> Place {
        try await guarded { () throws(PostgresError) in
            let rows = try await database.query(
                """
                SELECT p.next_position, p.tick_at, m.position, \(unescaped: ReactorMark.columns)
                  FROM (SELECT \(tenant)::uuid AS tenant_id, \(reactor)::text AS reactor) AS r
                  LEFT JOIN docket.reactor_position AS p
                    ON p.tenant_id = r.tenant_id AND p.reactor = r.reactor
                  LEFT JOIN docket.reactor_mark AS m ON m.tenant_id = r.tenant_id AND m.reactor = r.reactor
                 ORDER BY m.position
                """
            ) { row throws(PostgresError) in
                let hasMark = try row[2] as Int64? != nil
                return (
                    next: try row[0] as Int64?, tickAt: (try row[1] as PostgresTimestamp?).map(Instant.init),
                    mark: hasMark ? try ReactorMark(row, from: 2) : nil
                )
            }
            return Place(next: rows.first?.next ?? 0, tickAt: rows.first?.tickAt, marks: rows.compactMap(\.mark))
        }
    }

    /// Whether every reactor that a living process leads has come past a position. What is marked before it is read
    /// anew when its time comes.
    package func havePassed(_ position: Int64, tenant: UUID, now: Instant) async throws(EventLogError) -> Bool {
        try await guarded { () throws(PostgresError) in
            try await database.value(
                """
                SELECT NOT EXISTS (
                       SELECT FROM docket.reactor_process AS o
                        CROSS JOIN LATERAL unnest(o.reactors) AS r (name)
                         LEFT JOIN docket.reactor_position AS p ON p.tenant_id = \(tenant) AND p.reactor = r.name
                        WHERE o.tenant_id = \(Self.nobody) AND o.seen_until >= \(now.timestamp)
                          AND coalesce(p.next_position, 0) < \(position))
                """, as: Bool.self)
        }
    }

    /// Moves the position forward, after what lies before it was handled or marked. A position that is further already
    /// stays.
    ///
    /// - Parameters:
    ///   - tickAt: when to wake the reactor although nothing was recorded.
    ///   - aside: streams, each once, of which events were passed over because a mark sets them aside.
    /// - Returns: false when one of those marks is gone: somebody else has lifted it, so nothing may be passed over.
    package func advance(
        _ reactor: String, tenant: UUID, to next: Int64, tickAt: Instant? = nil, settingAside aside: [UUID] = []
    ) async throws(EventLogError) -> Bool {
        try await guarded { () throws(PostgresError) in
            let query: Query = """
                INSERT INTO docket.reactor_position AS p (tenant_id, reactor, next_position, tick_at)
                VALUES (\(tenant), \(reactor), \(next), \(tickAt?.timestamp))
                ON CONFLICT (tenant_id, reactor) DO UPDATE
                   SET next_position = greatest(p.next_position, excluded.next_position), tick_at = excluded.tick_at
                """
            guard !aside.isEmpty else {
                try await database.execute(query)
                return true
            }
            return try await database.transaction { tx throws(PostgresError) in
                // The row first: a mark that is lifted meanwhile is seen to be gone (`lift` locks it too).
                try tx.execute(
                    """
                    INSERT INTO docket.reactor_position (tenant_id, reactor, next_position)
                    VALUES (\(tenant), \(reactor), 0) ON CONFLICT (tenant_id, reactor) DO NOTHING
                    """)
                try tx.execute(
                    """
                    SELECT FROM docket.reactor_position
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) FOR UPDATE
                    """)
                let marked = try tx.value(
                    """
                    SELECT count(DISTINCT stream_id) FROM docket.reactor_mark
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) AND sets_aside
                       AND stream_id = ANY (\(aside))
                    """, as: Int64.self)
                guard marked == Int64(aside.count) else { return false }
                try tx.execute(query)
                return true
            }
        }
    }

    @discardableResult
    func guarded<T: Sendable>(
        _ body: () async throws(PostgresError) -> T
    ) async throws(EventLogError) -> T {
        do {
            return try await body()
        } catch {
            throw EventLogError(.unavailable, "the reactors' positions cannot be reached", cause: error)
        }
    }
}

// MARK: - Processes

extension ReactorPositions {
    /// The tenant of what belongs to no tenant.
    static let nobody = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    /// Says that a process leads reactors from now on for some time, and gives all that do, this one among them.
    ///
    /// - Parameter reactors: the names of those that it leads.
    package func beat(
        _ owner: String, reactors: [String], now: Instant, milliseconds: Int64 = 3_000
    ) async throws(EventLogError) -> [String] {
        let until = now.adding(milliseconds: milliseconds)
        return try await guarded { () throws(PostgresError) in
            try await database.write(
                """
                WITH mine AS (
                    INSERT INTO docket.reactor_process (tenant_id, owner, reactors, seen_until)
                    VALUES (\(Self.nobody), \(owner), \(reactors), \(until.timestamp))
                    ON CONFLICT (tenant_id, owner) DO UPDATE
                       SET reactors = excluded.reactors, seen_until = excluded.seen_until
                    RETURNING owner),
                gone AS (
                    DELETE FROM docket.reactor_process
                     WHERE tenant_id = \(Self.nobody) AND owner <> \(owner)
                       AND seen_until < \(now.adding(milliseconds: -60_000).timestamp))
                SELECT owner FROM mine
                UNION
                SELECT owner FROM docket.reactor_process
                 WHERE tenant_id = \(Self.nobody) AND seen_until >= \(now.timestamp)
                 ORDER BY 1
                """
            ) { row throws(PostgresError) in try row[0] as String }
        }
    }

    /// Says that a process is gone, so that the others need not wait until it is missed.
    package func leave(_ owner: String) async throws(EventLogError) {
        try await guarded { () throws(PostgresError) in
            try await database.execute(
                "DELETE FROM docket.reactor_process WHERE tenant_id = \(Self.nobody) AND owner = \(owner)")
        }
    }

    /// Tenants with anything to do: events that a reactor has not handled, something marked, a time to be woken at.
    package func tenantsWithWork(for reactors: [String]) async throws(EventLogError) -> [UUID] {
        try await guarded { () throws(PostgresError) in
            try await database.query(
                """
                SELECT h.tenant_id FROM docket.tenant_head AS h
                 WHERE EXISTS (
                       SELECT FROM unnest(\(reactors)) AS r (name)
                         LEFT JOIN docket.reactor_position AS p ON p.tenant_id = h.tenant_id AND p.reactor = r.name
                        WHERE coalesce(p.next_position, 0) < h.next_position OR p.tick_at IS NOT NULL)
                UNION
                SELECT m.tenant_id FROM docket.reactor_mark AS m WHERE m.reactor = ANY (\(reactors))
                """
            ) { row throws(PostgresError) in try row[0] as UUID }
        }
    }

    /// Reactors of tenants that have something due, among those of these names: a mark, or a time to be woken at.
    package func due(
        at now: Instant, reactors: [String], limit: Int = 1_000
    ) async throws(EventLogError) -> [DueReactor] {
        try await guarded { () throws(PostgresError) in
            try await database.query(
                """
                SELECT tenant_id, reactor FROM docket.reactor_mark
                 WHERE due_at <= \(now.timestamp) AND reactor = ANY (\(reactors))
                UNION
                SELECT tenant_id, reactor FROM docket.reactor_position
                 WHERE tick_at <= \(now.timestamp) AND reactor = ANY (\(reactors))
                 LIMIT \(limit)
                """
            ) { row throws(PostgresError) in DueReactor(tenant: try row[0], reactor: try row[1]) }
        }
    }
}

/// A reactor of a tenant that has something due.
package struct DueReactor: Sendable, Hashable {
    package var tenant: UUID
    package var reactor: String

    package init(tenant: UUID, reactor: String) {
        self.tenant = tenant
        self.reactor = reactor
    }
}

extension Instant {
    var timestamp: PostgresTimestamp { PostgresTimestamp(microseconds: microseconds) }

    init(_ timestamp: PostgresTimestamp) { self.init(microseconds: timestamp.microseconds) }
}
