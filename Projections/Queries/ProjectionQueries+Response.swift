package import Cases
import Events
package import Foundation
import JSON
import Postgres
package import Runs

/// Approvals, runs and steps.
extension ProjectionQueries {
    package func approval(_ id: UUID, tenant: UUID) async throws(ProjectionError) -> VersionedView? {
        try await resource(of: ApprovalsProjection(), tenant) { set in
            "SELECT view, version FROM \(unescaped: set["approvals"]) WHERE tenant_id = \(tenant) AND approval_id = \(id)"
        }
    }

    /// Newest first.
    package func approvals(
        tenant: UUID, states: [ApprovalState] = [], caseID: UUID? = nil, page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        try await page(
            of: ApprovalsProjection(), tenant, list: "approvals", keys: 1, request, show: Self.positioned
        ) { cursor, set in Self.approvals(tenant, states, caseID, after: cursor, limit: request.limit + 1, set) }
    }

    static func approvals(
        _ tenant: UUID, _ states: [ApprovalState], _ caseID: UUID?, after cursor: Cursor?, limit: Int, _ set: TableSet
    ) -> Query {
        let names = states.map(\.rawValue)
        return """
            SELECT a.view, (extract(epoch FROM a.requested_at) * 1000000)::bigint, a.approval_id
              FROM \(unescaped: set["approvals"]) AS a
             WHERE a.tenant_id = \(tenant)
               AND (\(names.isEmpty) OR a.state = ANY(\(names)))
               AND (\(caseID) IS NULL OR a.case_id = \(caseID))
               AND (\(cursor == nil) OR (a.requested_at, a.approval_id)
                    < (\(PostgresTimestamp(microseconds: cursor?.keys[0] ?? 0)), \(cursor?.id ?? tenant)))
             ORDER BY a.requested_at DESC, a.approval_id DESC LIMIT \(limit)
            """
    }

    package func run(_ id: UUID, tenant: UUID) async throws(ProjectionError) -> VersionedView? {
        try await resource(of: RunsProjection(), tenant) { set in
            "SELECT view, version FROM \(unescaped: set["runs"]) WHERE tenant_id = \(tenant) AND run_id = \(id)"
        }
    }

    /// Newest first.
    package func runs(
        tenant: UUID, caseID: UUID? = nil, states: [RunState] = [], page request: PageRequest = PageRequest()
    ) async throws(ProjectionError) -> Page {
        try await page(
            of: RunsProjection(), tenant, list: "runs", keys: 1, request, show: Self.positioned
        ) { cursor, set in
            let names = states.map(\.rawValue)
            return """
                SELECT r.view, (extract(epoch FROM r.started_at) * 1000000)::bigint, r.run_id
                  FROM \(unescaped: set["runs"]) AS r
                 WHERE r.tenant_id = \(tenant)
                   AND (\(names.isEmpty) OR r.state = ANY(\(names)))
                   AND (\(caseID) IS NULL OR r.case_id = \(caseID))
                   AND (\(cursor == nil) OR (r.started_at, r.run_id)
                        < (\(PostgresTimestamp(microseconds: cursor?.keys[0] ?? 0)), \(cursor?.id ?? tenant)))
                 ORDER BY r.started_at DESC, r.run_id DESC LIMIT \(request.limit + 1)
                """
        }
    }

    /// A run's steps in plan order, all on one page; nil when there is no such run.
    package func steps(ofRun id: UUID, tenant: UUID) async throws(ProjectionError) -> Page? {
        let found = try await snapshot(of: RunsProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.first("SELECT steps FROM \(unescaped: set["runs"]) WHERE tenant_id = \(tenant) AND run_id = \(id)") {
                row throws(PostgresError) in try StoredJSON.parse(try row[0])
            }
        }
        guard let steps = found.value else { return nil }
        return Page(items: steps.arrayValue ?? [], nextCursor: nil, asOfPosition: found.asOfPosition)
    }

    @Sendable static func positioned(_ view: JSONValue, _ position: Int64) -> JSONValue {
        var item = view
        item["as_of_position"] = .integer(position)
        return item
    }
}
