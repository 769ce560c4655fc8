import Cases
import Content
import EventLog
import Events
import Foundation
import JSON
import Logging
import Postgres
import Projections
import Reactors
import ServiceLifecycle

/// What must not grow with what is there already: many alerts at once, many forms of one alert, a large inventory, and a
/// start on a long log. Each beside a rate that it is held against, measured in the same run.
struct VolumeBenchmark {
    static let names = ["alerts", "forms", "assets", "start"]

    let place: BenchPlace
    /// The log as the server has it: personal members sealed.
    let log: EventLog
    let policy: Policy

    init(_ place: BenchPlace, clock: @escaping @Sendable () -> Instant = { .now() }) throws {
        self.place = place
        log = EventLog(
            database: place.database, keys: try TenantKeys(directory: place.keysDirectory), catalogue: try .domain,
            clock: clock)
        policy = try JSONValue.parse(Content.defaultPolicy).decode()
    }

    static func run(_ names: [String]) async throws {
        for name in names {
            try await BenchPlace.with { place in
                let volume = try VolumeBenchmark(place)
                try await ProjectionCatalog().install(on: place.owner)
                switch name {
                case "alerts": try await volume.alerts()
                case "forms": try await volume.forms()
                case "assets": try await volume.assets()
                default: try await volume.start()
                }
            }
        }
    }

    static let actor = Actor(kind: .service, subject: "bench", lane: .siem)

    func makePipeline() -> Pipeline {
        Pipeline(log: log, defaultPolicy: policy, clock: { .now() })
    }

    func makeTenant() async throws -> UUID {
        let directory = TenantDirectory(log: log, clock: { .now() })
        try await directory.prepare()
        return try await directory.create("bench", outfit: .init(policy: policy, playbooks: []), by: Self.actor).id
    }

    /// Every stage and every projection around the body, as a server runs them.
    func withStages(_ pipeline: Pipeline, _ body: @Sendable () async throws -> Void) async throws {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    ProjectionRunner(
                        worker: ProjectionWorker(
                            source: log, database: place.database, history: CaseHistory(log), clock: { .now() }),
                        source: log, logger: logger),
                    pipeline.runner(positions: ReactorPositions(place.database), logger: logger),
                ], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body())
            } catch {
                outcome = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try outcome.get()
        }
    }

    /// Waits until a stage has come to a position.
    func wait(for stages: [String], to position: Int64, _ tenant: UUID) async throws {
        let positions = ReactorPositions(place.database)
        for stage in stages {
            while try await positions.position(of: stage, tenant: tenant) < position {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Appends events of a size one after the other, each waiting for the one before: what a stage that works in order
    /// can do at most.
    func sequentialRate(_ count: Int, _ tenant: UUID) async throws -> Double {
        let data: JSONValue = ["text": .string(String(repeating: "x", count: 500))]
        return Double(count)
            / (try await Bench.seconds {
                for _ in 0..<count {
                    _ = try await log.append(
                        AppendRequest(
                            tenant: tenant, streamKind: StreamKind.audit.rawValue, streamID: UUID.v7(), expected: .any,
                            events: [
                                NewEvent(
                                    eventID: UUID.v7(), type: "bench.written", occurredAt: .now(), actor: Self.actor,
                                    correlationID: UUID.v7(), data: data)
                            ]))
                }
            })
    }

    /// At once, also into a file: one of these takes minutes.
    static func line(_ name: String, _ text: String) {
        FileHandle.standardOutput.write(Data("\(Bench.column(name)) \(text)\n".utf8))
    }

    static func memory() throws -> String {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let now = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let resident = now?.split(separator: " ").compactMap { Int($0) }.first ?? 0
        return "peak \(try ResidentMemory.peakKiB() / 1_024) MiB, now \(resident / 1_024) MiB"
    }
}
