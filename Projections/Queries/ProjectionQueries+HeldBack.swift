import Events
package import Foundation
package import JSON
import Postgres

extension ProjectionQueries {
    /// What is held back of cases, by case: what cannot take an event of theirs (a projection or a stage, `by`), which
    /// event, why, and since when. Cases of which everything is shown and done are not among them.
    package func heldBack(
        ofCases ids: [UUID], tenant: UUID
    ) async throws(ProjectionError) -> [UUID: JSONValue] {
        guard !ids.isEmpty else { return [:] }
        do {
            let rows = try await database.query(
                """
                SELECT m.case_id, m.name, m.position, m.type, m.reason, m.since
                  FROM docket.projection_mark AS m
                 WHERE m.tenant_id = \(tenant) AND m.case_id = ANY (\(ids))
                   AND m.version = coalesce(
                       (SELECT l.version FROM docket.projection_live AS l
                         WHERE l.tenant_id = \(tenant) AND l.name = m.name), m.version)
                 UNION ALL
                SELECT m.case_id, m.reactor, m.position, m.type, m.reason, m.since
                  FROM docket.reactor_mark AS m
                 WHERE m.tenant_id = \(tenant) AND m.case_id = ANY (\(ids)) AND m.reason IS NOT NULL
                 ORDER BY 3, 2
                """
            ) { row throws(PostgresError) in
                let json: JSONValue = [
                    "by": .string(try row[1]), "position": .integer(try row[2]), "type": .string(try row[3]),
                    "reason": .string(try row[4]),
                    "since": .string(Instant(try row[5] as PostgresTimestamp).rfc3339),
                ]
                return (caseID: try row[0] as UUID, json: json)
            }
            return Dictionary(grouping: rows, by: \.caseID).mapValues { .array($0.map(\.json)) }
        } catch {
            throw ProjectionError(.database, "what is held back cannot be read", cause: error)
        }
    }
}
