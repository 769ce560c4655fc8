import Events
import Foundation
package import Postgres

/// The audit trail: every event as a line.
package struct AuditTrailProjection: EventDerivedProjection {
    package let name = "audit_trail"
    package let generation: Int32 = 1
    package let tables = ["audit_trail"]
    package let foldsCases = false
    package var ddl: String { SQL.text("AuditTrail/audit_trail.sql") }

    package init() {}

    var copied: CopiedTable {
        CopiedTable(
            "audit_trail",
            """
            tenant_id, position, event_id, recorded_at, type, stream_kind, stream_id, stream_version, case_id, \
            actor_kind, actor_issuer, actor_subject, actor_lane, text
            """)
    }

    func append(_ event: Event, of tenant: UUID, to rows: inout CopyRows) {
        rows.append(
            tenant, event.position, event.eventID, event.recordedAt.timestamp, event.type, event.streamKind,
            event.streamID, event.version, event.caseID, event.actor.kind.rawValue, event.actor.issuer,
            event.actor.subject, event.actor.lane.rawValue, AuditText(event).text)
    }

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        let events = batch.events
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["audit_trail"]) (
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
