import Cases
import Foundation
package import Postgres

/// What each case contributes to the metrics (`CaseFacts`).
package struct MetricsProjection: CaseDerivedProjection {
    package let name = "metrics"
    package let generation: Int32 = 1
    package let tables = ["metrics"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Metrics/metrics.sql") }

    package init() {}

    var copied: [CopiedTable] { [CopiedTable("metrics", "tenant_id, case_id, facts")] }

    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError) {
        rows[0].append(record.tenant, record.id, try StoredJSON.column(CaseFacts(record)))
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        guard !batch.cases.isEmpty else { return }
        let facts = try batch.cases.map { record throws(PostgresError) in try StoredJSON.column(CaseFacts(record)) }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["metrics"]) (tenant_id, case_id, facts)
            SELECT \(batch.tenant), f.* FROM unnest(\(batch.cases.map(\.id)), \(facts)) AS f
            ON CONFLICT (tenant_id, case_id) DO UPDATE SET facts = excluded.facts
            """)
    }
}
