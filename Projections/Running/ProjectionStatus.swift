package import Events
package import Foundation
package import Postgres

/// How a projection of a tenant is doing: for `docket projections list`, `GET /v1/projections` and `/readyz`.
package struct ProjectionStatus: Codable, Sendable, Hashable {
    /// The set of tables beside the one that readers are sent to.
    package struct Aside: Codable, Sendable, Hashable {
        package var version: Int32
        package var nextPosition: Int64
        package var lag: Int64
        /// A rebuild fills it, or filled it until it was ended: it cannot be read yet.
        package var isFilling: Bool
        package var error: String?
    }

    package var name: String
    /// Of the set that readers are sent to.
    package var version: Int32
    package var tenantID: UUID
    package var nextPosition: Int64
    /// Events recorded and not taken in yet.
    package var lag: Int64
    package var blockedAt: Instant?
    /// Names the event and what is wrong with it, without any of its values.
    package var error: String?
    package var aside: Aside?

    package var isBlocked: Bool { blockedAt != nil }
    package var asOfPosition: Int64 { nextPosition - 1 }
}

/// Reads how projections are doing, and waits for them.
package struct ProjectionMonitor: Sendable {
    let database: Database
    private let catalog: ProjectionCatalog

    package init(database: Database, catalog: ProjectionCatalog = ProjectionCatalog()) {
        self.database = database
        self.catalog = catalog
    }

    /// By tenant and name; of one tenant or of all.
    package func list(tenant: UUID? = nil) async throws(ProjectionError) -> [ProjectionStatus] {
        let names = catalog.projections.map(\.name)
        let firsts = catalog.projections.map(\.versions[0])
        do {
            return try await database.query(
                """
                SELECT n.name, coalesce(p.version, n.first), h.tenant_id, coalesce(p.next_position, 0),
                       h.next_position - coalesce(p.next_position, 0), p.blocked_at, p.error,
                       a.version, a.next_position, h.next_position - a.next_position, a.rebuild IS NOT NULL, a.error
                  FROM docket.tenant_head AS h
                 CROSS JOIN unnest(\(names), \(firsts)) AS n (name, first)
                  LEFT JOIN LATERAL (
                       SELECT q.version, q.next_position, q.blocked_at, q.error
                         FROM docket.projection_position AS q
                         LEFT JOIN docket.projection_live AS l
                           ON l.tenant_id = h.tenant_id AND l.name = n.name AND l.version = q.version
                        WHERE q.tenant_id = h.tenant_id AND q.name = n.name
                          AND q.version IN (n.first, n.first + 1) AND q.rebuild IS NULL
                        ORDER BY l.version NULLS LAST, q.version LIMIT 1) AS p ON true
                  LEFT JOIN docket.projection_position AS a
                    ON a.tenant_id = h.tenant_id AND a.name = n.name
                   AND a.version IN (n.first, n.first + 1) AND a.version <> coalesce(p.version, n.first)
                 WHERE \(tenant) IS NULL OR h.tenant_id = \(tenant)
                 ORDER BY h.tenant_id, n.name
                """
            ) { row throws(PostgresError) in
                var status = ProjectionStatus(
                    name: try row[0], version: try row[1], tenantID: try row[2], nextPosition: try row[3],
                    lag: try row[4], blockedAt: (try row[5] as PostgresTimestamp?).map(Instant.init),
                    error: try row[6])
                if let version = try row[7] as Int32? {
                    status.aside = ProjectionStatus.Aside(
                        version: version, nextPosition: try row[8], lag: try row[9], isFilling: try row[10],
                        error: try row[11])
                }
                return status
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
