package import Foundation
package import Postgres

/// One of the sets of tables in which a projection's rows can lie.
///
/// Each generation of a projection's code has two, so that one can be filled while the other serves: generation 1 has
/// versions 1 and 2, generation 2 has 3 and 4. So a version always says which code wrote it. What readers are sent to is
/// `docket.projection_live`, tenant by tenant; where that names no version of theirs, it is the lowest that there is.
package struct TableSet: Sendable, Hashable {
    package let version: Int32
    private let schema: String

    package init(version: Int32) {
        self.version = version
        schema = "projection"
    }

    private init(version: Int32, schema: String) {
        self.version = version
        self.schema = schema
    }

    /// The same tables, temporary in one connection.
    var temporary: TableSet { TableSet(version: version, schema: "pg_temp") }

    /// A table by its plain name, as SQL spells it.
    package subscript(table: String) -> String { "\(schema).\(table)_v\(version)" }
}

extension Projection {
    /// The versions that this build's code can read and write.
    package var versions: [Int32] { [2 * generation - 1, 2 * generation] }

    /// The statements that make the tables of all versions where they are missing.
    package var statements: [String] { versions.map { ddl.replacing("{version}", with: String($0)) } }

    package func tables(in set: TableSet) -> [String] { tables.map { set[$0] } }

    func other(than version: Int32) -> Int32 { versions.first { $0 != version } ?? version }

    /// Empties the tables of a tenant.
    func empty(_ set: TableSet, of tenant: UUID, in tx: borrowing Transaction) throws(PostgresError) {
        for table in tables(in: set) { try tx.execute("DELETE FROM \(unescaped: table) WHERE tenant_id = \(tenant)") }
    }
}

/// The set that readers are sent to, and how far it has come.
package struct LiveSet: Sendable, Hashable {
    package var set: TableSet
    package var next: Int64

    /// Position 0 of the first version where there is no row yet.
    package static func read(
        _ projection: any Projection, tenant: UUID, in tx: borrowing Transaction
    ) throws(PostgresError) -> LiveSet {
        let found = try tx.first(query(projection, tenant)) { row throws(PostgresError) in
            LiveSet(set: TableSet(version: try row[0]), next: try row[1])
        }
        return found ?? LiveSet(set: TableSet(version: projection.versions[0]), next: 0)
    }

    /// Gives version and next position; no row when there is none yet.
    static func query(_ projection: any Projection, _ tenant: UUID) -> Query {
        """
        SELECT p.version, p.next_position
          FROM docket.projection_position AS p
          LEFT JOIN docket.projection_live AS l
            ON l.tenant_id = \(tenant) AND l.name = \(projection.name) AND l.version = p.version
         WHERE p.tenant_id = \(tenant) AND p.name = \(projection.name)
           AND p.version = ANY(\(projection.versions)) AND p.rebuild IS NULL
         ORDER BY l.version NULLS LAST, p.version LIMIT 1
        """
    }
}
