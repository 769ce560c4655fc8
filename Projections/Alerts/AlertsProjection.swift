import Events
import Foundation
package import Postgres

/// Alerts and what became of them: an alert's own stream says what it is, the cases' streams where it belongs.
///
/// The state before a batch is the stored view itself, so no stream is read again.
package struct AlertsProjection: Projection {
    package let name = "alerts"
    package let generation: Int32 = 1
    package let tables = ["alerts", "alert_entity", "alert_case"]
    package let foldsCases = false
    package var ddl: String { SQL.text("Alerts/alerts.sql") }

    package init() {}

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        var changes: [(event: Event, alert: UUID, change: AlertChange)] = []
        for event in batch.events {
            do {
                changes += try AlertChange.all(in: event).map { (event, $0.alert, $0.change) }
            } catch {
                throw .abandon(error)
            }
        }
        guard !changes.isEmpty else { return }
        let alerts = try fold(changes, batch.tenant, set, tx)
        guard !alerts.isEmpty else { return }
        try write(alerts, batch.tenant, set, tx)
        try writeEntities(alerts, batch.tenant, set, tx)
        try writeCases(alerts, batch.tenant, set, tx)
    }

    private func fold(
        _ changes: [(event: Event, alert: UUID, change: AlertChange)], _ tenant: UUID, _ set: TableSet,
        _ tx: borrowing Transaction
    ) throws(PostgresError) -> [AlertView] {
        let ids = Array(Set(changes.map(\.alert)))
        let known = try tx.query(
            "SELECT view FROM \(unescaped: set["alerts"]) WHERE tenant_id = \(tenant) AND alert_id = ANY(\(ids))"
        ) { row throws(PostgresError) in
            try StoredJSON.decode(try row[0] as PostgresJSON, as: AlertView.self)
        }
        var alerts = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (event, id, change) in changes {
            // Only its own stream makes an alert: a case may name one that never came in here, such as a drill's.
            guard alerts[id] != nil || change == .received || change == .normalized else { continue }
            var alert = alerts[id] ?? AlertView(id, firstSeenIn: event)
            do {
                try alert.apply(change, event)
            } catch {
                throw .abandon(error)
            }
            alerts[id] = alert
        }
        return alerts.values.sorted { $0.firstPosition < $1.firstPosition }
    }

    private func write(
        _ alerts: [AlertView], _ tenant: UUID, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        let views = try alerts.map { alert throws(PostgresError) in try StoredJSON.view(alert) }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["alerts"]) (
                tenant_id, alert_id, first_position, version, source, source_ref, source_ref_digest, disposition,
                severity, severity_rank, occurred_at, duplicate_count, view)
            SELECT \(tenant), a.*
              FROM unnest(
                       \(alerts.map(\.id)), \(alerts.map(\.firstPosition)), \(alerts.map(\.version)),
                       \(alerts.map(\.source)), \(alerts.map(\.sourceRef)),
                       \(alerts.map { $0.sourceRef.map(Self.digest) }), \(alerts.map(\.disposition.rawValue)),
                       \(alerts.map(\.severity.rawValue)), \(alerts.map { Int32($0.severity.rank) }),
                       \(alerts.map { $0.occurredAt?.timestamp }), \(alerts.map(\.duplicateCount)), \(views)) AS a
            ON CONFLICT (tenant_id, alert_id) DO UPDATE SET
                first_position = excluded.first_position, version = excluded.version, source = excluded.source,
                source_ref = excluded.source_ref, source_ref_digest = excluded.source_ref_digest,
                disposition = excluded.disposition, severity = excluded.severity,
                severity_rank = excluded.severity_rank, occurred_at = excluded.occurred_at,
                duplicate_count = excluded.duplicate_count, view = excluded.view
            """)
    }

    private func writeEntities(
        _ alerts: [AlertView], _ tenant: UUID, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        try tx.execute(
            """
            DELETE FROM \(unescaped: set["alert_entity"])
             WHERE tenant_id = \(tenant) AND alert_id = ANY(\(alerts.map(\.id)))
            """)
        let all = alerts.flatMap { alert in Set(alert.entities.compactMap(\.key)).map { (alert.id, $0) } }
        guard !all.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["alert_entity"]) (tenant_id, value_digest, entity_type, alert_id, value)
            SELECT \(tenant), e.*
              FROM unnest(
                       \(all.map(\.1.valueDigest)), \(all.map(\.1.type.rawValue)), \(all.map(\.0)),
                       \(all.map(\.1.value))) AS e
            """)
    }

    private func writeCases(
        _ alerts: [AlertView], _ tenant: UUID, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        try tx.execute(
            "DELETE FROM \(unescaped: set["alert_case"]) WHERE tenant_id = \(tenant) AND alert_id = ANY(\(alerts.map(\.id)))"
        )
        let all = alerts.flatMap { alert in alert.caseIDs.map { ($0, alert.id) } }
        guard !all.isEmpty else { return }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["alert_case"]) (tenant_id, case_id, alert_id)
            SELECT \(tenant), c.* FROM unnest(\(all.map(\.0)), \(all.map(\.1))) AS c
            """)
    }

    static func digest(_ sourceRef: String) -> [UInt8] { Digest.sha256(Array(sourceRef.utf8)).bytes }
}
