package import Cases
package import Events
package import Foundation
import JSON
import Postgres

/// What `GET /v1/cases` filters by; `nil` or empty is everything.
package struct CaseFilter: Sendable, Hashable {
    package enum SLA: String, Sendable, Hashable, CaseIterable {
        /// A clock that still runs or is paused has a recorded breach.
        case breached
        /// One has a recorded warning, and no breach.
        case atRisk = "at_risk"
    }

    package enum Sort: String, Sendable, Hashable, CaseIterable {
        /// Newest first.
        case openedAt = "opened_at"
        case updatedAt = "updated_at"
        /// Gravest first, and the newest among equals.
        case severity
        /// Soonest deadline first; those without one last.
        case dueAt = "due_at"
    }

    package var states: [CaseState] = []
    package var severities: [Severity] = []
    package var assignee: Identity?
    /// Only cases of nobody; `assignee` says nothing then.
    package var isUnassigned = false
    package var queue: String?
    package var entity: EntitySearch?
    package var alertID: UUID?
    package var sla: SLA?
    package var updatedAfter: Instant?
    package var sort = Sort.openedAt

    package init() {}
}

extension ProjectionQueries {
    /// A case as the API shows it, with its version.
    package func `case`(_ id: UUID, tenant: UUID) async throws(ProjectionError) -> VersionedView? {
        try await resource(of: CasesProjection(), tenant) { set in
            "SELECT view, version FROM \(unescaped: set["cases"]) WHERE tenant_id = \(tenant) AND case_id = \(id)"
        }
    }

    /// The fold of a case's stream, for what is derived from it: evidence, recommendation, entities, clocks.
    package func record(ofCase id: UUID, tenant: UUID) async throws(ProjectionError) -> Positioned<CaseRecord>? {
        let found = try await snapshot(of: CasesProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.first(
                "SELECT record FROM \(unescaped: set["cases"]) WHERE tenant_id = \(tenant) AND case_id = \(id)"
            ) {
                row throws(PostgresError) in
                try StoredJSON.decode(try row[0] as PostgresJSON, as: CaseRecord.self)
            }
        }
        return found.value.map { Positioned($0, asOf: found.asOfPosition) }
    }

    package func cases(
        tenant: UUID, filter: CaseFilter = CaseFilter(), page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        try await cases(tenant: tenant, filter: filter, page: request, show: Self.listed)
    }

    /// - Parameter show: makes a list's item of a stored view.
    func cases(
        tenant: UUID, filter: CaseFilter, page request: PageRequest,
        show: @Sendable (JSONValue, Int64) -> JSONValue
    ) async throws(ProjectionError) -> Page {
        let sort = filter.sort
        return try await page(
            of: CasesProjection(), tenant, list: "cases:\(sort.rawValue)", keys: 2, request, show: show
        ) { cursor, set in Self.cases(tenant, filter, after: cursor, limit: request.limit + 1, set) }
    }

    /// Each filter that is not asked for is a constant, which the plan leaves out.
    static func cases(_ tenant: UUID, _ filter: CaseFilter, after cursor: Cursor?, limit: Int, _ set: TableSet) -> Query
    {
        let sort = filter.sort
        let states = filter.states.map(\.rawValue)
        let severities = filter.severities.map(\.rawValue)
        let rank = cursor?.keys[0] ?? 0
        let at = PostgresTimestamp(microseconds: cursor?.keys[1] ?? 0)
        let last = cursor?.id ?? tenant
        return """
            SELECT c.view, \(unescaped: sort.rank)::bigint,
                   (extract(epoch FROM \(unescaped: sort.time)) * 1000000)::bigint, c.case_id
              FROM \(unescaped: set["cases"]) AS c
             WHERE c.tenant_id = \(tenant)
               AND (\(states.isEmpty) OR c.state = ANY(\(states)))
               AND (\(severities.isEmpty) OR c.severity = ANY(\(severities)))
               AND (\(filter.assignee?.issuer) IS NULL OR c.assignee_issuer = \(filter.assignee?.issuer))
               AND (\(filter.assignee?.subject) IS NULL OR c.assignee_subject = \(filter.assignee?.subject))
               AND (\(!filter.isUnassigned) OR c.assignee_subject IS NULL)
               AND (\(filter.queue) IS NULL OR c.queue = \(filter.queue))
               AND (\(filter.sla != .breached) OR c.sla_breached)
               AND (\(filter.sla != .atRisk) OR c.sla_at_risk)
               AND (\(filter.updatedAfter?.timestamp) IS NULL OR c.updated_at > \(filter.updatedAfter?.timestamp))
               AND (\(filter.alertID) IS NULL OR c.case_id IN (
                    SELECT a.case_id FROM \(unescaped: set["case_alert"]) AS a
                     WHERE a.tenant_id = \(tenant) AND a.alert_id = \(filter.alertID)))
               AND (\(filter.entity == nil) OR c.case_id IN (
                    SELECT e.case_id FROM \(unescaped: set["case_entity"]) AS e
                     WHERE e.tenant_id = \(tenant) AND e.value_digest = ANY(\(filter.entity?.digests ?? []))
                       AND (\(filter.entity?.type?.rawValue) IS NULL
                            OR e.entity_type = \(filter.entity?.type?.rawValue))))
               AND (\(cursor == nil)
                    OR (\(sort == .openedAt) AND (c.opened_at, c.case_id) < (\(at), \(last)))
                    OR (\(sort == .updatedAt) AND (c.updated_at, c.case_id) < (\(at), \(last)))
                    OR (\(sort == .severity)
                        AND (c.severity_rank, c.opened_at, c.case_id) < (\(rank), \(at), \(last)))
                    OR (\(sort == .dueAt) AND (\(unescaped: sort.time), c.case_id) > (\(at), \(last))))
             ORDER BY \(unescaped: sort.order) LIMIT \(limit)
            """
    }

    /// List items leave out what makes a case long (contract §2).
    @Sendable private static func listed(_ view: JSONValue, _ position: Int64) -> JSONValue {
        var item = view
        item["attack_techniques"] = nil
        item["blocked_actions"] = nil
        item["entities"] = .array(
            (view["entities"]?.arrayValue ?? []).map { entity in
                var entity = entity
                entity["asset"] = nil
                return entity
            })
        item["as_of_position"] = .integer(position)
        return item
    }
}

extension CaseFilter.Sort {
    /// The whole number that rows are sorted by first.
    fileprivate var rank: String { self == .severity ? "c.severity_rank" : "0" }

    /// The time that they are sorted by next.
    fileprivate var time: String {
        switch self {
        case .openedAt, .severity: "c.opened_at"
        case .updatedAt: "c.updated_at"
        case .dueAt: "coalesce(c.next_due_at, '9999-12-31T23:59:59.999999Z'::timestamptz)"
        }
    }

    fileprivate var order: String {
        switch self {
        case .openedAt: "c.opened_at DESC, c.case_id DESC"
        case .updatedAt: "c.updated_at DESC, c.case_id DESC"
        case .severity: "c.severity_rank DESC, c.opened_at DESC, c.case_id DESC"
        case .dueAt: "\(time), c.case_id"
        }
    }
}
