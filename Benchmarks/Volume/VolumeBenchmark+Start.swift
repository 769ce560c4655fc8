import Cases
import EventLog
import Events
import Foundation
import Intake
import Postgres
import Projections
import Reactors
import Synchronization

extension VolumeBenchmark {
    static let startArgument = "start-process"
    private static let startEvents = 1_000_000

    /// A start on 1,000,000 events of more than 40,000 cases, written over 40 days: first without snapshots, then with
    /// those that the first one left. Each in a process of its own, so that its memory is its own.
    func start() async throws {
        let tenant = try await fill()
        let count = try await log.head(tenant: tenant)
        try await ProjectionRebuild(source: log, database: place.database).rebuild()
        try await place.owner.execute("ANALYZE")
        for name in ["start, nothing kept", "start, with snapshots"] {
            let output = try await process(tenant)
            Self.line("\(name)", "\(count) events   \(output)")
        }
        let reading = try await place.copyOut(tenant)
        Self.line("  (the log read once by COPY)", "\(Bench.hundredths(Double(count) / reading)) s")
    }

    /// Whole case lives, recorded as if over 40 days, all of them behind every stage.
    private func fill() async throws -> UUID {
        let lives = Self.startEvents * 3 / (2 * 24 + 10)
        let begin = Instant.now().adding(milliseconds: -40 * 86_400_000)
        let progress = Progress()
        let clock: @Sendable () -> Instant = {
            begin.adding(milliseconds: 39 * 86_400_000 * Int64(progress.done) / Int64(lives))
        }
        // Nothing is sealed here: filling a log by the million would take most of the time.
        let filling = EventLog(
            database: place.database, keys: try TenantKeys(directory: place.keysDirectory),
            catalogue: SealingCatalogue(), clock: clock)
        let tenant = UUID.v7()
        try await filling.createTenant(tenant)
        try await withThrowingDiscardingTaskGroup { group in
            for task in 0..<256 {
                group.addTask {
                    for number in stride(from: task, to: lives, by: 256) {
                        for part in try CaseLife(number).parts() {
                            _ = try await filling.append(
                                AppendRequest(
                                    tenant: tenant, streamKind: part.kind.rawValue, streamID: part.stream,
                                    caseID: part.caseID, expected: .any, events: part.events))
                        }
                        progress.add()
                    }
                }
            }
        }
        let head = try await filling.head(tenant: tenant)
        for stage in makePipeline().reactors(for: tenant) {
            try await place.owner.execute(
                """
                INSERT INTO docket.reactor_position (tenant_id, reactor, next_position)
                VALUES (\(tenant), \(type(of: stage).name), \(head))
                """)
        }
        return tenant
    }

    private final class Progress: Sendable {
        private let count = Atomic(0)
        var done: Int { count.load(ordering: .relaxed) }
        func add() { count.wrappingAdd(1, ordering: .relaxed) }
    }

    private func process(_ tenant: UUID) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [Self.startArgument, place.connectionString, place.keysDirectory, tenant.uuidString]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Unexpected() }
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What the process does that is started for the measurement: runs every stage and projection, and tells when the
    /// configuration was there, and when an alert that was sent at once had opened its case.
    static func startProcess(connectionString: String, keysDirectory: String, tenant: UUID) async throws {
        let begin = ContinuousClock.now
        var connection = ConnectionConfiguration(connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let place = BenchPlace(
            owner: database, database: database,
            log: EventLog(
                database: database, keys: try TenantKeys(directory: keysDirectory), catalogue: try .domain),
            keysDirectory: keysDirectory, folder: "", connectionString: connectionString)
        let volume = try VolumeBenchmark(place)
        let pipeline = volume.makePipeline()
        let told = Mutex("")
        try await volume.withStages(pipeline) {
            _ = try await pipeline.registries.registry(of: tenant)
            let configured = Bench.seconds(ContinuousClock.now - begin)
            let results = try await AlertReceiver(log: volume.log).receive(
                [.init(bytes: alert(Int(configured * 1_000_000), form: 0), format: .native)], tenant: tenant,
                actor: actor, traceID: nil, at: .now())
            guard let position = results.first?.position else { throw Unexpected() }
            while try await volume.log.feed(
                tenant: tenant, from: position, limit: 1, types: [EventType.caseOpened.rawValue]
            ).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            let opened = Bench.seconds(ContinuousClock.now - begin)
            try await volume.wait(
                for: pipeline.reactors(for: tenant).map { type(of: $0).name }, to: position, tenant)
            let text =
                "configuration after \(Bench.hundredths(configured)) s   first alert's case after "
                + "\(Bench.hundredths(opened)) s   all stages after "
                + "\(Bench.hundredths(Bench.seconds(ContinuousClock.now - begin))) s   \(try memory())"
            told.withLock { $0 = text }
            try await pipeline.registries.saveSnapshots(after: 1)
        }
        await database.close()
        print(told.withLock { $0 })
    }
}
