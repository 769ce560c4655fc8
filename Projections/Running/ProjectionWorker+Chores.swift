import Events
import Foundation
import Postgres

extension ProjectionWorker {
    /// What there is to do although no log has grown.
    struct Chores: Sendable {
        /// The sets of all tenants that are complete and not the live ones: retired, or filled and not flipped to yet.
        var asides: Set<ProjectionSchedule.Key> = []
        /// Sets with streams that are set aside and to be tried again now.
        var retries: Set<ProjectionSchedule.Key> = []
    }

    /// - Parameter isFirst: what is set aside is tried whenever it would be due: this process may be able to read it.
    func chores(of catalog: ProjectionCatalog, isFirst: Bool) async throws(ProjectionError) -> Chores {
        let names = catalog.projections.map(\.name)
        let firsts = catalog.projections.map(\.versions[0])
        do {
            let rows = try await database.query(
                """
                SELECT p.tenant_id, p.name, p.version, false
                  FROM docket.projection_position AS p
                  JOIN unnest(\(names), \(firsts)) AS n (name, first)
                    ON n.name = p.name AND p.version IN (n.first, n.first + 1)
                  JOIN docket.projection_position AS o
                    ON o.tenant_id = p.tenant_id AND o.name = p.name AND o.version = 2 * n.first + 1 - p.version
                  LEFT JOIN docket.projection_live AS l ON l.tenant_id = p.tenant_id AND l.name = p.name
                 WHERE p.rebuild IS NULL AND o.rebuild IS NULL
                   AND p.version <> CASE WHEN l.version IN (n.first, n.first + 1) THEN l.version ELSE n.first END
                 UNION ALL
                SELECT DISTINCT m.tenant_id, m.name, m.version, true
                  FROM docket.projection_mark AS m
                  JOIN unnest(\(names), \(firsts)) AS n (name, first)
                    ON n.name = m.name AND m.version IN (n.first, n.first + 1)
                 WHERE m.due_at <= \(clock().timestamp) OR \(isFirst)
                """
            ) { row throws(PostgresError) in
                (
                    key: ProjectionSchedule.Key(tenant: try row[0], projection: try row[1], version: try row[2]),
                    isRetry: try row[3] as Bool
                )
            }
            return Chores(
                asides: Set(rows.filter { !$0.isRetry }.map(\.key)), retries: Set(rows.filter(\.isRetry).map(\.key)))
        } catch {
            throw ProjectionError(.database, "the sets beside the live ones cannot be read", cause: error)
        }
    }
}
