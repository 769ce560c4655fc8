import Events
import Foundation
import Postgres

/// Where a set of a projection of a tenant stands, read at one moment.
struct ProjectionPlace: Sendable, Hashable {
    var set: TableSet
    /// The next event to take.
    var next: Int64
    /// How many events the tenant has.
    var head: Int64
    /// Position of the last `subject.erased`, -1 when there is none: an erasure between reading events and writing rows
    /// would otherwise let plaintext back in.
    var erasures: Int64
    /// The streams that are set aside, by stream.
    var marks: [ProjectionMark] = []
    /// A rebuild fills it, or it was dropped: nothing for a worker.
    var isAbsent = false
}

extension ProjectionPlace {
    /// - Parameter version: `nil` for the one that readers are sent to, whose row is made at the first time. An unknown
    ///   tenant is an empty one.
    static func read(
        _ projection: any Projection, version: Int32? = nil, tenant: UUID, in database: Database
    ) async throws(PostgresError) -> ProjectionPlace {
        let found = try await database.first(
            """
            SELECT h.next_position, p.version, p.next_position, (\(unescaped: erasuresOf)\(tenant))),
                   EXISTS (SELECT FROM docket.projection_mark AS m
                            WHERE m.tenant_id = \(tenant) AND m.name = \(projection.name) AND m.version = p.version)
              FROM docket.tenant_head AS h
              LEFT JOIN LATERAL (
                   SELECT p.version, p.next_position
                     FROM docket.projection_position AS p
                     LEFT JOIN docket.projection_live AS l
                       ON l.tenant_id = \(tenant) AND l.name = \(projection.name) AND l.version = p.version
                    WHERE p.tenant_id = \(tenant) AND p.name = \(projection.name)
                      AND p.version = ANY(\(version.map { [$0] } ?? projection.versions)) AND p.rebuild IS NULL
                    ORDER BY l.version NULLS LAST, p.version LIMIT 1) AS p ON true
             WHERE h.tenant_id = \(tenant)
            """
        ) { row throws(PostgresError) in
            (
                head: try row[0] as Int64, version: try row[1] as Int32?, next: try row[2] as Int64?,
                erasures: try row[3] as Int64, hasMarks: try row[4] as Bool
            )
        }
        let first = TableSet(version: version ?? projection.versions[0])
        guard let found else { return ProjectionPlace(set: first, next: 0, head: 0, erasures: -1) }
        if let version = found.version, let next = found.next {
            var place = ProjectionPlace(
                set: TableSet(version: version), next: next, head: found.head, erasures: found.erasures)
            if found.hasMarks {
                place.marks = try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                    try ProjectionMark.all(of: projection, version: version, tenant: tenant, in: tx)
                }
            }
            return place
        }
        var place = ProjectionPlace(set: first, next: 0, head: found.head, erasures: found.erasures)
        if version == nil {
            try await make(projection, first.version, tenant: tenant, in: database)
        } else {
            place.isAbsent = true
        }
        return place
    }

    /// The row whose lock is the lease.
    private static func make(
        _ projection: any Projection, _ version: Int32, tenant: UUID, in database: Database
    ) async throws(PostgresError) {
        try await database.execute(
            """
            INSERT INTO docket.projection_position (tenant_id, name, version, next_position)
            VALUES (\(tenant), \(projection.name), \(version), 0)
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
