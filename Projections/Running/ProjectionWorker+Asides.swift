import Foundation
import Postgres

extension ProjectionWorker {
    /// The sets of all tenants that are complete and not the live ones: retired, or filled and not flipped to yet.
    func asides(of catalog: ProjectionCatalog) async throws(ProjectionError) -> Set<ProjectionSchedule.Key> {
        let names = catalog.projections.map(\.name)
        let firsts = catalog.projections.map(\.versions[0])
        do {
            return Set(
                try await database.query(
                    """
                    SELECT p.tenant_id, p.name, p.version
                      FROM docket.projection_position AS p
                      JOIN unnest(\(names), \(firsts)) AS n (name, first)
                        ON n.name = p.name AND p.version IN (n.first, n.first + 1)
                      JOIN docket.projection_position AS o
                        ON o.tenant_id = p.tenant_id AND o.name = p.name AND o.version = 2 * n.first + 1 - p.version
                      LEFT JOIN docket.projection_live AS l ON l.tenant_id = p.tenant_id AND l.name = p.name
                     WHERE p.rebuild IS NULL AND o.rebuild IS NULL
                       AND p.version <> CASE WHEN l.version IN (n.first, n.first + 1) THEN l.version ELSE n.first END
                    """
                ) { row throws(PostgresError) in
                    ProjectionSchedule.Key(tenant: try row[0], projection: try row[1], version: try row[2])
                })
        } catch {
            throw ProjectionError(.database, "the sets beside the live ones cannot be read", cause: error)
        }
    }
}
