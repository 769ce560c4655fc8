import Foundation
import Postgres

/// The right to fill one set of a projection's tables of a tenant: the id of the rebuild in the set's position row.
///
/// It is looked for, under the row's lock, in every transaction that writes. An erasure takes it away together with all
/// rows, another rebuild and a drop do so too; what was read before can then not be written any more.
struct FillLease: Sendable {
    let projection: any Projection
    let tenant: UUID
    let set: TableSet
    private let id: UUID
    private let database: Database

    /// Takes the set that readers are not sent to, whoever had it, and empties it.
    static func take(
        _ projection: any Projection, tenant: UUID, in database: Database
    ) async throws(PostgresError) -> FillLease {
        let name = projection.name
        let id = UUID()
        let set = try await database.transaction { tx throws(PostgresError) in
            try tx.execute(
                """
                SELECT FROM docket.projection_position WHERE tenant_id = \(tenant) AND name = \(name)
                 ORDER BY version FOR UPDATE
                """)
            let live = try LiveSet.read(projection, tenant: tenant, in: tx).set.version
            let version = projection.other(than: live)
            try tx.execute(
                """
                INSERT INTO docket.projection_position (tenant_id, name, version, next_position, rebuild)
                VALUES (\(tenant), \(name), \(version), 0, \(id))
                ON CONFLICT (tenant_id, name, version) DO UPDATE SET
                    next_position = 0, blocked_at = NULL, error = NULL, rebuild = excluded.rebuild
                """)
            try ProjectionMark.clear(name, version: version, tenant: tenant, in: tx)
            return TableSet(version: version)
        }
        let lease = FillLease(projection: projection, tenant: tenant, set: set, id: id, database: database)
        try await lease.empty()
        return lease
    }

    private init(projection: any Projection, tenant: UUID, set: TableSet, id: UUID, database: Database) {
        self.projection = projection
        self.tenant = tenant
        self.set = set
        self.id = id
        self.database = database
    }

    /// One transaction a table, so that an erasure waits for none of them for long.
    func empty() async throws(PostgresError) {
        for table in projection.tables(in: set) {
            let tenant = tenant
            try await write(next: 0) { tx throws(PostgresError) in
                try tx.execute("DELETE FROM \(unescaped: table) WHERE tenant_id = \(tenant)")
            }
        }
    }

    /// - Parameter next: how far the fill is, to be shown: nobody reads the set by it.
    func write(
        next: Int64, _ body: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> Void
    ) async throws(PostgresError) {
        try await database.transaction { tx throws(PostgresError) in
            try tx.run(script: "SET LOCAL statement_timeout = 0")
            try hold(tx)
            try body(tx)
            try update(next, releasing: false, tx)
        }
    }

    /// Hands the set over to the workers, who go on at a position.
    ///
    /// - Parameter erasures: what the tenant's last erasure was when reading began. A later one makes what was read stale.
    func finish(next: Int64, erasures: Int64) async throws(PostgresError) {
        try await database.transaction { tx throws(PostgresError) in
            try hold(tx)
            guard try ProjectionPlace.erasures(of: tenant, in: tx) == erasures else { throw .abandon(lost) }
            try update(next, releasing: true, tx)
        }
    }

    private func hold(_ tx: borrowing Transaction) throws(PostgresError) {
        let held = try tx.first(
            """
            SELECT rebuild FROM docket.projection_position
             WHERE tenant_id = \(tenant) AND name = \(projection.name) AND version = \(set.version) FOR UPDATE
            """
        ) { row throws(PostgresError) in try row[0] as UUID? }
        guard held == id else { throw .abandon(lost) }
    }

    private func update(_ next: Int64, releasing: Bool, _ tx: borrowing Transaction) throws(PostgresError) {
        try tx.execute(
            """
            UPDATE docket.projection_position SET next_position = \(next), rebuild = \(releasing ? nil : id)
             WHERE tenant_id = \(tenant) AND name = \(projection.name) AND version = \(set.version)
            """)
    }

    private var lost: ProjectionError {
        ProjectionError(
            .superseded,
            "version \(set.version) of \(projection.name) was taken away by another rebuild, an erasure, or a drop")
    }
}
