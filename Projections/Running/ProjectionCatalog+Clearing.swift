package import Foundation
package import Postgres

extension ProjectionCatalog {
    /// Takes every row of the tenant out of every projection, in every set of tables there is, the live one, a retired
    /// one and one that is being filled, and sends all of them back to position 0: the workers fill them again from the
    /// log as it reads now. For the transaction of an erasure (`EventLog.erase(keys:recording:clear:)`).
    ///
    /// The tables are those of the database, not those of this build: an older build's may hold plaintext as well.
    /// Waits for steps of workers that are under way; steps that come after see that their position has moved.
    /// Needs no more rights than `docket_eraser` has. Until the workers are through, readers see the projections grow.
    package static func clear(tenant: UUID, in tx: borrowing Transaction) throws(PostgresError) {
        // Always in the same order, which is also that of a flip, so that no two wait for each other.
        try tx.execute(
            """
            SELECT FROM docket.projection_position WHERE tenant_id = \(tenant) ORDER BY name, version FOR UPDATE
            """)
        try tx.execute(
            """
            UPDATE docket.projection_position
               SET next_position = 0, blocked_at = NULL, error = NULL, rebuild = NULL
             WHERE tenant_id = \(tenant)
            """)
        try tx.execute("DELETE FROM docket.projection_mark WHERE tenant_id = \(tenant)")
        let tables = try tx.query(
            """
            SELECT format('%I.%I', n.nspname, c.relname)
              FROM pg_catalog.pg_class AS c
              JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
             WHERE n.nspname = 'projection' AND c.relkind IN ('r', 'p')
             ORDER BY 1
            """
        ) { row throws(PostgresError) in try row[0] as String }
        for table in tables { try tx.execute("DELETE FROM \(unescaped: table) WHERE tenant_id = \(tenant)") }
    }
}
