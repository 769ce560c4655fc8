import Events
import Foundation
package import Postgres

/// The audit trail: every event as a line.
package struct AuditTrailProjection: Projection {
    package let name = "audit_trail"
    package let version: Int32 = 1
    package let tables = ["projection.audit_trail_v1"]
    package let foldsCases = false
    package var ddl: String { SQL.text("AuditTrail/audit_trail.sql") }

    package init() {}

    package func apply(_ batch: ProjectionBatch, in tx: borrowing Transaction) throws(PostgresError) {
        let events = batch.events
        try tx.execute(
            """
            INSERT INTO projection.audit_trail_v1 (
                tenant_id, position, event_id, recorded_at, type, stream_kind, stream_id, stream_version, case_id,
                actor_kind, actor_issuer, actor_subject, actor_lane, text)
            SELECT \(batch.tenant), e.*
              FROM unnest(
                       \(events.map(\.position)), \(events.map(\.eventID)), \(events.map(\.recordedAt.timestamp)),
                       \(events.map(\.type)), \(events.map(\.streamKind)), \(events.map(\.streamID)),
                       \(events.map(\.version)), \(events.map(\.caseID)), \(events.map(\.actor.kind.rawValue)),
                       \(events.map(\.actor.issuer)), \(events.map(\.actor.subject)),
                       \(events.map(\.actor.lane.rawValue)), \(events.map(AuditText.init).map(\.text))) AS e
            """)
    }
}
