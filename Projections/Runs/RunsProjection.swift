import Cases
import Foundation
package import Postgres
import Runs

/// Runs and their steps as the API shows them.
package struct RunsProjection: CaseDerivedProjection {
    package let name = "runs"
    package let generation: Int32 = 2
    package let tables = ["runs"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Runs/runs.sql") }

    package init() {}

    var copied: [CopiedTable] {
        [CopiedTable("runs", "tenant_id, run_id, case_id, version, state, started_at, view, steps")]
    }

    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError) {
        for run in record.runs {
            rows[0].append(
                record.tenant, run.id, record.id, run.version, run.state.rawValue, run.startedAt.timestamp,
                try StoredJSON.view(RunView(run, asOf: record.lastPosition)),
                try StoredJSON.column(run.steps.map { StepView($0, run: run.id) }))
        }
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        let all = batch.cases.flatMap { record in record.runs.map { (record, $0) } }
        guard !all.isEmpty else { return }
        let runs = all.map(\.1)
        let views = try all.map { pair throws(PostgresError) in
            try StoredJSON.view(RunView(pair.1, asOf: pair.0.lastPosition))
        }
        let steps = try runs.map { run throws(PostgresError) in
            try StoredJSON.column(run.steps.map { StepView($0, run: run.id) })
        }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["runs"]) (tenant_id, run_id, case_id, version, state, started_at, view, steps)
            SELECT \(batch.tenant), r.*
              FROM unnest(
                       \(runs.map(\.id)), \(all.map(\.0.id)), \(runs.map(\.version)), \(runs.map(\.state.rawValue)),
                       \(runs.map(\.startedAt.timestamp)), \(views), \(steps)) AS r
            ON CONFLICT (tenant_id, run_id) DO UPDATE SET
                case_id = excluded.case_id, version = excluded.version, state = excluded.state,
                started_at = excluded.started_at, view = excluded.view, steps = excluded.steps
            """)
    }
}
