import Cases
import Foundation
package import Postgres

/// Runs and their steps as the API shows them.
package struct RunsProjection: Projection {
    package let name = "runs"
    package let version: Int32 = 1
    package let tables = ["projection.runs_v1"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Runs/runs.sql") }

    package init() {}

    package func apply(_ batch: ProjectionBatch, in tx: borrowing Transaction) throws(PostgresError) {
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
            INSERT INTO projection.runs_v1 (tenant_id, run_id, case_id, version, state, started_at, view, steps)
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
