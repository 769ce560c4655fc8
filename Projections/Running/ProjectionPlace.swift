import Events
import Foundation
import Postgres

/// Where a projection of a tenant stands, read at one moment.
struct ProjectionPlace: Sendable, Hashable {
    /// The next event to take.
    var next: Int64
    /// How many events the tenant has.
    var head: Int64
    /// Position of the last `subject.erased`, -1 when there is none: an erasure between reading events and writing rows
    /// would otherwise let plaintext back in.
    var erasures: Int64
}

extension ProjectionPlace {
    /// Makes the row at the first time; an unknown tenant is an empty one.
    static func read(
        _ projection: any Projection, tenant: UUID, in database: Database
    ) async throws(PostgresError) -> ProjectionPlace {
        let found = try await database.first(
            """
            SELECT h.next_position, p.next_position, (\(unescaped: erasuresOf)\(tenant)))
              FROM docket.tenant_head AS h
              LEFT JOIN docket.projection_position AS p
                ON p.tenant_id = \(tenant) AND p.name = \(projection.name) AND p.version = \(projection.version)
             WHERE h.tenant_id = \(tenant)
            """
        ) { row throws(PostgresError) in
            (head: try row[0] as Int64, next: try row[1] as Int64?, erasures: try row[2] as Int64)
        }
        guard let found else { return ProjectionPlace(next: 0, head: 0, erasures: -1) }
        if found.next == nil { try await make(projection, tenant: tenant, in: database) }
        return ProjectionPlace(next: found.next ?? 0, head: found.head, erasures: found.erasures)
    }

    /// The row whose lock is the lease.
    static func make(
        _ projection: any Projection, tenant: UUID, in database: Database
    ) async throws(PostgresError) {
        try await database.execute(
            """
            INSERT INTO docket.projection_position (tenant_id, name, version, next_position)
            VALUES (\(tenant), \(projection.name), \(projection.version), 0)
            ON CONFLICT (tenant_id, name, version) DO NOTHING
            """)
    }

    static func erasures(of tenant: UUID, in tx: borrowing Transaction) throws(PostgresError) -> Int64 {
        try tx.value("SELECT (\(unescaped: erasuresOf)\(tenant)))")
    }

    private static let erasuresOf = """
        SELECT coalesce(max(e.position), -1) FROM docket.event AS e
         WHERE e.type = 'subject.erased' AND (e.tenant_id =
        """
}
