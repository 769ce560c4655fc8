package import Events
package import Foundation
import Postgres

/// An event behind a reactor's checkpoint that it has still to react to.
package struct ReactorMark: Sendable, Hashable {
    package var position: Int64
    package var streamID: UUID
    package var caseID: UUID?
    package var type: String
    /// Later events of the stream wait behind this one, in order: its reaction failed, and nothing may overtake it.
    package var setsAside: Bool
    /// Why the last attempt failed; `nil` when the reactor only asked to be called again.
    package var reason: String?
    /// Attempts that failed.
    package var attempts: Int
    package var since: Instant
    package var dueAt: Instant

    package init(
        _ event: Event, setsAside: Bool, reason: String?, attempts: Int, since: Instant, dueAt: Instant
    ) {
        position = event.position
        streamID = event.streamID
        caseID = event.caseID
        type = event.type
        self.setsAside = setsAside
        self.reason = reason
        self.attempts = attempts
        self.since = since
        self.dueAt = dueAt
    }

    static let columns = "m.stream_id, m.case_id, m.type, m.sets_aside, m.reason, m.attempts, m.since, m.due_at"

    init(_ row: borrowing Row, from first: Int) throws(PostgresError) {
        position = try row[first]
        streamID = try row[first + 1]
        caseID = try row[first + 2]
        type = try row[first + 3]
        setsAside = try row[first + 4]
        reason = try row[first + 5]
        attempts = Int(try row[first + 6] as Int32)
        since = Instant(try row[first + 7] as PostgresTimestamp)
        dueAt = Instant(try row[first + 8] as PostgresTimestamp)
    }
}

/// A mark with the reactor that it belongs to, for whoever shows it.
package struct StoredReactorMark: Sendable, Hashable {
    package var tenant: UUID
    package var reactor: String
    package var mark: ReactorMark
}

extension ReactorPositions {
    /// Records a mark, or what became of it. It must be there before the position passes the event.
    package func mark(_ mark: ReactorMark, reactor: String, tenant: UUID) async throws(EventLogError) {
        try await guarded { () throws(PostgresError) in
            try await database.execute(
                """
                INSERT INTO docket.reactor_mark (
                    tenant_id, reactor, position, stream_id, case_id, type, sets_aside, reason, attempts, since, due_at)
                VALUES (
                    \(tenant), \(reactor), \(mark.position), \(mark.streamID), \(mark.caseID), \(mark.type),
                    \(mark.setsAside), \(mark.reason), \(Int32(clamping: mark.attempts)), \(mark.since.timestamp),
                    \(mark.dueAt.timestamp))
                ON CONFLICT (tenant_id, reactor, position) DO UPDATE
                   SET sets_aside = excluded.sets_aside, reason = excluded.reason, attempts = excluded.attempts,
                       due_at = excluded.due_at
                """)
        }
    }

    /// Puts one mark in the place of another of the same stream: the stream has come as far as the new one.
    package func move(
        _ old: ReactorMark, to new: ReactorMark, reactor: String, tenant: UUID
    ) async throws(EventLogError) {
        // The new one first: after a crash in between the stream has two, and the earlier one counts.
        try await mark(new, reactor: reactor, tenant: tenant)
        if old.position != new.position { _ = try await lift(old, reactor: reactor, tenant: tenant, upTo: .max) }
    }

    /// Takes a mark away: what it stood for is done.
    ///
    /// - Parameter position: how far the reactor has looked for events that wait behind the mark. When the stored position
    ///   is further, another process has passed over more of them, and the mark stays.
    /// - Returns: whether the mark is gone.
    package func lift(
        _ mark: ReactorMark, reactor: String, tenant: UUID, upTo position: Int64
    ) async throws(EventLogError) -> Bool {
        try await guarded { () throws(PostgresError) in
            try await database.transaction { tx throws(PostgresError) in
                // Whoever advances waits for this, and then finds the mark gone.
                let stored = try tx.first(
                    """
                    SELECT next_position FROM docket.reactor_position
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) FOR UPDATE
                    """
                ) { row throws(PostgresError) in try row[0] as Int64 }
                guard !mark.setsAside || (stored ?? 0) <= position else { return false }
                try tx.execute(
                    """
                    DELETE FROM docket.reactor_mark
                     WHERE tenant_id = \(tenant) AND reactor = \(reactor) AND position = \(mark.position)
                    """)
                return true
            }
        }
    }

    /// All marks that tell of a failure, of one tenant or of all, oldest first.
    package func failures(tenant: UUID? = nil, limit: Int = 1_000) async throws(EventLogError) -> [StoredReactorMark] {
        try await guarded { () throws(PostgresError) in
            try await database.query(
                """
                SELECT m.tenant_id, m.reactor, m.position, \(unescaped: ReactorMark.columns)
                  FROM docket.reactor_mark AS m
                 WHERE m.reason IS NOT NULL AND (\(tenant) IS NULL OR m.tenant_id = \(tenant))
                 ORDER BY m.since, m.tenant_id, m.reactor, m.position LIMIT \(limit)
                """
            ) { row throws(PostgresError) in
                StoredReactorMark(tenant: try row[0], reactor: try row[1], mark: try ReactorMark(row, from: 2))
            }
        }
    }
}
