import Cases
import Foundation
package import Postgres

/// The moments at which something about a case becomes due (`CaseRecord.dueTimes`).
package struct TimersProjection: CaseDerivedProjection {
    package let name = "timers"
    package let generation: Int32 = 1
    package let tables = ["timers"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Timers/timers.sql") }

    package init() {}

    var copied: [CopiedTable] { [CopiedTable("timers", "tenant_id, case_id, kind, key, due_at")] }

    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError) {
        for due in record.dueTimes {
            rows[0].append(record.tenant, record.id, due.kind.rawValue, due.key, due.at.timestamp)
        }
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        guard !batch.cases.isEmpty else { return }
        try tx.execute(
            """
            DELETE FROM \(unescaped: set["timers"])
             WHERE tenant_id = \(batch.tenant) AND case_id = ANY(\(batch.cases.map(\.id)))
            """)
        let all = batch.cases.flatMap { record in record.dueTimes.map { (record.id, $0) } }
        guard !all.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["timers"]) (tenant_id, case_id, kind, key, due_at)
            SELECT \(batch.tenant), t.*
              FROM unnest(
                       \(all.map(\.0)), \(all.map(\.1.kind.rawValue)), \(all.map(\.1.key)),
                       \(all.map(\.1.at.timestamp))) AS t
            """)
    }
}
