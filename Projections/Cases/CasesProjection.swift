import Cases
import Events
import Foundation
package import Postgres

/// The cases themselves, and what lists of them are searched by.
package struct CasesProjection: CaseDerivedProjection {
    package let name = "cases"
    package let generation: Int32 = 1
    package let tables = ["cases", "case_entity", "case_alert"]
    package let foldsCases = true
    package var ddl: String { SQL.text("Cases/cases.sql") }

    package init() {}

    var copied: [CopiedTable] {
        [
            CopiedTable(
                "cases",
                """
                tenant_id, case_id, version, last_position, state, severity, severity_rank, assignee_issuer, \
                assignee_subject, queue, opened_at, updated_at, sla_breached, sla_at_risk, next_due_at, view, record
                """),
            CopiedTable("case_entity", "tenant_id, value_digest, entity_type, case_id, value"),
            CopiedTable("case_alert", "tenant_id, alert_id, case_id"),
        ]
    }

    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError) {
        let row = try CaseRow(record)
        rows[0].append(
            record.tenant, row.id, row.version, row.lastPosition, row.state, row.severity, row.severityRank,
            row.assigneeIssuer, row.assigneeSubject, row.queue, row.openedAt, row.updatedAt, row.isBreached,
            row.isAtRisk, row.nextDueAt, row.view, row.record)
        for key in Set(record.targetsInScope.map(\.key)) {
            rows[1].append(record.tenant, key.valueDigest, key.type.rawValue, record.id, key.value)
        }
        for alert in Set(record.alerts.map(\.alertID)) { rows[2].append(record.tenant, alert, record.id) }
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        guard !batch.cases.isEmpty else { return }
        try write(try batch.cases.map { record throws(PostgresError) in try CaseRow(record) }, batch.tenant, set, tx)
        let ids = batch.cases.map(\.id)
        try tx.execute(
            "DELETE FROM \(unescaped: set["case_entity"]) WHERE tenant_id = \(batch.tenant) AND case_id = ANY(\(ids))")
        try tx.execute(
            "DELETE FROM \(unescaped: set["case_alert"]) WHERE tenant_id = \(batch.tenant) AND case_id = ANY(\(ids))")
        try writeEntities(batch, set, tx)
        try writeAlerts(batch, set, tx)
    }

    private func write(
        _ rows: [CaseRow], _ tenant: UUID, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["cases"]) (
                tenant_id, case_id, version, last_position, state, severity, severity_rank, assignee_issuer,
                assignee_subject, queue, opened_at, updated_at, sla_breached, sla_at_risk, next_due_at, view, record)
            SELECT \(tenant), r.*
              FROM unnest(
                       \(rows.map(\.id)), \(rows.map(\.version)), \(rows.map(\.lastPosition)), \(rows.map(\.state)),
                       \(rows.map(\.severity)), \(rows.map(\.severityRank)), \(rows.map(\.assigneeIssuer)),
                       \(rows.map(\.assigneeSubject)), \(rows.map(\.queue)), \(rows.map(\.openedAt)),
                       \(rows.map(\.updatedAt)), \(rows.map(\.isBreached)), \(rows.map(\.isAtRisk)),
                       \(rows.map(\.nextDueAt)), \(rows.map(\.view)), \(rows.map(\.record))) AS r
            ON CONFLICT (tenant_id, case_id) DO UPDATE SET
                version = excluded.version, last_position = excluded.last_position, state = excluded.state,
                severity = excluded.severity, severity_rank = excluded.severity_rank,
                assignee_issuer = excluded.assignee_issuer, assignee_subject = excluded.assignee_subject,
                queue = excluded.queue, opened_at = excluded.opened_at, updated_at = excluded.updated_at,
                sla_breached = excluded.sla_breached, sla_at_risk = excluded.sla_at_risk,
                next_due_at = excluded.next_due_at, view = excluded.view, record = excluded.record
            """)
    }

    private func writeEntities(
        _ batch: ProjectionBatch, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        var cases: [UUID] = []
        var keys: [EntityKey] = []
        for record in batch.cases {
            for key in Set(record.targetsInScope.map(\.key)) {
                cases.append(record.id)
                keys.append(key)
            }
        }
        guard !keys.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["case_entity"]) (tenant_id, value_digest, entity_type, case_id, value)
            SELECT \(batch.tenant), e.*
              FROM unnest(\(keys.map(\.valueDigest)), \(keys.map(\.type.rawValue)), \(cases), \(keys.map(\.value))) AS e
            """)
    }

    private func writeAlerts(
        _ batch: ProjectionBatch, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        var cases: [UUID] = []
        var alerts: [UUID] = []
        for record in batch.cases {
            for alert in Set(record.alerts.map(\.alertID)) {
                cases.append(record.id)
                alerts.append(alert)
            }
        }
        guard !alerts.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["case_alert"]) (tenant_id, alert_id, case_id)
            SELECT \(batch.tenant), a.* FROM unnest(\(alerts), \(cases)) AS a
            """)
    }
}

/// One row of `cases_v1`.
private struct CaseRow {
    var id: UUID
    var version: Int64
    var lastPosition: Int64
    var state: String
    var severity: String
    var severityRank: Int32
    var assigneeIssuer: String?
    var assigneeSubject: String?
    var queue: String
    var openedAt: PostgresTimestamp
    var updatedAt: PostgresTimestamp
    var isBreached: Bool
    var isAtRisk: Bool
    var nextDueAt: PostgresTimestamp?
    var view: PostgresJSON
    var record: PostgresJSON

    init(_ record: CaseRecord) throws(PostgresError) {
        guard let opened = record.anchors.openedAt, let updated = record.anchors.updatedAt else {
            throw .abandon(ProjectionError(.corrupt, "case \(record.id.lowercased) was never opened"))
        }
        let open = record.sla.filter { $0.status != .ended }
        id = record.id
        version = record.version
        lastPosition = record.lastPosition
        state = record.state.rawValue
        severity = record.severity.rawValue
        severityRank = Int32(record.severity.rank)
        assigneeIssuer = record.assignee?.issuer
        assigneeSubject = record.assignee?.subject
        queue = record.queue
        openedAt = opened.timestamp
        updatedAt = updated.timestamp
        // By what was recorded, never by comparing a deadline with a clock: the row changes with the log alone.
        isBreached = open.contains { $0.breachedAt != nil }
        isAtRisk = open.contains { $0.atRisk && $0.breachedAt == nil }
        nextDueAt = open.filter { $0.status == .running && $0.breachedAt == nil }.map(\.dueAt).min()?.timestamp
        view = try StoredJSON.view(CaseView(record, asOf: record.lastPosition))
        self.record = try StoredJSON.record(record)
    }
}

extension EntityKey {
    /// What entity tables are keyed by.
    var valueDigest: [UInt8] { Digest.sha256(Array(value.utf8)).bytes }
}
