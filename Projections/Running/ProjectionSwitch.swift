package import Foundation
package import Postgres

/// Sends readers from one set of a projection's tables to the other, tenant by tenant, and drops the one that nobody
/// reads any more.
///
/// A flip is one row in one transaction. It waits until the other set has come as far as the live one, under the locks
/// of both, so that no reader sees `as_of_position` go back; readers look the set up in the snapshot that they read in.
/// The set that was left is still followed, so that flipping back loses nothing, until it is dropped or the next rebuild
/// takes its place.
package struct ProjectionSwitch: Sendable {
    private let database: Database
    private let worker: ProjectionWorker

    private enum Outcome: Sendable {
        case done
        case behind(Int64)
        case missing, filling
        case blocked(Int64, String)
    }

    package init(source: any EventSource, database: Database) {
        self.database = database
        worker = ProjectionWorker(source: source, database: database, history: CaseHistory(source))
    }

    /// The version that readers of the tenant are sent to.
    package func live(_ projection: any Projection, tenant: UUID) async throws(ProjectionError) -> Int32 {
        try await databaseWork("the live set of \(projection.name) cannot be read") { tx throws(PostgresError) in
            try LiveSet.read(projection, tenant: tenant, in: tx).set.version
        }
    }

    /// - Parameter version: `nil` for the one that is not live now.
    /// - Returns: the version that is live from now on; nothing happens when it was before.
    /// - Throws: `notReady` when that set does not exist, is being filled, or does not catch up; `blocked` when it stands
    ///   before an event.
    @discardableResult
    package func flip(
        _ projection: any Projection, tenant: UUID, to version: Int32? = nil
    ) async throws(ProjectionError) -> Int32 {
        let live = try await live(projection, tenant: tenant)
        let target = version ?? projection.other(than: live)
        guard projection.versions.contains(target) else {
            throw ProjectionError(.notReady, "\(projection.name) has no version \(target) in this build")
        }
        for _ in 0..<500 {
            _ = try await worker.catchUp(projection, version: target, tenant: tenant)
            switch try await attempt(projection, tenant, target) {
            case .done: return target
            // The live one was faster by an event or two.
            case .behind: continue
            case .missing: throw ProjectionError(.notReady, "\(projection.name) has no rows of version \(target)")
            case .filling:
                throw ProjectionError(.notReady, "version \(target) of \(projection.name) is not filled yet")
            case .blocked(let position, let reason):
                throw ProjectionError(
                    .blocked,
                    "version \(target) of \(projection.name) stands before position \(position): \(reason)")
            }
        }
        throw ProjectionError(.notReady, "version \(target) of \(projection.name) does not catch up with the live one")
    }

    private func attempt(
        _ projection: any Projection, _ tenant: UUID, _ target: Int32
    ) async throws(ProjectionError) -> Outcome {
        struct Place: Sendable {
            var version: Int32
            var next: Int64
            var isFilling: Bool
            var error: String?
        }
        let name = projection.name
        let versions = projection.versions
        return try await databaseWork("\(name) cannot be flipped") { tx throws(PostgresError) in
            let places = try tx.query(
                """
                SELECT version, next_position, rebuild IS NOT NULL, error FROM docket.projection_position
                 WHERE tenant_id = \(tenant) AND name = \(name) AND version = ANY(\(versions))
                 ORDER BY version FOR UPDATE
                """
            ) { row throws(PostgresError) in
                Place(version: try row[0], next: try row[1], isFilling: try row[2], error: try row[3])
            }
            guard let place = places.first(where: { $0.version == target }) else { return .missing }
            guard !place.isFilling else { return .filling }
            let live = try LiveSet.read(projection, tenant: tenant, in: tx)
            guard place.next >= live.next else {
                return place.error.map { .blocked(place.next, $0) } ?? .behind(live.next)
            }
            try tx.execute(
                """
                INSERT INTO docket.projection_live (tenant_id, name, version) VALUES (\(tenant), \(name), \(target))
                ON CONFLICT (tenant_id, name) DO UPDATE SET version = excluded.version
                """)
            return .done
        }
    }

    /// Takes the tenant's rows out of the set that is not live, and ends its being followed, or filled.
    ///
    /// - Returns: the version that was dropped, `nil` when there was none.
    @discardableResult
    package func drop(_ projection: any Projection, tenant: UUID) async throws(ProjectionError) -> Int32? {
        let name = projection.name
        let versions = projection.versions
        return try await databaseWork("the other set of \(name) cannot be dropped") { tx throws(PostgresError) in
            try tx.run(script: "SET LOCAL statement_timeout = 0")
            let found = try tx.query(
                """
                SELECT version FROM docket.projection_position
                 WHERE tenant_id = \(tenant) AND name = \(name) AND version = ANY(\(versions))
                 ORDER BY version FOR UPDATE
                """
            ) { row throws(PostgresError) in try row[0] as Int32 }
            let live = try LiveSet.read(projection, tenant: tenant, in: tx).set.version
            guard let retired = found.first(where: { $0 != live }) else { return nil }
            try projection.empty(TableSet(version: retired), of: tenant, in: tx)
            try tx.execute(
                """
                DELETE FROM docket.projection_position
                 WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(retired)
                """)
            try ProjectionMark.clear(name, version: retired, tenant: tenant, in: tx)
            return retired
        }
    }

    private func databaseWork<Value: Sendable>(
        _ failure: String, _ body: @Sendable (borrowing Transaction) throws(PostgresError) -> Value
    ) async throws(ProjectionError) -> Value {
        do {
            return try await database.transaction { tx throws(PostgresError) in try body(tx) }
        } catch {
            throw ProjectionError(.database, failure, cause: error)
        }
    }
}
