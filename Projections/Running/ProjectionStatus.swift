package import Events
package import Foundation
package import Postgres

/// How a projection of a tenant is doing: for `docket projections list`, `GET /v1/projections` and `/readyz`.
package struct ProjectionStatus: Codable, Sendable, Hashable {
    package var name: String
    package var version: Int32
    package var tenantID: UUID
    package var nextPosition: Int64
    /// Events recorded and not taken in yet.
    package var lag: Int64
    package var blockedAt: Instant?
    /// Names the event and what is wrong with it, without any of its values.
    package var error: String?

    package var isBlocked: Bool { blockedAt != nil }
    package var asOfPosition: Int64 { nextPosition - 1 }
}

/// Reads how projections are doing, and waits for them.
package struct ProjectionMonitor: Sendable {
    private let database: Database
    private let catalog: ProjectionCatalog

    package init(database: Database, catalog: ProjectionCatalog = ProjectionCatalog()) {
        self.database = database
        self.catalog = catalog
    }

    /// By tenant and name; of one tenant or of all.
    package func list(tenant: UUID? = nil) async throws(ProjectionError) -> [ProjectionStatus] {
        let names = catalog.projections.map(\.name)
        let versions = catalog.projections.map(\.version)
        do {
            return try await database.query(
                """
                SELECT n.name, n.version, h.tenant_id, coalesce(p.next_position, 0),
                       h.next_position - coalesce(p.next_position, 0), p.blocked_at, p.error
                  FROM docket.tenant_head AS h
                 CROSS JOIN unnest(\(names), \(versions)) AS n (name, version)
                  LEFT JOIN docket.projection_position AS p
                    ON p.tenant_id = h.tenant_id AND p.name = n.name AND p.version = n.version
                 WHERE \(tenant) IS NULL OR h.tenant_id = \(tenant)
                 ORDER BY h.tenant_id, n.name
                """
            ) { row throws(PostgresError) in
                ProjectionStatus(
                    name: try row[0], version: try row[1], tenantID: try row[2], nextPosition: try row[3],
                    lag: try row[4], blockedAt: (try row[5] as PostgresTimestamp?).map(Instant.init),
                    error: try row[6])
            }
        } catch {
            throw ProjectionError(.database, "the projections' state cannot be read", cause: error)
        }
    }

    /// Waits until these projections of the tenant show the event at a position (`?min_position=`).
    ///
    /// - Throws: `behind` when they do not in time, and says how far they are and whether one is blocked.
    package func waitForPosition(
        _ position: Int64, tenant: UUID, projections names: [String], timeout: Duration = .seconds(5)
    ) async throws(ProjectionError) {
        for name in names { _ = try catalog.projection(named: name) }
        let deadline = ContinuousClock.now + timeout
        var pause: Duration = .milliseconds(2)
        while true {
            let states = try await list(tenant: tenant).filter { names.contains($0.name) }
            let behind = states.filter { $0.asOfPosition < position }
            // A tenant that does not exist has no state, and reaches no position.
            if behind.isEmpty, !states.isEmpty || names.isEmpty { return }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw Self.tooLate(position, behind) }
            do {
                try await Task.sleep(for: min(pause, left))
            } catch {
                throw ProjectionError(.cancelled, "the wait for position \(position) was cancelled")
            }
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    private static func tooLate(_ position: Int64, _ behind: [ProjectionStatus]) -> ProjectionError {
        let places = behind.map { "\($0.name) is at \($0.asOfPosition)\($0.isBlocked ? " and blocked" : "")" }
        return ProjectionError(
            .behind,
            "position \(position) is not reached: \(places.isEmpty ? "unknown tenant" : places.joined(separator: ", "))"
        )
    }
}
