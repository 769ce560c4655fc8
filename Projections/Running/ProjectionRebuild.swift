package import Foundation
package import Postgres

/// How far a rebuild has come.
package struct RebuildProgress: Sendable, Hashable {
    package var projection: String
    package var tenant: UUID
    /// The set that is being filled.
    package var version: Int32
    /// Events taken in.
    package var next: Int64
    /// Events to take in, as counted when the rebuild began.
    package var head: Int64
}

/// Fills the set of a projection's tables that nobody reads from the log, while the other one serves and follows, and
/// then sends the readers there.
///
/// What is left behind when a rebuild is ended halfway is seen by nobody, and the next rebuild begins anew. Of two
/// rebuilds of one projection the later one wins. An erasure meanwhile takes the rows away and the fill begins again.
package struct ProjectionRebuild: Sendable {
    private let source: any EventSource
    private let database: Database
    private let catalog: ProjectionCatalog
    private let worker: ProjectionWorker
    private let limits: FillLimits
    private static let attemptsMaximum = 5

    package init(
        source: any EventSource, database: Database, catalog: ProjectionCatalog = ProjectionCatalog(),
        limits: FillLimits = FillLimits()
    ) {
        self.source = source
        self.limits = limits
        self.database = database
        self.catalog = catalog
        // Nothing that was folded before is trusted.
        worker = ProjectionWorker(source: source, database: database, history: CaseHistory(source))
    }

    /// - Parameters:
    ///   - name: `nil` for all.
    ///   - tenant: `nil` for all.
    ///   - flips: whether readers are sent to the new set; otherwise it is filled and then followed.
    ///   - progress: called after each chunk.
    /// - Throws: `blocked` when an event cannot be folded; readers then stay where they are.
    package func rebuild(
        _ name: String? = nil, tenant: UUID? = nil, flips: Bool = true,
        progress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws(ProjectionError) {
        var projections = catalog.projections
        if let name { projections = [try catalog.projection(named: name)] }
        let heads: [UUID: Int64]
        do {
            heads = try await source.heads()
        } catch {
            throw ProjectionError(.log, "the tenants cannot be read", cause: error)
        }
        let tenants = heads.filter { tenant == nil || $0.key == tenant }.sorted {
            $0.key.uuidString < $1.key.uuidString
        }
        var blocked: ProjectionError?
        for (tenant, head) in tenants {
            do throws(ProjectionError) {
                try await rebuild(projections, tenant, upTo: head, flips: flips, progress)
            } catch  where error.code == .blocked {
                blocked = blocked ?? error
            }
        }
        if let blocked { throw blocked }
    }

    private func rebuild(
        _ projections: [any Projection], _ tenant: UUID, upTo head: Int64, flips: Bool,
        _ progress: @escaping @Sendable (RebuildProgress) -> Void
    ) async throws(ProjectionError) {
        let versions = try await fill(projections, tenant, upTo: head, progress)
        let readers = ProjectionSwitch(source: source, database: database)
        var blocked: ProjectionError?
        for projection in projections {
            guard let version = versions[projection.name] else { continue }
            do throws(ProjectionError) {
                try await follow(projection, version, tenant, upTo: head, progress)
                try await refuseWorse(projection, version, tenant)
                if flips { try await readers.flip(projection, tenant: tenant, to: version) }
            } catch  where error.code == .blocked {
                blocked = blocked ?? error
            }
        }
        if let blocked { throw blocked }
    }

    /// The fast way, as far as it goes; gives the version that was filled of each projection.
    private func fill(
        _ projections: [any Projection], _ tenant: UUID, upTo head: Int64,
        _ progress: @escaping @Sendable (RebuildProgress) -> Void
    ) async throws(ProjectionError) -> [String: Int32] {
        var attempt = 1
        while true {
            let erasures = try await erasures(of: tenant)
            do {
                return try await fillOnce(projections, tenant, upTo: head, erasures, progress)
            } catch let error as ProjectionError {
                // Taken away by an erasure: begin again. By somebody else: theirs.
                let isErasure =
                    error.code == .superseded
                    ? try await self.erasures(of: tenant) != erasures : false
                guard isErasure, attempt < Self.attemptsMaximum else { throw error }
                attempt += 1
            } catch let error as PostgresError {
                throw error.cause as? ProjectionError
                    ?? ProjectionError(.database, "the projections cannot be filled", cause: error)
            } catch {
                throw ProjectionError(
                    error is CancellationError ? .cancelled : .log, "the log cannot be folded", cause: error)
            }
        }
    }

    private func fillOnce(
        _ projections: [any Projection], _ tenant: UUID, upTo head: Int64, _ erasures: Int64,
        _ progress: @escaping @Sendable (RebuildProgress) -> Void
    ) async throws -> [String: Int32] {
        var leases: [FillLease] = []
        for projection in projections {
            leases.append(try await FillLease.take(projection, tenant: tenant, in: database))
        }
        let taken = leases
        let outcome = try await LogFill(source: source, tenant: tenant, targets: taken, limits: limits).run(upTo: head)
        {
            next in
            for lease in taken {
                progress(
                    RebuildProgress(
                        projection: lease.projection.name, tenant: tenant, version: lease.set.version, next: next,
                        head: head))
            }
        }
        for lease in taken {
            let isRefused = outcome.refused.contains(lease.projection.name)
            if isRefused { try await lease.empty() }
            try await lease.finish(next: isRefused ? 0 : outcome.next, erasures: erasures)
        }
        return Dictionary(taken.map { ($0.projection.name, $0.set.version) }) { first, _ in first }
    }

    /// Event by event from where the fill ended: nothing, mostly; else this finds out why.
    private func follow(
        _ projection: any Projection, _ version: Int32, _ tenant: UUID, upTo head: Int64,
        _ progress: @Sendable (RebuildProgress) -> Void
    ) async throws(ProjectionError) {
        while true {
            switch try await worker.step(projection, version: version, tenant: tenant) {
            case .idle(let next), .advanced(let next, _):
                progress(
                    RebuildProgress(
                        projection: projection.name, tenant: tenant, version: version, next: next, head: head))
                if next >= head { return }
            case .setAside: continue
            case .leased:
                do {
                    try await Task.sleep(for: .milliseconds(20))
                } catch {
                    throw ProjectionError(.cancelled, "the rebuild of \(projection.name) was cancelled")
                }
            case .blocked(let position, let reason):
                throw ProjectionError(
                    .blocked,
                    "version \(version) of \(projection.name) stands before position \(position): \(reason)")
            }
        }
    }

    /// A set in which a stream is set aside that the live one shows whole is no set to send readers to.
    private func refuseWorse(
        _ projection: any Projection, _ version: Int32, _ tenant: UUID
    ) async throws(ProjectionError) {
        let marks: [ProjectionMark]
        do {
            marks = try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                let live = try LiveSet.read(projection, tenant: tenant, in: tx).set.version
                let known = try ProjectionMark.all(of: projection, version: live, tenant: tenant, in: tx).map(
                    \.streamID)
                return try ProjectionMark.all(of: projection, version: version, tenant: tenant, in: tx)
                    .filter { !known.contains($0.streamID) }
            }
        } catch {
            throw ProjectionError(.database, "what is set aside of \(projection.name) cannot be read", cause: error)
        }
        guard let mark = marks.min(by: { $0.position < $1.position }) else { return }
        throw ProjectionError(
            .blocked,
            "version \(version) of \(projection.name) cannot take position \(mark.position), which the live one has taken: \(mark.reason)"
        )
    }

    private func erasures(of tenant: UUID) async throws(ProjectionError) -> Int64 {
        do {
            return try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                try ProjectionPlace.erasures(of: tenant, in: tx)
            }
        } catch {
            throw ProjectionError(.database, "the tenant's erasures cannot be read", cause: error)
        }
    }
}
