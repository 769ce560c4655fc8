import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Projections
import Schema
import Synchronization
import TestSupport
import Testing

extension Trait where Self == DatabaseTrait {
    /// A database with the log's schema and the projections' tables.
    static var projected: DatabaseTrait {
        DatabaseTrait(template: "projected") { database in
            try await Migrator(database).migrate()
            try await ProjectionCatalog().install(on: database)
        }
    }
}

/// A log, workers and queries on the running test's database, as the application sees it.
struct ProjectionFixture: Sendable {
    let log: EventLog
    let tenant = UUID()
    let superuser: Database
    let application: Database
    let keysDirectory: String
    let clock = SteppingClock()
    let catalog = ProjectionCatalog()

    static func with(
        _ body: (ProjectionFixture) async throws -> Void
    ) async throws {
        let fixture = try await ProjectionFixture()
        do {
            try await body(fixture)
        } catch {
            try await fixture.close()
            throw error
        }
        try await fixture.close()
    }

    private init() async throws {
        let current = try TestDatabase.current
        superuser = current.database
        application = current.connect(as: "docket_app")
        keysDirectory = "/tmp/docket-keys-\(UUID().uuidString)"
        log = try Self.log(application, keysDirectory, clock, Upcasters())
        try await log.createTenant(tenant)
    }

    /// The same log as a newer build reads it.
    func log(upcasters: Upcasters) throws -> EventLog { try Self.log(application, keysDirectory, clock, upcasters) }

    private static func log(
        _ database: Database, _ keys: String, _ clock: SteppingClock, _ upcasters: Upcasters
    ) throws -> EventLog {
        return EventLog(
            database: database, keys: try TenantKeys(directory: keys), catalogue: try .ofDomain(),
            upcasters: upcasters, clock: { clock.next() })
    }

    private func close() async throws {
        await application.close()
        try FileManager.default.removeItem(atPath: keysDirectory)
    }
}

extension ProjectionFixture {
    var queries: ProjectionQueries { ProjectionQueries(application) }
    var monitor: ProjectionMonitor { ProjectionMonitor(database: application, catalog: catalog) }

    /// - Parameter remembers: off, every case is read from its stream again for each batch.
    func worker(
        _ source: (any EventSource)? = nil, batchSize: Int = 1_000, remembers: Bool = true
    ) -> ProjectionWorker {
        let source = source ?? log
        let history = CaseHistory(source, bytesMaximum: remembers ? 64 << 20 : 0)
        return ProjectionWorker(
            source: source, database: application, history: history, batchSize: batchSize,
            clock: { Instant(microseconds: 1_000_000) })
    }

    /// Brings every projection up to the log.
    func catchUp(_ tenant: UUID? = nil, batchSize: Int = 1_000, remembers: Bool = true) async throws {
        let worker = worker(batchSize: batchSize, remembers: remembers)
        for projection in catalog.projections {
            let step = try await worker.catchUp(projection, tenant: tenant ?? self.tenant)
            if case .blocked(let position, let reason) = step {
                Issue.record("\(projection.name) at \(position): \(reason)")
            }
        }
    }

    @discardableResult
    func append(
        _ story: CaseStory, tenant: UUID? = nil, kind: StreamKind = .case
    ) async throws -> AppendedRange {
        try await append(story.events(), to: story.id, caseID: story.id, tenant: tenant)
    }

    @discardableResult
    func append(
        _ events: [NewEvent], to stream: UUID, kind: StreamKind = .case, caseID: UUID? = nil, tenant: UUID? = nil
    ) async throws -> AppendedRange {
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant ?? self.tenant, streamKind: kind.rawValue, streamID: stream, caseID: caseID,
                expected: .any, events: events))
        guard case .appended(let range) = verdict else { throw Unexpected(verdict: verdict) }
        return range
    }

    struct Unexpected: Error { var verdict: AppendVerdict }

    /// The case as its stream alone tells it.
    func folded(_ id: UUID, tenant: UUID? = nil) async throws -> CaseRecord {
        let tenant = tenant ?? self.tenant
        let events = try await log.read(stream: id, tenant: tenant)
        return try #require(try CaseRecord.folding(events, tenant: tenant))
    }

    /// Every row of every table, in the order of the keys, table by table.
    func dump(_ tenant: UUID? = nil) async throws -> [String: [String]] {
        let tenant = tenant ?? self.tenant
        var rows: [String: [String]] = [:]
        for table in catalog.projections.flatMap(\.tables) {
            // The keys stand first in every table, and text sorts the same way every time.
            rows[table] = try await application.query(
                """
                SELECT t::text FROM \(unescaped: table) AS t WHERE tenant_id = \(tenant) ORDER BY t::text COLLATE "C"
                """
            ) { row throws(PostgresError) in try row[0] as String }
        }
        return rows
    }
}

/// A clock that goes on by a second each time it is asked.
final class SteppingClock: Sendable {
    private let time = Mutex(Instant(rfc3339: "2026-03-01T12:00:00Z")!)

    func next() -> Instant {
        time.withLock { time in
            time = time.adding(milliseconds: 1_000)
            return time
        }
    }
}
