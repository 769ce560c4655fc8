package import Cases
import Events
package import Foundation
package import JSON
import Postgres

/// How many cases there are, for the head of the queue.
package struct CaseCounts: Sendable, Hashable {
    package var byState: [CaseState: Int]
    /// Of those that are not closed: a clock that runs was recorded as breached, or as at risk.
    package var breached: Int
    package var atRisk: Int
}

/// What the pages show beyond the lists of the API, each in one statement.
extension ProjectionQueries {
    /// Cases as `cases` gives them, with what stands in the way of each.
    package func queue(
        tenant: UUID, filter: CaseFilter, page request: PageRequest
    ) async throws(ProjectionError) -> Page {
        try await cases(tenant: tenant, filter: filter, page: request, show: Self.positioned)
    }

    package func caseCounts(tenant: UUID) async throws(ProjectionError) -> Positioned<CaseCounts> {
        try await snapshot(of: CasesProjection(), tenant) { tx, set throws(PostgresError) in
            let rows = try tx.query(Self.caseCounts(tenant, set)) { row throws(PostgresError) in
                (
                    state: try row[0] as String, n: try row[1] as Int64, breached: try row[2] as Int64,
                    atRisk: try row[3] as Int64
                )
            }
            var counts = CaseCounts(byState: [:], breached: 0, atRisk: 0)
            for row in rows {
                guard let state = CaseState(rawValue: row.state) else { continue }
                counts.byState[state] = Int(row.n)
                if !state.isClosed {
                    counts.breached += Int(row.breached)
                    counts.atRisk += Int(row.atRisk)
                }
            }
            return counts
        }
    }

    static func caseCounts(_ tenant: UUID, _ set: TableSet) -> Query {
        """
        SELECT c.state, count(*), count(*) FILTER (WHERE c.sla_breached), count(*) FILTER (WHERE c.sla_at_risk)
          FROM \(unescaped: set["cases"]) AS c WHERE c.tenant_id = \(tenant) GROUP BY c.state
        """
    }

    /// The views of these cases, by id, as far as they are this tenant's.
    package func cases(_ ids: [UUID], tenant: UUID) async throws(ProjectionError) -> [UUID: JSONValue] {
        let found = try await snapshot(of: CasesProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.query(
                "SELECT case_id, view FROM \(unescaped: set["cases"]) WHERE tenant_id = \(tenant) AND case_id = ANY(\(ids))"
            ) { row throws(PostgresError) in (id: try row[0] as UUID, view: try StoredJSON.parse(try row[1])) }
        }
        return Dictionary(found.value.map { ($0.id, $0.view) }, uniquingKeysWith: { first, _ in first })
    }
}
