import Cases
import EventLog
import Events
import Foundation
import JSON
import Logging
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
    /// The same, connected as somebody who may become `docket_eraser`.
    let erasingLog: EventLog
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
        erasingLog = try Self.log(superuser, keysDirectory, clock, Upcasters())
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
    var readers: ProjectionSwitch { ProjectionSwitch(source: log, database: application) }
    var rebuild: ProjectionRebuild { ProjectionRebuild(source: log, database: application, catalog: catalog) }
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

    /// Keeps every set of every projection up while the body runs.
    func withRunner(_ body: () async throws -> Void) async throws {
        var limits = ProjectionRunner.Limits()
        limits.interval = .milliseconds(20)
        let runner = ProjectionRunner(
            worker: worker(), source: log, limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await runner.run() }
            try await body()
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    /// Waits for a state, with a deadline.
    func until(_ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(300)
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw TooLate() }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    struct TooLate: Error {}

    /// Every projection as far as it folds.
    func catchUpUntilBlocked() async throws {
        for projection in catalog.projections {
            _ = try await worker(batchSize: 9).catchUp(projection, tenant: tenant)
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
        let events = try await log.read(stream: id, tenant: tenant, after: 0, upTo: nil, limit: 10_000)
        return try #require(try CaseRecord.folding(events, tenant: tenant))
    }

    /// Every row of every table of the live sets, in the order of the keys, by the table's plain name.
    func dump(_ tenant: UUID? = nil) async throws -> [String: [String]] {
        let tenant = tenant ?? self.tenant
        var rows: [String: [String]] = [:]
        for projection in catalog.projections {
            let version = try await readers.live(projection, tenant: tenant)
            rows.merge(try await dump(projection, version, tenant)) { first, _ in first }
        }
        return rows
    }

    /// The same of one set.
    func dump(_ projection: any Projection, _ version: Int32, _ tenant: UUID? = nil) async throws -> [String: [String]]
    {
        let tenant = tenant ?? self.tenant
        var rows: [String: [String]] = [:]
        for table in projection.tables {
            // The keys stand first in every table, and text sorts the same way every time.
            rows[table] = try await application.query(
                """
                SELECT t::text FROM \(unescaped: TableSet(version: version)[table]) AS t
                 WHERE tenant_id = \(tenant) ORDER BY t::text COLLATE "C"
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
