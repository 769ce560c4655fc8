import Cases
import Foundation
package import Postgres

/// What each case contributes to the metrics (`CaseFacts`).
package struct MetricsProjection: Projection {
    package let name = "metrics"
    package let version: Int32 = 1
    package let tables = ["projection.metrics_v1"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Metrics/metrics.sql") }

    package init() {}

    package func apply(_ batch: ProjectionBatch, in tx: borrowing Transaction) throws(PostgresError) {
        guard !batch.cases.isEmpty else { return }
        let facts = try batch.cases.map { record throws(PostgresError) in try StoredJSON.column(CaseFacts(record)) }
        try tx.execute(
            """
            INSERT INTO projection.metrics_v1 (tenant_id, case_id, facts)
            SELECT \(batch.tenant), f.* FROM unnest(\(batch.cases.map(\.id)), \(facts)) AS f
            ON CONFLICT (tenant_id, case_id) DO UPDATE SET facts = excluded.facts
            """)
    }
}
