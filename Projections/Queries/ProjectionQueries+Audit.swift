package import Events
package import Foundation
import JSON
import Postgres

/// What the audit trail is searched by; `nil` or empty is everything.
package struct AuditFilter: Sendable, Hashable {
    package var actor: Identity?
    package var actorKind: Actor.Kind?
    package var types: [String] = []
    package var caseID: UUID?
    /// Half-open by `recorded_at`: `from` is in, `to` is not.
    package var from: Instant?
    package var to: Instant?
    /// The last position that counts: the trail as of then.
    package var upTo: Int64?
    /// Stands somewhere in the line, whatever the case of its letters.
    package var text: String?

    package init() {}
}

/// One line of the audit trail.
package struct AuditEntry: Codable, Sendable, Hashable {
    package var position: Int64
    package var eventID: UUID
    package var recordedAt: Instant
    package var type: String
    package var streamKind: String
    package var streamID: UUID
    package var version: Int64
    package var caseID: UUID?
    package var actor: Actor
    /// Never holds anything that was sealed.
    package var text: String
}

extension ProjectionQueries {
    /// Newest first.
    package func audit(
        tenant: UUID, filter: AuditFilter = AuditFilter(), page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        var cursor: Cursor?
        if let text = request.cursor { cursor = try Cursor(text, list: "audit", keys: 1) }
        let before = cursor?.keys[0] ?? .max
        let found = try await snapshot(of: AuditTrailProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.query(
                """
                SELECT a.position, a.event_id, a.recorded_at, a.type, a.stream_kind, a.stream_id, a.stream_version,
                       a.case_id, a.actor_kind, a.actor_issuer, a.actor_subject, a.actor_lane, a.text
                  FROM \(unescaped: set["audit_trail"]) AS a
                 WHERE a.tenant_id = \(tenant) AND a.position < \(before)
                   AND (\(filter.actor?.subject) IS NULL
                        OR (left(a.actor_subject, 128) = left(\(filter.actor?.subject), 128)
                            AND a.actor_subject = \(filter.actor?.subject)
                            AND a.actor_issuer = \(filter.actor?.issuer)))
                   AND (\(filter.actorKind?.rawValue) IS NULL OR a.actor_kind = \(filter.actorKind?.rawValue))
                   AND (\(filter.types.isEmpty) OR a.type = ANY(\(filter.types)))
                   AND (\(filter.caseID) IS NULL OR a.case_id = \(filter.caseID))
                   AND (\(filter.from?.timestamp) IS NULL OR a.recorded_at >= \(filter.from?.timestamp))
                   AND (\(filter.to?.timestamp) IS NULL OR a.recorded_at < \(filter.to?.timestamp))
                   AND (\(filter.upTo) IS NULL OR a.position <= \(filter.upTo))
                   AND (\(filter.text) IS NULL OR strpos(lower(a.text), lower(\(filter.text))) > 0)
                 ORDER BY a.position DESC LIMIT \(request.limit + 1)
                """
            ) { row throws(PostgresError) in try AuditEntry(row) }
        }
        let rows = found.value.prefix(request.limit)
        let hasMore = found.value.count > rows.count
        return Page(
            items: try rows.map { entry throws(ProjectionError) in
                do {
                    return try JSONValue(encoding: entry)
                } catch {
                    throw ProjectionError(.corrupt, "an audit entry cannot be written as JSON", cause: error)
                }
            },
            nextCursor: hasMore
                ? rows.last.map { Cursor(list: "audit", keys: [$0.position], id: $0.eventID).text } : nil,
            asOfPosition: found.asOfPosition)
    }
}

extension ProjectionQueries {
    /// The lines of these events, wherever they stand; those that the trail has not reached yet are left out.
    package func audit(eventIDs ids: [UUID], tenant: UUID) async throws(ProjectionError) -> [AuditEntry] {
        guard !ids.isEmpty else { return [] }
        // The trail is keyed by position; only the log itself finds an event by its id.
        return try await snapshot(of: AuditTrailProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.query(
                """
                SELECT a.position, a.event_id, a.recorded_at, a.type, a.stream_kind, a.stream_id, a.stream_version,
                       a.case_id, a.actor_kind, a.actor_issuer, a.actor_subject, a.actor_lane, a.text
                  FROM docket.event AS e
                  JOIN \(unescaped: set["audit_trail"]) AS a ON a.tenant_id = e.tenant_id AND a.position = e.position
                 WHERE e.tenant_id = \(tenant) AND e.event_id = ANY(\(ids)) AND a.tenant_id = \(tenant)
                 ORDER BY a.position
                """
            ) { row throws(PostgresError) in try AuditEntry(row) }
        }.value
    }
}

extension AuditEntry {
    fileprivate init(_ row: borrowing Row) throws(PostgresError) {
        position = try row[0]
        eventID = try row[1]
        recordedAt = Instant(try row[2] as PostgresTimestamp)
        type = try row[3]
        streamKind = try row[4]
        streamID = try row[5]
        version = try row[6]
        caseID = try row[7]
        guard let kind = Actor.Kind(rawValue: try row[8]), let lane = Actor.Lane(rawValue: try row[11]) else {
            throw .abandon(ProjectionError(.corrupt, "an audit entry of an unknown kind of actor"))
        }
        actor = Actor(kind: kind, issuer: try row[9], subject: try row[10], lane: lane)
        text = try row[12]
    }
}
