import Events
package import Foundation
package import JSON
import Postgres

/// Snapshots of what stages remember, so that a start reads what came since and not a tenant's whole log.
///
/// A cache: a memory that is not there, or was written by other code, is folded from the log, with the same result. An
/// erasure deletes a tenant's snapshots in its own transaction, and with them the tickets that allow writing new ones:
/// what was folded before an erasure cannot be written after it.
///
/// What is decided rests on the log, which shows when it was altered; a table of a cache does not. So each snapshot
/// carries a code under the tenant's key, which lies outside the database, and one without the right code is none.
package struct StageMemories: Sendable {
    /// The right to save a memory. Asked for before anything is folded; an erasure makes it void.
    package struct Ticket: Sendable, Hashable {
        let tenant: UUID
        let name: String
        let code: String
        let token: UUID
    }

    /// A memory as it was after everything before a position.
    package struct Snapshot: Sendable, Hashable {
        package var nextPosition: Int64
        /// As they were given to `save`.
        package var parts: [JSONValue]
    }

    private let log: EventLog
    private var database: Database { log.database }

    init(_ log: EventLog) { self.log = log }

    /// Asks for the right to save a memory, before anything is read for it.
    ///
    /// - Parameter code: names the code that folds it; what other code wrote is not given back.
    package func ticket(_ name: String, code: String, tenant: UUID) async throws(EventLogError) -> Ticket {
        let fresh = UUID()
        return try await guarded { () throws(PostgresError) in
            while true {
                let token = try await database.transaction { tx throws(PostgresError) in
                    try tx.execute(
                        """
                        INSERT INTO projection.stage_memory (tenant_id, name, slot, token, code, next_position, parts)
                        SELECT \(tenant), \(name), s.slot, \(fresh), \(code), 0, 0
                          FROM (VALUES (0::smallint), (1::smallint)) AS s (slot)
                        ON CONFLICT (tenant_id, name, slot) DO NOTHING
                        """)
                    return try tx.first(
                        "SELECT token FROM projection.stage_memory WHERE tenant_id = \(tenant) AND name = \(name) LIMIT 1"
                    ) { row throws(PostgresError) in try row[0] as UUID }
                }
                // Gone again: an erasure came in between.
                if let token { return Ticket(tenant: tenant, name: name, code: code, token: token) }
            }
        }
    }

    /// The newest snapshot that says nothing of `position` or what comes after; `nil` when there is none, or when it is not
    /// as it was saved.
    package func load(_ ticket: Ticket, before position: Int64) async throws(EventLogError) -> Snapshot? {
        guard let key = try log.keys.find(ticket.tenant) else { return nil }
        let found = try await guarded { () throws(PostgresError) in
            try await database.transaction(isolation: .repeatableRead, isReadOnly: true) {
                tx throws(PostgresError) in
                let newest = try tx.first(
                    """
                    SELECT slot, next_position, code_of_key FROM projection.stage_memory
                     WHERE tenant_id = \(ticket.tenant) AND name = \(ticket.name) AND token = \(ticket.token)
                       AND code = \(ticket.code) AND parts > 0 AND next_position <= \(position)
                     ORDER BY next_position DESC LIMIT 1
                    """
                ) { row throws(PostgresError) in
                    (slot: try row[0] as Int16, next: try row[1] as Int64, vouched: try row[2] as [UInt8]?)
                }
                guard let newest else { return nil as (next: Int64, vouched: [UInt8]?, parts: [[UInt8]])? }
                let parts = try tx.query(
                    """
                    SELECT body FROM projection.stage_memory_part
                     WHERE tenant_id = \(ticket.tenant) AND name = \(ticket.name) AND slot = \(newest.slot)
                     ORDER BY part
                    """
                ) { row throws(PostgresError) in (try row[0] as PostgresJSON).bytes }
                return (newest.next, newest.vouched, parts)
            }
        }
        guard let found, let vouched = found.vouched,
            key.vouched(vouched, for: Self.statement(ticket, found.next, found.parts))
        else { return nil }
        var parts: [JSONValue] = []
        for bytes in found.parts { parts.append(try Body.parse(bytes, position: found.next)) }
        return Snapshot(nextPosition: found.next, parts: parts)
    }

    /// Keeps a memory as it is after everything before a position, in place of the older of the two that are kept.
    ///
    /// - Returns: whether it was kept. It is not when an erasure has come since the ticket was given.
    @discardableResult
    package func save(
        _ parts: [JSONValue], before position: Int64, _ ticket: Ticket
    ) async throws(EventLogError) -> Bool {
        let bytes = parts.map { $0.canonicalBytes() }
        let bodies = bytes.map { PostgresJSON($0) }
        let vouched = try await log.key(ticket.tenant).vouch(for: Self.statement(ticket, position, bytes))
        let numbers = (0..<Int32(parts.count)).map { $0 }
        return try await guarded { () throws(PostgresError) in
            try await database.transaction { tx throws(PostgresError) in
                let slot = try tx.first(
                    """
                    UPDATE projection.stage_memory AS m
                       SET code = \(ticket.code), next_position = \(position), parts = \(Int32(parts.count)),
                           code_of_key = \(vouched)
                     WHERE m.tenant_id = \(ticket.tenant) AND m.name = \(ticket.name) AND m.token = \(ticket.token)
                       AND m.slot = (SELECT o.slot FROM projection.stage_memory AS o
                                      WHERE o.tenant_id = \(ticket.tenant) AND o.name = \(ticket.name)
                                      ORDER BY (o.code = \(ticket.code)), o.next_position, o.slot LIMIT 1)
                    RETURNING m.slot
                    """
                ) { row throws(PostgresError) in try row[0] as Int16 }
                guard let slot else { return false }
                try tx.execute(
                    """
                    DELETE FROM projection.stage_memory_part
                     WHERE tenant_id = \(ticket.tenant) AND name = \(ticket.name) AND slot = \(slot)
                    """)
                try tx.execute(
                    """
                    INSERT INTO projection.stage_memory_part (tenant_id, name, slot, part, body)
                    SELECT \(ticket.tenant), \(ticket.name), \(slot), p.* FROM unnest(\(numbers), \(bodies)) AS p
                    """)
                return true
            }
        }
    }

    /// What is vouched for: whose memory it is, of which code, up to where, and its parts.
    private static func statement(_ ticket: Ticket, _ position: Int64, _ parts: [[UInt8]]) -> [UInt8] {
        let what: JSONValue = [
            "tenant": .string(ticket.tenant.lowercased), "name": .string(ticket.name), "code": .string(ticket.code),
            "next_position": .integer(position), "parts": .array(parts.map { .string(Digest.sha256($0).text) }),
        ]
        return what.canonicalBytes()
    }

    private func guarded<T: Sendable>(
        _ body: () async throws(PostgresError) -> T
    ) async throws(EventLogError) -> T {
        do {
            return try await body()
        } catch  where error.code == .cancelled {
            throw EventLogError(.cancelled, "the task was cancelled", cause: error)
        } catch {
            throw EventLogError(.unavailable, "a stage's memory cannot be reached", cause: error)
        }
    }
}

extension EventLog {
    /// What stages remember, kept beside the log.
    package var memories: StageMemories { StageMemories(self) }
}
