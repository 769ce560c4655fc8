package import Foundation
package import Postgres

/// How far a rebuild has come.
package struct RebuildProgress: Sendable, Hashable {
    package var projection: String
    package var tenant: UUID
    /// Events taken in.
    package var next: Int64
    /// Events to take in, as counted when the rebuild began.
    package var head: Int64
}

/// Throws a projection's rows away and fills it again from the log.
///
/// Meanwhile readers see it grow from nothing, and `as_of_position` says how far it is. It takes the same row lock as
/// the workers: one that runs meanwhile loses the batch that it holds, and then helps.
package struct ProjectionRebuild: Sendable {
    private let source: any EventSource
    private let database: Database
    private let catalog: ProjectionCatalog

    package init(source: any EventSource, database: Database, catalog: ProjectionCatalog = ProjectionCatalog()) {
        self.source = source
        self.database = database
        self.catalog = catalog
    }

    /// - Parameters:
    ///   - name: `nil` for all.
    ///   - tenant: `nil` for all.
    ///   - progress: called after each batch.
    /// - Throws: `blocked` when an event cannot be folded; what is before it is then there.
    package func rebuild(
        _ name: String? = nil, tenant: UUID? = nil, progress: @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws(ProjectionError) {
        var projections = catalog.projections
        if let name { projections = [try catalog.projection(named: name)] }
        let heads: [UUID: Int64]
        do {
            heads = try await source.heads()
        } catch {
            throw ProjectionError(.log, "the tenants cannot be read", cause: error)
        }
        // Nothing that was folded before is trusted.
        let worker = ProjectionWorker(source: source, database: database, history: CaseHistory(source))
        let tenants = heads.filter { tenant == nil || $0.key == tenant }.sorted {
            $0.key.uuidString < $1.key.uuidString
        }
        for (tenant, head) in tenants {
            for projection in projections {
                try await reset(projection, tenant)
                try await refill(projection, tenant, head, worker, progress)
            }
        }
    }

    private func reset(_ projection: any Projection, _ tenant: UUID) async throws(ProjectionError) {
        let name = projection.name
        let version = projection.version
        let tables = projection.tables
        do throws(PostgresError) {
            try await ProjectionPlace.make(projection, tenant: tenant, in: database)
            try await database.transaction { tx throws(PostgresError) in
                try tx.run(script: "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
                try tx.execute(
                    """
                    SELECT FROM docket.projection_position
                     WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(version) FOR UPDATE
                    """)
                for table in tables { try tx.execute("DELETE FROM \(unescaped: table) WHERE tenant_id = \(tenant)") }
                try tx.execute(
                    """
                    UPDATE docket.projection_position SET next_position = 0, blocked_at = NULL, error = NULL
                     WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(version)
                    """)
            }
        } catch {
            throw ProjectionError(.database, "\(name) cannot be emptied", cause: error)
        }
    }

    private func refill(
        _ projection: any Projection, _ tenant: UUID, _ head: Int64, _ worker: ProjectionWorker,
        _ progress: @Sendable (RebuildProgress) -> Void
    ) async throws(ProjectionError) {
        while true {
            switch try await worker.step(projection, tenant: tenant) {
            case .idle(let next), .advanced(let next, _):
                progress(RebuildProgress(projection: projection.name, tenant: tenant, next: next, head: head))
                if next >= head { return }
            case .leased:
                do {
                    try await Task.sleep(for: .milliseconds(20))
                } catch {
                    throw ProjectionError(.cancelled, "the rebuild of \(projection.name) was cancelled")
                }
            case .blocked(let position, let reason):
                throw ProjectionError(.blocked, "\(projection.name) stands before position \(position): \(reason)")
            }
        }
    }
}
