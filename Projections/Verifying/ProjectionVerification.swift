import Events
package import Foundation
package import Postgres

/// Holds the rows of the live projections against what the log gives now: the nightly self-check.
///
/// In one snapshot: see where the live set stands, fold the log up to there into temporary tables, and compare rows, table
/// by table. What is compared are the resulting rows, for a digest over events that went in would be the same whatever
/// the fold made of them. It says that the tables are what this build's fold makes of the log, and finds rows that were
/// altered, lost or added, folds that depend on how events were cut into batches, and a fold that was changed without a
/// new generation. It cannot say that the fold is what was meant.
///
/// Nothing is locked, and nothing of it is seen by others; the snapshot keeps VACUUM from cleaning up behind it.
package struct ProjectionVerification: Sendable {
    private let source: any EventSource
    private let database: Database
    private let catalog: ProjectionCatalog
    private let limits: FillLimits
    private static let attemptsMaximum = 3

    package init(
        source: any EventSource, database: Database, catalog: ProjectionCatalog = ProjectionCatalog(),
        limits: FillLimits = FillLimits()
    ) {
        self.source = source
        self.limits = limits
        self.database = database
        self.catalog = catalog
    }

    /// - Parameters:
    ///   - name: `nil` for all.
    ///   - tenant: `nil` for all.
    ///   - report: called with each verdict as it falls.
    /// - Returns: whether everything is equal.
    /// - Throws: `blocked` when the log cannot be folded as far as the live set has come.
    @discardableResult
    package func verify(
        _ name: String? = nil, tenant: UUID? = nil, report: @escaping @Sendable (ProjectionVerdict) -> Void = { _ in }
    ) async throws(ProjectionError) -> Bool {
        var projections = catalog.projections
        if let name { projections = [try catalog.projection(named: name)] }
        let tenants: [UUID]
        do {
            tenants = try await source.heads().keys.filter { tenant == nil || $0 == tenant }
        } catch {
            throw ProjectionError(.log, "the tenants cannot be read", cause: error)
        }
        var isEqual = true
        for tenant in tenants.sorted(by: { $0.uuidString < $1.uuidString }) {
            for projection in projections {
                let verdict = try await verify(projection, tenant)
                isEqual = isEqual && verdict.isEqual
                report(verdict)
            }
        }
        return isEqual
    }

    private func verify(
        _ projection: any Projection, _ tenant: UUID
    ) async throws(ProjectionError) -> ProjectionVerdict {
        for _ in 0..<Self.attemptsMaximum {
            do {
                let found = try await HeldTransaction.with(database) { held in
                    try await compare(projection, tenant, held)
                }
                if let found { return found }
            } catch let error as ProjectionError {
                throw error
            } catch let error as PostgresError {
                throw error.cause as? ProjectionError
                    ?? ProjectionError(.database, "\(projection.name) cannot be checked", cause: error)
            } catch {
                throw ProjectionError(
                    error is CancellationError ? .cancelled : .log, "the log cannot be folded", cause: error)
            }
        }
        throw ProjectionError(.superseded, "\(projection.name) cannot be checked: the tenant's data is being erased")
    }

    /// Nil when an erasure came in between: the log then gives less than the snapshot holds.
    private func compare(
        _ projection: any Projection, _ tenant: UUID, _ held: HeldTransaction
    ) async throws -> ProjectionVerdict? {
        let (live, erasures) = try await held.perform { tx throws(PostgresError) in
            let live = try LiveSet.read(projection, tenant: tenant, in: tx)
            let temporary = live.set.temporary
            for table in projection.tables {
                try tx.execute(
                    """
                    CREATE TEMPORARY TABLE \(unescaped: temporary[table])
                      (LIKE \(unescaped: live.set[table]) INCLUDING INDEXES) ON COMMIT DROP
                    """)
            }
            return (live, try ProjectionPlace.erasures(of: tenant, in: tx))
        }
        let target = TemporaryTarget(projection: projection, set: live.set.temporary, held: held)
        let outcome = try await LogFill(source: source, tenant: tenant, targets: [target], limits: limits)
            .run(upTo: live.next)
        guard outcome.refused.isEmpty, outcome.next == live.next else {
            throw ProjectionError(
                .blocked,
                "\(projection.name) has come to position \(live.next), and the log cannot be folded beyond \(outcome.next)"
            )
        }
        let now = try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
            try ProjectionPlace.erasures(of: tenant, in: tx)
        }
        guard now == erasures else { return nil }
        let tables = try await held.perform { tx throws(PostgresError) in
            try projection.tables.map { table throws(PostgresError) in
                try TableComparison(
                    tenant: tenant, name: "\(table)_v\(live.set.version)", live: live.set[table],
                    expected: live.set.temporary[table]
                ).run(in: tx)
            }
        }
        return ProjectionVerdict(
            name: projection.name, version: live.set.version, tenantID: tenant, asOfPosition: live.next - 1,
            tables: tables)
    }
}

/// Temporary tables, which only the transaction sees that made them.
private struct TemporaryTarget: FillTarget {
    let projection: any Projection
    let set: TableSet
    let held: HeldTransaction

    func write(
        next: Int64, _ body: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> Void
    ) async throws(PostgresError) {
        try await held.perform(body)
    }
}
