import Cases
import Foundation
package import Postgres

/// Approvals as the API shows them. An approval lives in its case's stream and shows the case's evidence and gate, so
/// every event of the case may change it.
package struct ApprovalsProjection: CaseDerivedProjection {
    package let name = "approvals"
    package let generation: Int32 = 1
    package let tables = ["approvals"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Approvals/approvals.sql") }

    package init() {}

    var copied: [CopiedTable] {
        [CopiedTable("approvals", "tenant_id, approval_id, case_id, version, state, requested_at, expires_at, view")]
    }

    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError) {
        for approval in record.approvals {
            rows[0].append(
                record.tenant, approval.id, record.id, approval.version, approval.state.rawValue,
                approval.requestedAt.timestamp, approval.expiresAt.timestamp,
                try StoredJSON.view(ApprovalView(approval, of: record, asOf: record.lastPosition)))
        }
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        let all = batch.cases.flatMap { record in record.approvals.map { (record, $0) } }
        guard !all.isEmpty else { return }
        let views = try all.map { pair throws(PostgresError) in
            try StoredJSON.view(ApprovalView(pair.1, of: pair.0, asOf: pair.0.lastPosition))
        }
        let approvals = all.map(\.1)
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["approvals"]) (
                tenant_id, approval_id, case_id, version, state, requested_at, expires_at, view)
            SELECT \(batch.tenant), r.*
              FROM unnest(
                       \(approvals.map(\.id)), \(all.map(\.0.id)), \(approvals.map(\.version)),
                       \(approvals.map(\.state.rawValue)), \(approvals.map(\.requestedAt.timestamp)),
                       \(approvals.map(\.expiresAt.timestamp)), \(views)) AS r
            ON CONFLICT (tenant_id, approval_id) DO UPDATE SET
                case_id = excluded.case_id, version = excluded.version, state = excluded.state,
                requested_at = excluded.requested_at, expires_at = excluded.expires_at, view = excluded.view
            """)
    }
}
