import Cases
import Content
import EventLog
import Events
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Intake
import JSON
import Logging
import NIOCore
import Postgres
import Projections
import Reactors
import Response
import Schema
import Sealing
import Synchronization
import TestSupport
import Testing

@testable import Server

extension Trait where Self == DatabaseTrait {
    /// A database with the log and the read models.
    static var served: DatabaseTrait {
        DatabaseTrait(template: "served") { database in
            try await Migrator(database).migrate()
            try await ProjectionCatalog().install(on: database)
        }
    }
}

/// The whole API in this process, over a real database, with two tenants and a token for every role. Stages and read
/// models move only when the test says so.
struct TestServer: Sendable {
    let tenant: UUID
    let foreign: UUID
    let log: EventLog
    let database: Database
    let pipeline: Pipeline
    let server: DocketServer
    let lines: LogLines
    let http: any TestClientProtocol
    let tokens: TokenBox
    let driver: StageDriver
    let worker: ProjectionWorker

    static func run(
        configuration: ServerConfiguration = ServerConfiguration(
            heartbeat: .milliseconds(50), positionTimeout: .milliseconds(50), denialInterval: .milliseconds(20)),
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        let database = try TestDatabase.current.connect(as: "docket_app")
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        do {
            try await run(on: database, keys: folder.path, configuration, body)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
        try FileManager.default.removeItem(at: folder)
    }

    private static func run(
        on database: Database, keys: String, _ configuration: ServerConfiguration,
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        let clock: @Sendable () -> Instant = { .now() }
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: keys), catalogue: try .domain, checks: .domain,
            clock: clock)
        let policy: Policy = try JSONValue.parse(Content.defaultPolicy).decode()
        let pipeline = Pipeline(log: log, defaultPolicy: policy, clock: clock)
        let directory = TenantDirectory(log: log, clock: clock)
        try await directory.prepare()
        let outfit = TenantDirectory.Outfit(policy: policy, playbooks: try playbooks())
        let actor = Actor(kind: .service, subject: "test", lane: .system)
        let tenant = try await directory.create("acme", outfit: outfit, by: actor).id
        let foreign = try await directory.create("other", outfit: outfit, by: actor).id
        let lines = LogLines()
        let logger = Logger(label: "test") { _ in
            var handler = JSONLogHandler(label: "test", write: { lines.append($0) })
            handler.logLevel = .trace
            return handler
        }
        let dependencies = ServerDependencies(
            log: log, database: database, cases: pipeline.cases, alerts: pipeline.alerts,
            registries: pipeline.registries, rules: pipeline.rules, receiver: AlertReceiver(log: log),
            telemetry: TelemetryReceiver(
                log: log, rules: pipeline.rules, registries: pipeline.registries, width: 2),
            signingKeys: SigningKeys(directory: keys), exportsDirectory: keys + "/exports",
            queries: ProjectionQueries(database),
            projections: ProjectionMonitor(database: database), tenants: directory, outfit: outfit,
            testConnector: { settings, _ in .init(isReachable: settings.name == "lab", detail: nil) }, clock: clock,
            logger: logger)
        let server = DocketServer(dependencies: dependencies, configuration: configuration)
        try await server.application().test(.router) { http in
            let running = TestServer(
                tenant: tenant, foreign: foreign, log: log, database: database, pipeline: pipeline, server: server,
                lines: lines, http: http, tokens: TokenBox(),
                driver: StageDriver(
                    reactors: pipeline.reactors(for: tenant).filter { !($0 is RunExecutor) }, log: log, tenant: tenant),
                worker: ProjectionWorker(source: log, database: database, history: CaseHistory(log)))
            try await body(running)
        }
    }

    private static func playbooks() throws -> [PublishedPlaybook] {
        try Content.playbooks.map { try PublishedPlaybook(shipped: $0.text) }
    }
}

/// What was logged, for the test that looks for what must not be there.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}
