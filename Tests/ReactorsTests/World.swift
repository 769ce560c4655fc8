import Cases
import Content
import Detection
import EventLog
import Events
import Foundation
import Intake
import JSON
import Lab
import Logging
import Postgres
import Reactors
import Response
import Runs
import ServiceLifecycle
import TestSupport
import Testing

@testable import Reactors

/// A tenant with the shipped policy and playbooks, running stages, and a lab to act on: everything real but the clock's
/// wall.
struct World: Sendable {
    let tenant: UUID
    let log: EventLog
    let pipeline: Pipeline
    let receiver: AlertReceiver
    let telemetry: TelemetryReceiver
    let positions: ReactorPositions
    let labURL: URL
    let client: GuardedHTTPClient
    let clock: @Sendable () -> Instant

    var cases: CaseStore { pipeline.cases }

    /// Runs the stages and the lab around a test.
    ///
    /// - Parameter connector: in the place of the one to the lab.
    static func run(
        connector: RunExecutor.MakeConnector? = nil, _ body: @Sendable (World) async throws -> Void
    ) async throws {
        let database = try TestDatabase.current.connect(as: "docket_app")
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        let clock: @Sendable () -> Instant = { .now() }
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: folder.path), catalogue: try .domain, checks: .domain,
            clock: clock)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let client = GuardedHTTPClient(policy: AddressPolicy(allowed: [CIDR("127.0.0.0/8")!]))
        let factory = ConnectorFactory(client: client, secretsDirectory: nil)
        let policy: Policy = try JSONValue.parse(Content.defaultPolicy).decode()
        let real: RunExecutor.MakeConnector = { name, registry throws(ConnectorError) in
            try factory.connector(name, of: registry)
        }
        let pipeline = Pipeline(log: log, defaultPolicy: policy, clock: clock, connector: connector ?? real)
        let directory = TenantDirectory(log: log, clock: clock)
        try await directory.prepare()
        _ = try await RulePublisher(
            store: pipeline.rules, tenant: SystemTenant.id,
            actor: .init(kind: .service, subject: "test", lane: .system),
            clock: clock
        ).publish(Content.rules.flatMap { SigmaDocument.documents(in: $0.text, file: $0.path) }, pack: "shipped")
        let actor = Actor(kind: .service, subject: "test", lane: .system)
        let tenant = try await directory.create(
            "acme", outfit: .init(policy: policy, playbooks: try Self.playbooks()), by: actor)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let lab = try LabServer(listen: "127.0.0.1:0", logger: logger, onReady: { continuation.yield($0) })
        let runner = pipeline.runner(positions: ReactorPositions(database), logger: logger)
        let group = ServiceGroup(configuration: .init(services: [lab, runner], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let world = World(
                tenant: tenant.id, log: log, pipeline: pipeline, receiver: AlertReceiver(log: log),
                telemetry: TelemetryReceiver(
                    log: log, rules: pipeline.rules, registries: pipeline.registries, width: 2),
                positions: ReactorPositions(database),
                labURL: URL(string: "http://127.0.0.1:\(port)")!, client: client, clock: clock)
            do {
                try await world.furnish()
                try await body(world)
            } catch {
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                try await client.shutdown()
                await database.close()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try await client.shutdown()
            await database.close()
        }
        try FileManager.default.removeItem(at: folder)
    }

    static func playbooks() throws -> [PublishedPlaybook] {
        try Content.playbooks.map { try PublishedPlaybook(shipped: $0.text) }
    }

    /// The connector to the lab, and the inventory of story (c).
    private func furnish() async throws {
        let writer = GovernanceWriter(
            log: log, tenant: tenant, actor: Actor(kind: .service, subject: "test", lane: .system), clock: clock)
        try await writer.append(
            [
                Decision(
                    ConnectorSettings(
                        id: UUID(), name: "lab", kind: "http", baseURL: labURL.absoluteString, secretRef: nil,
                        kinds: [:]))
            ], kind: .connector, stream: UUID.v5(namespace: tenant, name: "connector/lab"))
        let story = try Self.story()
        for asset in story["assets"]?.arrayValue ?? [] {
            var data = asset
            data["id"] = .string(UUID.v5(namespace: tenant, name: asset["value"]?.stringValue ?? "").lowercased)
            data["observed_at"] = .string(clock().rfc3339)
            try await writer.append([Decision(type: .assetRegistered, data: data)], kind: .asset, stream: UUID())
        }
        for (id, group) in story["lab"]?["security_groups"]?.objectValue ?? [:] {
            let answer = try await client.send(
                .init(
                    .put, labURL, path: ["v1", "security_groups", id],
                    headers: [(name: "Content-Type", value: "application/json")], body: group.canonicalBytes()))
            #expect((200..<300).contains(answer.status))
        }
    }

    /// A governance event of the tenant.
    func govern(_ decision: Decision) async throws {
        try await GovernanceWriter(
            log: log, tenant: tenant, actor: Actor(kind: .service, subject: "test", lane: .system), clock: clock
        ).append([decision], kind: .tenant, stream: tenant)
    }

    static func story() throws -> JSONValue {
        try JSONValue.parse(try #require(Content.stories.first { $0.path.contains("c-open") }).text)
    }

    /// Story (c)'s alert as it would arrive now.
    func alert(_ change: (inout JSONValue) -> Void = { _ in }) throws -> [UInt8] {
        var alert = try #require(try Self.story().at("/alerts/0/alert"))
        alert["occurred_at"] = .string(clock().rfc3339)
        change(&alert)
        return alert.canonicalBytes()
    }

    func send(_ bytes: [UInt8]) async throws -> AlertReceiver.Result {
        let results = try await receiver.receive(
            [.init(bytes: bytes, format: .native)], tenant: tenant,
            actor: Actor(kind: .service, subject: "siem", lane: .siem), traceID: nil, at: clock())
        return try #require(results.first)
    }

    @discardableResult
    func sendTelemetry(
        _ lines: [String], product: String? = nil, service: String? = nil
    ) async throws -> TelemetryReceiver.Counts {
        try await telemetry.receive(
            ItemBatch(lines.map { Array($0.utf8) }),
            origin: TelemetryOrigin(logsource: Logsource(product: product, service: service)), tenant: tenant,
            actor: Actor(kind: .service, subject: "collector", lane: .siem), traceID: nil, at: clock())
    }

    func count(_ type: String) async throws -> Int {
        try await log.feed(tenant: tenant, from: 0, limit: 1_000, types: [type]).count
    }

    /// Waits until every stage has seen everything that is in the log, its own events included.
    func settle() async throws {
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            let head = try await log.head(tenant: tenant)
            var isSettled = true
            for reactor in pipeline.reactors(for: tenant) {
                let position = try await positions.position(of: type(of: reactor).name, tenant: tenant)
                if position < head { isSettled = false }
            }
            if isSettled, try await log.head(tenant: tenant) == head { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("the stages did not come to rest")
    }

    func labState() async throws -> [UInt8] {
        try await client.send(.init(.get, labURL, path: ["v1", "state"])).body
    }

    /// Waits for a case in a state; polls the log, as a script polls the API.
    func caseRecord(
        within seconds: Int = 300, _ isReady: (CaseRecord) -> Bool
    ) async throws -> CaseRecord {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last: CaseRecord?
        while ContinuousClock.now < deadline {
            let opened = try await log.feed(tenant: tenant, from: 0, limit: 10, types: ["case.opened"])
            if let id = opened.last?.caseID, let record = try await cases.load(id, tenant: tenant) {
                if isReady(record) { return record }
                last = record
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Never(last: last)
    }

    struct Never: Error, CustomStringConvertible {
        var last: CaseRecord?
        var description: String {
            "the case did not get there: \(last.map { "\($0.state) \($0.approval?.state.rawValue ?? "no approval") \($0.run?.state.rawValue ?? "no run") \($0.run?.steps.map { "\($0.state) \($0.error?.message ?? "")" } ?? [])" } ?? "no case")"
        }
    }

    func principal(_ subject: String, _ role: Role) -> Principal {
        Principal(tenant: tenant, identity: Identity(subject: subject), roles: [role], tokenID: UUID())
    }

    /// A person's decision on the case's newest approval.
    func decide(
        _ choice: Approval.Vote.Choice, as subject: String, on record: CaseRecord, digest: Digest? = nil
    ) async throws -> Rejection? {
        let permit = try principal(subject, .responder).permit(Respond.self)
        let approval = try #require(record.approval)
        let registry = try await pipeline.registries.registry(of: tenant)
        var rejection: Rejection?
        let cause = Cause(command: permit.actor, traceID: nil, at: clock())
        _ = try await cases.update(record.id, tenant: tenant, cause: cause) { record in
            let outcome = try record.decide(
                approval: approval.id, choice, reason: "Reviewed with care.", planDigest: digest ?? approval.planDigest,
                by: permit, registry: registry, at: clock())
            rejection = outcome.rejection
            return outcome.decisions
        }
        return rejection
    }
}
