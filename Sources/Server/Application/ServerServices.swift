import Cases
import EventLog
import Events
import Foundation
import Logging
import Pages
import Postgres
import Projections
import Reactors

/// What handlers reach for: the dependencies, and the small services that the server keeps itself.
@dynamicMemberLookup
struct ServerServices: Sendable {
    let dependencies: ServerDependencies
    let configuration: ServerConfiguration
    let authenticator: Authenticator
    let denials: AccessDenials
    let idempotency: IdempotencyStore
    let metrics: MetricsRegistry
    let streams: Slots
    /// Requests with large bodies that are read and worked on at the same time.
    let largeBodies: Slots
    let sessions = SessionStore()
    let disk = DiskFullSign()
    let exports: ExportStore
    let eraser: SubjectEraser
    let pages: Pages

    init(_ dependencies: ServerDependencies, _ configuration: ServerConfiguration) {
        self.dependencies = dependencies
        self.configuration = configuration
        metrics = MetricsRegistry()
        authenticator = Authenticator(registries: dependencies.registries, clock: dependencies.clock)
        denials = AccessDenials(
            log: dependencies.log, clock: dependencies.clock, interval: configuration.denialInterval,
            logger: dependencies.logger)
        idempotency = IdempotencyStore(database: dependencies.database)
        exports = ExportStore(directory: dependencies.exportsDirectory, database: dependencies.database)
        eraser = SubjectEraser(
            log: dependencies.log, cases: dependencies.cases, positions: ReactorPositions(dependencies.database),
            clearing: ErasureClearing { tenant, tx throws(PostgresError) in
                try ProjectionCatalog.clear(tenant: tenant, in: tx)
                try IdempotencyStore.empty(tenant: tenant, in: tx)
            }, clock: dependencies.clock)
        streams = Slots(maximum: configuration.streamsMaximum)
        largeBodies = Slots(maximum: configuration.largeBodiesMaximum)
        do {
            pages = try Pages()
        } catch {
            // They were compiled into this program: a template that cannot be read is a defect of it.
            preconditionFailure("the pages cannot be read: \(error)")
        }
    }

    subscript<Value>(dynamicMember path: KeyPath<ServerDependencies, Value>) -> Value { dependencies[keyPath: path] }

    /// The last position of a tenant's log, -1 when it is empty.
    func lastPosition(of tenant: UUID) async throws -> Int64 { try await self.log.head(tenant: tenant) - 1 }

    /// Looks something up in a projection; when it is not there, waits until the projection has seen everything that is
    /// in the log now, and looks again: what a writer was just told about is found.
    func find<Value: Sendable>(
        in projection: String, tenant: UUID, _ look: () async throws -> Value?
    ) async throws -> Value {
        if let found = try await look() { return found }
        let last = try await lastPosition(of: tenant)
        do {
            try await self.projections.waitForPosition(
                last, tenant: tenant, projections: [projection], timeout: .seconds(1))
        } catch let error where error.code == .behind {
            // It may still be there: one more look decides.
        }
        guard let found = try await look() else { throw Rejection.notFound }
        return found
    }
}
