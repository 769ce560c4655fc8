package import Events
package import Foundation
package import Postgres

/// How far each reactor has come in each tenant's log, and which process may run it now.
///
/// A reactor works outside a transaction, so its lease is a time: the holder renews it, and when the holder dies the next
/// one takes over once the lease has run out, so at most its duration (3 s by default) later. Two processes that believe
/// to hold it (a stopped clock, a long pause) do no harm: every event id that a reactor makes is derived from the event
/// that caused it, so the second append is a duplicate. The lease saves work; it guards nothing.
package struct ReactorPositions: Sendable {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    /// The next position that the reactor has not handled; 0 when it never ran.
    package func position(of reactor: String, tenant: UUID) async throws(EventLogError) -> Int64 {
        try await guarded { () throws(PostgresError) in
            try await database.first(
                "SELECT next_position FROM docket.reactor_position WHERE tenant_id = \(tenant) AND reactor = \(reactor)"
            ) { row throws(PostgresError) in try row[0] as Int64 } ?? 0
        }
    }

    /// Whether every reactor that is led at this time has handled what lies before a position.
    package func havePassed(_ position: Int64, tenant: UUID, now: Instant) async throws(EventLogError) -> Bool {
        // A lease that ran out long ago is nobody's: whoever takes it up reads the log anew.
        let alive = timestamp(now.adding(milliseconds: -10_000))
        return try await guarded { () throws(PostgresError) in
            try await database.value(
                """
                SELECT NOT EXISTS (SELECT FROM docket.reactor_position
                                    WHERE tenant_id = \(tenant) AND lease_until >= \(alive) AND next_position < \(position))
                """, as: Bool.self)
        }
    }

    /// Takes or renews the lease; gives the position to go on from, or nil while another owner holds it.
    package func lease(
        _ reactor: String, tenant: UUID, owner: String, now: Instant, milliseconds: Int64 = 3_000,
        startingAt start: Int64 = 0
    ) async throws(EventLogError) -> Int64? {
        let (from, until) = (timestamp(now), timestamp(now.adding(milliseconds: milliseconds)))
        return try await guarded { () throws(PostgresError) in
            try await database.transaction { tx throws(PostgresError) in
                let taken = try tx.first(
                    """
                    UPDATE docket.reactor_position SET owner = \(owner), lease_until = \(until)
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor)
                       AND (owner IS NULL OR owner = \(owner) OR lease_until < \(from))
                    RETURNING next_position
                    """
                ) { row throws(PostgresError) in try row[0] as Int64 }
                if let taken { return taken }
                return try tx.first(
                    """
                    INSERT INTO docket.reactor_position (tenant_id, reactor, next_position, owner, lease_until)
                    VALUES (\(tenant), \(reactor), \(start), \(owner), \(until))
                    ON CONFLICT (tenant_id, reactor) DO NOTHING RETURNING next_position
                    """
                ) { row throws(PostgresError) in try row[0] as Int64 }
            }
        }
    }

    /// Moves the position forward, after what lies before it was handled; false when the lease has gone to somebody else
    /// or the position is already further.
    package func advance(
        _ reactor: String, tenant: UUID, to next: Int64, owner: String
    ) async throws(EventLogError) -> Bool {
        try await guarded { () throws(PostgresError) in
            try await database.transaction { tx throws(PostgresError) in
                try tx.execute(
                    """
                    UPDATE docket.reactor_position SET next_position = \(next)
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) AND owner = \(owner) AND next_position <= \(next)
                    """) == 1
            }
        }
    }

    /// Gives the lease free, so that the next owner need not wait for its end.
    package func release(_ reactor: String, tenant: UUID, owner: String) async throws(EventLogError) {
        try await guarded { () throws(PostgresError) in
            try await database.transaction { tx throws(PostgresError) in
                try tx.execute(
                    """
                    UPDATE docket.reactor_position SET owner = NULL, lease_until = NULL
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) AND owner = \(owner)
                    """)
            }
        }
    }

    private func timestamp(_ instant: Instant) -> PostgresTimestamp {
        PostgresTimestamp(microseconds: instant.microseconds)
    }

    @discardableResult
    private func guarded<T: Sendable>(
        _ body: () async throws(PostgresError) -> T
    ) async throws(EventLogError) -> T {
        do {
            return try await body()
        } catch {
            throw EventLogError(.unavailable, "the reactors' positions cannot be reached", cause: error)
        }
    }
}
