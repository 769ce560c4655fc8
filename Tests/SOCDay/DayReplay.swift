package import Cases
import Content
package import EventLog
package import Events
package import Foundation
import Intake
import JSON
import Logging
package import Postgres
import Projections
import Reactors
import Response
import ServiceLifecycle
import Synchronization

/// Plays a day through the real intake and every stage, on a real PostgreSQL, as fast as they can go. The clock is the
/// day's: whatever arrives, and whatever follows from it, is recorded at its time of that day.
package struct DayReplay: Sendable {
    let day: SOCDay
    /// As the server connects, to a database with the schema and the projections' tables.
    let database: Database
    let keysDirectory: String
    let policy: Policy
    let stepMs: Int64

    /// - Parameters:
    ///   - stepMs: how far the clock goes before everything is waited for.
    ///   - change: what is different from the policy that ships.
    package init(
        _ day: SOCDay, database: Database, keysDirectory: String, stepMs: Int64 = 600_000,
        policy change: (inout Policy) -> Void = { _ in }
    ) throws {
        self.day = day
        self.database = database
        self.keysDirectory = keysDirectory
        self.stepMs = stepMs
        var policy: Policy = try JSONValue.parse(Content.defaultPolicy).decode()
        change(&policy)
        self.policy = policy
    }

    /// - Parameter onQuarter: told at each quarter of the day, when everything until then is done.
    package func run(onQuarter: @Sendable (Int) async throws -> Void = { _ in }) async throws -> DayOutcome {
        let time = DayClock(day.start)
        let clock: @Sendable () -> Instant = { time.now }
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: keysDirectory), catalogue: try .domain, checks: .domain,
            clock: clock)
        var logger = Logger(label: "day")
        logger.logLevel = .error
        let pipeline = Pipeline(log: log, defaultPolicy: policy, clock: clock)
        let directory = TenantDirectory(log: log, clock: clock)
        try await directory.prepare()
        let tenant = try await directory.create(
            "soc", outfit: .init(policy: policy, playbooks: try Self.playbooks()),
            by: Actor(kind: .service, subject: "day", lane: .system)
        ).id
        let positions = ReactorPositions(database)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    ProjectionRunner(
                        worker: ProjectionWorker(
                            source: log, database: database, history: CaseHistory(log), clock: clock), source: log,
                        logger: logger),
                    pipeline.runner(positions: positions, logger: logger),
                    timekeeper(pipeline, tenant, clock, logger),
                ], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let outcome: Result<DayOutcome, any Error>
            do {
                let counts = try await play(time, log, pipeline, positions, tenant, onQuarter)
                outcome = .success(try await DayOutcome(day, log: log, tenant: tenant, intake: counts))
            } catch {
                outcome = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try outcome.get()
        }
    }

    /// One arrival after the other, in their order: the same day gives the same log of alerts.
    private func play(
        _ time: DayClock, _ log: EventLog, _ pipeline: Pipeline, _ positions: ReactorPositions, _ tenant: UUID,
        _ onQuarter: @Sendable (Int) async throws -> Void
    ) async throws -> [String: Int] {
        let receiver = AlertReceiver(log: log)
        let actor = Actor(kind: .service, subject: "siem", lane: .siem)
        let end = day.start.adding(milliseconds: 24 * SOCDay.hourMs)
        var counts: [String: Int] = [:]
        var next = day.arrivals.startIndex
        var step = day.start
        var quarter = 0
        while next < day.arrivals.endIndex || step < end {
            step = step.adding(milliseconds: stepMs)
            while next < day.arrivals.endIndex, day.arrivals[next].at <= step {
                let arrival = day.arrivals[next]
                time.advance(to: arrival.at)
                let results = try await receiver.receive(
                    [.init(bytes: arrival.bytes, format: .native)], tenant: tenant, actor: actor, traceID: nil,
                    at: arrival.at)
                for result in results { counts[result.status.rawValue, default: 0] += 1 }
                next += 1
            }
            time.advance(to: step)
            try await settle(log, pipeline, positions, tenant)
            let passed = min(4, Int(step.milliseconds(since: day.start) / (6 * SOCDay.hourMs)))
            while quarter < passed {
                quarter += 1
                try await onQuarter(quarter)
            }
        }
        return counts
    }

    /// Waits until every stage has seen everything that is in the log, its own events included.
    private func settle(
        _ log: EventLog, _ pipeline: Pipeline, _ positions: ReactorPositions, _ tenant: UUID
    ) async throws {
        let names = pipeline.reactors(for: tenant).map { type(of: $0).name }
        let deadline = ContinuousClock.now + .seconds(600)
        while ContinuousClock.now < deadline {
            let head = try await log.head(tenant: tenant)
            var isSettled = true
            for name in names where isSettled {
                isSettled = try await positions.position(of: name, tenant: tenant) >= head
            }
            if isSettled, try await log.head(tenant: tenant) == head { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unsettled()
    }

    struct Unsettled: Error {}

    private func timekeeper(
        _ pipeline: Pipeline, _ tenant: UUID, _ clock: @escaping @Sendable () -> Instant, _ logger: Logger
    ) -> Timekeeper {
        let queries = ProjectionQueries(database)
        return Timekeeper(
            cases: pipeline.cases, positions: ReactorPositions(database), clock: clock, logger: logger
        ) { now, failing in
            let agenda = try await queries.agenda(at: now, leavingOut: failing)
            return Timekeeper.Agenda(
                due: agenda.due.map { .init(tenant: $0.tenant, caseID: $0.caseID) }, next: agenda.next)
        }
    }

    private static func playbooks() throws -> [PublishedPlaybook] {
        try Content.playbooks.map { try PublishedPlaybook(shipped: $0.text) }
    }
}

/// The day's time, which only goes forwards.
private final class DayClock: Sendable {
    private let stored: Mutex<Instant>

    init(_ start: Instant) { stored = Mutex(start) }

    var now: Instant { stored.withLock { $0 } }
    func advance(to instant: Instant) { stored.withLock { $0 = max($0, instant) } }
}
