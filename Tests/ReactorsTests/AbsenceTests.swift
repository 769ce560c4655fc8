import Cases
import Detection
import EventLog
import Events
import Foundation
import JSON
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Reactors

@Suite("What does not happen", .migrated, .timeLimit(.minutes(25)))
struct AbsenceTests {
    private static let yaml = """
        title: Backup Done
        id: 9a0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        name: backup_done
        logsource: {product: backup}
        detection: {selection: {action: done}, condition: selection}
        level: informational
        ---
        title: Backups Have Stopped
        id: 9b0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        level: high
        correlation:
            type: event_count
            rules: [backup_done]
            group-by: [host]
            timespan: 10m
            condition: {lt: 1}
        ---
        title: Nobody Backs Up
        id: 9c0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        level: high
        correlation:
            type: event_count
            rules: [backup_done]
            timespan: 30m
            condition: {eq: 0}
        """

    /// A tracker that has read the log as a process does that takes up the work.
    private static func tracker(_ world: World) async throws -> CorrelationTracker {
        let bench = Workbench(
            tenant: world.tenant, cases: world.pipeline.cases, alerts: world.pipeline.alerts,
            registries: world.pipeline.registries, clock: world.clock)
        let tracker = CorrelationTracker(bench, rules: world.pipeline.rules)
        let head = try await world.log.head(tenant: world.tenant)
        let start = try await tracker.memoryStart(before: head)
        let events = try await world.log.feed(
            tenant: world.tenant, from: start, limit: 1_000, types: [EventType.detectionMatched.rawValue])
        for event in events { try await tracker.remember(event) }
        return tracker
    }

    private static func tick(_ tracker: CorrelationTracker, _ world: World, minutes: Int64) async throws {
        _ = try await tracker.tick(
            at: world.clock().adding(milliseconds: minutes * 60_000),
            position: try await world.log.head(tenant: world.tenant))
    }

    @Test("a silence becomes one case, when it is over, however many processes look and however often they start anew")
    func silence() async throws {
        try await World.run { world in
            let publisher = RulePublisher(
                store: world.pipeline.rules, tenant: world.tenant,
                actor: Actor(kind: .person, subject: "ada", lane: .analyst), clock: world.clock)
            let outcome = try await publisher.publish(
                SigmaDocument.documents(in: Self.yaml, file: "own.yml"), pack: "import")
            #expect(outcome.refused.isEmpty && outcome.published.count == 3)
            let now = world.clock().rfc3339
            let line = #"{"action":"done","host":"nas-1","time":"\#(now)"}"#
            let counts = try await world.sendTelemetry([line, #"{"action":"list","host":"nas-2"}"#], product: "backup")
            #expect(counts.matched == 1 && counts.alertsCreated == 0)
            try await world.settle()

            let first = try await Self.tracker(world)
            try await Self.tick(first, world, minutes: 69)
            #expect(try await world.count("correlation.matched") == 0)
            let second = try await Self.tracker(world)
            async let one: Void = Self.tick(first, world, minutes: 71)
            async let two: Void = Self.tick(second, world, minutes: 71)
            _ = try await (one, two)
            try await Self.tick(try await Self.tracker(world), world, minutes: 72)
            #expect(try await world.count("correlation.matched") == 1)
            #expect(try await world.count("alert.ingested") == 1)

            let event = try #require(
                try await world.log.feed(tenant: world.tenant, from: 0, limit: 10, types: ["correlation.matched"]).first
            )
            let match = try #require((try event.payload() as CorrelationMatched).matches.first)
            #expect(match.group == [.init(name: "host", value: "nas-1")] && match.count == 0)
            #expect(match.rawDigests.count == 1)
            #expect(match.lastOccurredAt.microseconds - match.firstOccurredAt.microseconds == 600_000_000)
            try await world.settle()
            #expect(try await world.count("case.opened") == 1)

            // The one without groups is there from its publication, and what was heard then puts it off.
            try await Self.tick(try await Self.tracker(world), world, minutes: 95)
            #expect(try await world.count("correlation.matched") == 2)
            try await Self.tick(try await Self.tracker(world), world, minutes: 10_000)
            #expect(try await world.count("correlation.matched") == 2)
        }
    }

    /// Tells when it was told the time.
    private final class Watch: Reactor {
        static let name = "watch"
        static let interests: Set<EventType> = [.detectionMatched]
        static let isTimed = true
        let told = Mutex<[Int64]>([])

        func react(to event: Event) async throws -> Reaction { .done }
        func tick(at now: Instant, position: Int64) async throws -> Instant? {
            told.withLock { $0.append(position) }
            return now
        }
    }

    @Test("a timed reactor is told the time at the head of the log")
    func told() async throws {
        try await World.run { world in
            try await world.settle()
            let watch = Watch()
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let running = ReactorFollower(
                tenant: world.tenant, log: world.log, positions: world.positions, clock: world.clock,
                share: ReactorShare(owner: "test", owners: ["test"]), logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await running.run(.init(reactor: watch, next: nil)) }
                let deadline = ContinuousClock.now + .seconds(300)
                while watch.told.withLock({ $0.count }) < 2, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(50))
                }
                group.cancelAll()
                // However it ends: it may be cancelled in the middle of a statement, and what it was told is what counts.
                _ = await group.nextResult()
            }
            let told = watch.told.withLock { $0 }
            #expect(told.count >= 2)
            #expect(told.last == (try await world.log.head(tenant: world.tenant)))
        }
    }

    @Test("what is heard again in time is no silence, and what the correlations hold is measured")
    func heard() async throws {
        try await World.run { world in
            let publisher = RulePublisher(
                store: world.pipeline.rules, tenant: world.tenant,
                actor: Actor(kind: .person, subject: "ada", lane: .analyst), clock: world.clock)
            _ = try await publisher.publish(SigmaDocument.documents(in: Self.yaml, file: "own.yml"), pack: "import")
            let now = world.clock()
            for minutes in [0, 9] as [Int64] {
                let time = now.adding(milliseconds: (minutes - 40) * 60_000).rfc3339
                try await world.sendTelemetry(
                    [#"{"action":"done","host":"nas-1","time":"\#(time)"}"#], product: "backup")
            }
            try await world.settle()
            let tracker = try await Self.tracker(world)
            // Forty minutes ago, ten minutes and an hour: the first is over now, and the second filled it.
            try await Self.tick(tracker, world, minutes: 31)
            #expect(try await world.count("correlation.matched") == 0)
            try await Self.tick(tracker, world, minutes: 40)
            #expect(try await world.count("correlation.matched") == 1)
            let counters = try #require(world.pipeline.rules.load.counters)
            #expect(counters.groupsHeld >= 1 && counters.entriesDropped == 0)
        }
    }
}
