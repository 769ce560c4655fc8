package import EventLog
package import Events
package import Foundation
import JSON
package import Postgres
import Proof

/// The log of all tenants' roots: every ten seconds, the newest checkpoint of each tenant that has grown is recorded in the
/// system tenant's log (`checkpoint.recorded`), whose own tree thereby covers them all. One witness of that tree is one of
/// every tenant, and whoever takes back a tenant's events together with all their signed checkpoints is told by it.
///
/// Tenants stand in it under labels that only holders of the system tenant's key can tell apart from others: a witness
/// learns how many logs grow, not whose.
package struct RootLog: Sendable {
    package static let eventType = "checkpoint.recorded"
    /// Checkpoints in one event.
    private static let eventMaximum = 500

    private let log: EventLog
    private let database: Database
    private let system: UUID
    private let clock: @Sendable () -> Instant

    /// - Parameter system: the system tenant.
    package init(
        log: EventLog, database: Database, system: UUID, clock: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.log = log
        self.database = database
        self.system = system
        self.clock = clock
    }

    /// How a tenant is called in the log of roots.
    package func label(of tenant: UUID) async throws -> String {
        let code = try await log.matchingCode(type: "tenant", value: .string(tenant.lowercased), tenant: system)
        return Data(code).base64EncodedString()
    }

    /// Records what has grown beyond `known`, which is brought up to date; a process that has just started records all.
    ///
    /// - Parameter tenants: those that may have grown; `nil` for all.
    package func record(_ tenants: [UUID]? = nil, beyond known: inout [UUID: Int64]) async throws {
        var asked = tenants ?? []
        if tenants == nil { asked = Array(try await log.heads().keys) }
        asked = asked.filter { $0 != system }
        guard !asked.isEmpty else { return }
        let newest = try await database.query(
            """
            SELECT t.tenant_id, c.tree_size, c.root
              FROM unnest(\(asked)) AS t (tenant_id)
             CROSS JOIN LATERAL (
                   SELECT c.tree_size, c.root FROM docket.checkpoint AS c
                    WHERE c.tenant_id = t.tenant_id ORDER BY c.tree_size DESC LIMIT 1) AS c
            """
        ) { row throws(PostgresError) in
            (tenant: try row[0] as UUID, size: try row[1] as Int64, root: try row[2] as [UInt8])
        }
        var grown: [(tenant: UUID, size: Int64, json: JSONValue)] = []
        for checkpoint in newest.sorted(by: { $0.tenant.uuidString < $1.tenant.uuidString })
        where checkpoint.size > known[checkpoint.tenant] ?? 0 {
            grown.append(
                (
                    checkpoint.tenant, checkpoint.size,
                    [
                        "label": .string(try await label(of: checkpoint.tenant)),
                        "tree_size": .integer(checkpoint.size),
                        "root": .string(Data(checkpoint.root).base64EncodedString()),
                    ]
                ))
        }
        for start in stride(from: 0, to: grown.count, by: Self.eventMaximum) {
            let part = grown[start..<min(start + Self.eventMaximum, grown.count)]
            let event = NewEvent(
                eventID: .v7(at: clock()), type: Self.eventType, occurredAt: clock(),
                actor: Actor(kind: .service, subject: "docket.sealer", lane: .system), correlationID: .v7(at: clock()),
                data: ["checkpoints": .array(part.map(\.json))])
            _ = try await log.append(
                AppendRequest(
                    tenant: system, streamKind: "system", streamID: .v5(namespace: system, name: "checkpoints"),
                    expected: .any, events: [event]))
            for (tenant, size, _) in part { known[tenant] = size }
        }
    }

    /// What was recorded of a tenant: of each size the first root, smallest first.
    func recorded(of tenant: UUID) async throws -> [StoredTree.Signed] {
        let label = JSONValue.string(try await label(of: tenant))
        var roots: [Int64: [UInt8]] = [:]
        var next: Int64 = 0
        let head = try await log.head(tenant: system)
        while next < head {
            let page = try await log.page(tenant: system, from: next, limit: 500, types: [Self.eventType])
            for event in page.events {
                for entry in event.data["checkpoints"]?.arrayValue ?? [] where entry["label"] == label {
                    guard let size = entry["tree_size"]?.int64Value, roots[size] == nil,
                        let root = entry["root"]?.stringValue.flatMap({ Data(base64Encoded: $0) })
                    else { continue }
                    roots[size] = Array(root)
                }
            }
            next = page.next
        }
        return roots.sorted { $0.key < $1.key }.map { StoredTree.Signed(size: $0.key, root: $0.value, note: "") }
    }
}
