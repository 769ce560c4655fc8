import Crypto
import Events
import Foundation
import Postgres

/// Compares a tenant's rows in a live table with those in a temporary one of the same columns.
struct TableComparison {
    let tenant: UUID
    let name: String
    let live: String
    let expected: String

    func run(in tx: borrowing Transaction) throws(PostgresError) -> ProjectionVerdict.Table {
        let keys = try keyColumns(tx)
        let (rows, digest) = try summary(of: live, keys, tx)
        let (expectedRows, expectedDigest) = try summary(of: expected, keys, tx)
        var table = ProjectionVerdict.Table(
            name: name, rows: rows, expectedRows: expectedRows, digest: digest, expectedDigest: expectedDigest)
        if !table.isEqual { table.difference = try firstDifference(keys, tx) }
        return table
    }

    /// Those of the primary key, without the tenant's.
    private func keyColumns(_ tx: borrowing Transaction) throws(PostgresError) -> [String] {
        try tx.query(
            """
            SELECT quote_ident(a.attname)
              FROM pg_catalog.pg_index AS i
             CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE i.indrelid = \(live)::text::regclass AND i.indisprimary AND a.attname <> 'tenant_id'
             ORDER BY k.place
            """
        ) { row throws(PostgresError) in try row[0] as String }
    }

    private func summary(
        of table: String, _ keys: [String], _ tx: borrowing Transaction
    ) throws(PostgresError) -> (rows: Int64, digest: String) {
        var digest = SHA256()
        var rows: Int64 = 0
        // COPY takes no parameters; an id is spelled by this program.
        try tx.copy(
            from: Query(
                unescaped: """
                    SELECT sha256(convert_to(t::text, 'UTF8')) FROM \(table) AS t
                     WHERE t.tenant_id = '\(tenant.lowercased)' ORDER BY \(keys.joined(separator: ", "))
                    """)
        ) { row throws(PostgresError) in
            digest.update(data: try row.next() as [UInt8])
            rows += 1
        }
        let text = digest.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return (rows, text)
    }

    private func firstDifference(
        _ keys: [String], _ tx: borrowing Transaction
    ) throws(PostgresError) -> ProjectionDifference? {
        let columns = keys.joined(separator: ", ")
        // Text, because json has no equality, and one tenant's rows on both sides before they are joined.
        let found = try tx.first(
            """
            SELECT d.key::text, d.live IS NULL, d.expected IS NULL, d.live::text, d.expected::text
              FROM (SELECT json_build_object(\(unescaped: keys.map { "'\($0.filter { $0 != "\"" })', \($0)" }.joined(separator: ", "))) AS key,
                           l.row AS live, e.row AS expected,
                           row_number() OVER (ORDER BY \(unescaped: columns)) AS place
                      FROM (SELECT \(unescaped: columns), row_to_json(t) AS row FROM \(unescaped: live) AS t
                             WHERE t.tenant_id = \(tenant)) AS l
                      FULL JOIN (SELECT \(unescaped: columns), row_to_json(t) AS row FROM \(unescaped: expected) AS t
                                  WHERE t.tenant_id = \(tenant)) AS e USING (\(unescaped: columns))
                     WHERE l.row::text IS DISTINCT FROM e.row::text) AS d
             ORDER BY d.place LIMIT 1
            """
        ) { row throws(PostgresError) in
            (
                key: try row[0] as String, isMissing: try row[1] as Bool, isUnexpected: try row[2] as Bool,
                live: try row[3] as String?, expected: try row[4] as String?
            )
        }
        guard let found else { return nil }
        let key = try members(of: found.key, tx)
        if found.isMissing { return ProjectionDifference(kind: .missing, key: key, columns: []) }
        if found.isUnexpected { return ProjectionDifference(kind: .unexpected, key: key, columns: []) }
        let altered = try tx.query(
            """
            SELECT key, encode(sha256(convert_to(l.value, 'UTF8')), 'hex'),
                   encode(sha256(convert_to(e.value, 'UTF8')), 'hex')
              FROM json_each_text(\(found.live)::text::json) AS l
              FULL JOIN json_each_text(\(found.expected)::text::json) AS e USING (key)
             WHERE l.value IS DISTINCT FROM e.value ORDER BY key
            """
        ) { row throws(PostgresError) in
            ProjectionDifference.Column(name: try row[0], digest: try row[1], expectedDigest: try row[2])
        }
        return ProjectionDifference(kind: .altered, key: key, columns: altered)
    }

    private func members(
        of object: String, _ tx: borrowing Transaction
    ) throws(PostgresError) -> [String: String] {
        let pairs = try tx.query("SELECT key, coalesce(value, '') FROM json_each_text(\(object)::text::json)") {
            row throws(PostgresError) in (try row[0] as String, try row[1] as String)
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
