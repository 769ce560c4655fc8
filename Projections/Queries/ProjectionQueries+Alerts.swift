import Events
package import Foundation
import JSON
import Postgres

/// What `GET /v1/alerts` filters by; `nil` or empty is everything.
package struct AlertFilter: Sendable, Hashable {
    package var source: String?
    package var sourceRef: String?
    package var dispositions: [AlertDisposition] = []
    package var entity: EntitySearch?
    package var caseID: UUID?

    package init() {}
}

extension ProjectionQueries {
    package func alert(_ id: UUID, tenant: UUID) async throws(ProjectionError) -> VersionedView? {
        try await resource(of: AlertsProjection(), tenant) { set in
            "SELECT view, version FROM \(unescaped: set["alerts"]) WHERE tenant_id = \(tenant) AND alert_id = \(id)"
        }
    }

    /// Newest first, by when they came in.
    package func alerts(
        tenant: UUID, filter: AlertFilter = AlertFilter(), page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        try await page(
            of: AlertsProjection(), tenant, list: "alerts", keys: 1, request, show: Self.positioned
        ) { cursor, set in
            let dispositions = filter.dispositions.map(\.rawValue)
            return """
                SELECT a.view, a.first_position, a.alert_id
                  FROM \(unescaped: set["alerts"]) AS a
                 WHERE a.tenant_id = \(tenant)
                   AND (\(filter.source) IS NULL OR a.source = \(filter.source))
                   AND (\(filter.sourceRef) IS NULL
                        OR a.source_ref_digest = \(filter.sourceRef.map(AlertsProjection.digest)))
                   AND (\(dispositions.isEmpty) OR a.disposition = ANY(\(dispositions)))
                   AND (\(filter.caseID) IS NULL OR a.alert_id IN (
                        SELECT c.alert_id FROM \(unescaped: set["alert_case"]) AS c
                         WHERE c.tenant_id = \(tenant) AND c.case_id = \(filter.caseID)))
                   AND (\(filter.entity == nil) OR a.alert_id IN (
                        SELECT e.alert_id FROM \(unescaped: set["alert_entity"]) AS e
                         WHERE e.tenant_id = \(tenant) AND e.value_digest = ANY(\(filter.entity?.digests ?? []))
                           AND (\(filter.entity?.type?.rawValue) IS NULL
                                OR e.entity_type = \(filter.entity?.type?.rawValue))))
                   AND (\(cursor == nil)
                        OR (a.first_position, a.alert_id) < (\(cursor?.keys[0] ?? 0), \(cursor?.id ?? tenant)))
                 ORDER BY a.first_position DESC, a.alert_id DESC LIMIT \(request.limit + 1)
                """
        }
    }

    /// Newest first.
    package func deadLetters(
        tenant: UUID, source: String? = nil, isRetried: Bool? = nil, page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        try await page(
            of: DeadLettersProjection(), tenant, list: "dead_letters", keys: 1, request, show: Self.positioned
        ) { cursor, set in
            """
            SELECT l.view, l.position, l.dead_letter_id
              FROM \(unescaped: set["dead_letters"]) AS l
             WHERE l.tenant_id = \(tenant)
               AND (\(source) IS NULL OR l.source = \(source))
               AND (\(isRetried) IS NULL OR l.is_retried = \(isRetried))
               AND (\(cursor == nil)
                    OR (l.position, l.dead_letter_id) < (\(cursor?.keys[0] ?? 0), \(cursor?.id ?? tenant)))
             ORDER BY l.position DESC, l.dead_letter_id DESC LIMIT \(request.limit + 1)
            """
        }
    }

    package func deadLetter(_ id: UUID, tenant: UUID) async throws(ProjectionError) -> VersionedView? {
        try await resource(of: DeadLettersProjection(), tenant) { set in
            """
            SELECT view, position FROM \(unescaped: set["dead_letters"])
             WHERE tenant_id = \(tenant) AND dead_letter_id = \(id)
            """
        }
    }
}
