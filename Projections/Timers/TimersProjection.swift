import Cases
import Foundation
package import Postgres

/// The moments at which something about a case becomes due (`CaseRecord.dueTimes`).
package struct TimersProjection: Projection {
    package let name = "timers"
    package let version: Int32 = 1
    package let tables = ["projection.timers_v1"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Timers/timers.sql") }

    package init() {}

    package func apply(_ batch: ProjectionBatch, in tx: borrowing Transaction) throws(PostgresError) {
        guard !batch.cases.isEmpty else { return }
        try tx.execute(
            """
            DELETE FROM projection.timers_v1
             WHERE tenant_id = \(batch.tenant) AND case_id = ANY(\(batch.cases.map(\.id)))
            """)
        let all = batch.cases.flatMap { record in record.dueTimes.map { (record.id, $0) } }
        guard !all.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO projection.timers_v1 (tenant_id, case_id, kind, key, due_at)
            SELECT \(batch.tenant), t.*
              FROM unnest(
                       \(all.map(\.0)), \(all.map(\.1.kind.rawValue)), \(all.map(\.1.key)),
                       \(all.map(\.1.at.timestamp))) AS t
            """)
    }
}
