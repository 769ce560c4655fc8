import Cases
import EventLog
import Events
import Foundation
import JSON
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Reactors

@Suite("The timer", .migrated, .timeLimit(.minutes(25)))
struct TimekeeperTests {
    @Test("the clocks run before the gate looks, whichever stage is faster, and each is started once")
    func clocksFirst() async throws {
        try await World.run { world in
            for number in 0..<25 {
                _ = try await world.send(
                    try world.alert { alert in
                        alert["source_ref"] = .string("clocks-\(number)")
                        alert["entities"] = [
                            ["type": "cloud_resource", "value": .string("sg-\(number)"), "role": "target"]
                        ]
                    })
            }
            try await world.settle()
            let events = try await world.log.feed(tenant: world.tenant, from: 0, limit: 10_000)
            let gates = events.filter { $0.kind == .gateEvaluated }
            #expect(!gates.isEmpty)
            for gate in gates {
                let clocks = events.filter { $0.kind == .slaStarted && $0.caseID == gate.caseID }
                #expect(clocks.count == 3)
                #expect(clocks.allSatisfy { $0.position < gate.position })
            }
        }
    }

    @Test("a gate that comes before the clocks' stage starts them, and that stage does not again")
    func clocksOfOpening() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let record = try await world.caseRecord { $0.sla.count == 3 }
            let registry = try await world.pipeline.registries.registry(of: world.tenant)
            var bare = record
            bare.sla = []
            let started = bare.clocksOfOpening(policy: registry.policy)
            #expect(started.count == 3)
            let due = started.compactMap { $0.data["due_at"]?.stringValue }
            #expect(due == record.sla.map(\.dueAt.rfc3339))
            #expect(record.clocksOfOpening(policy: registry.policy).isEmpty)
        }
    }

    @Test("what is due fires once, however many timers run, and a breached case is still open")
    func once() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let record = try await world.caseRecord { $0.approval?.state == .pending && $0.sla.count == 3 }
            let later = world.clock().adding(milliseconds: 365 * 86_400_000)
            let candidate = Timekeeper.Candidate(tenant: world.tenant, caseID: record.id)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let timer = Timekeeper(
                cases: world.cases, positions: world.positions, clock: world.clock, logger: logger
            ) { _, _ in .init(due: [candidate]) }
            // Three timers at the same moment, and one that comes late.
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<3 { group.addTask { try await timer.fire(candidate, at: later) } }
            }
            try await timer.fire(candidate, at: later)

            let events = try await world.log.read(
                stream: record.id, tenant: world.tenant, after: 0, upTo: nil, limit: 1_000)
            for (type, count) in [("sla.breached", 3), ("sla.at_risk", 3), ("approval.expired", 1)] {
                #expect(events.filter { $0.type == type }.count == count, "\(type)")
            }
            #expect(
                events.filter { $0.type == "evidence.expired" }.count == record.evidence.count { $0.staleAfter != nil })
            let breached = try #require(try await world.cases.load(record.id, tenant: world.tenant))
            #expect(breached.state == .escalated)
            #expect(breached.sla.allSatisfy { $0.breachedAt != nil && $0.status == .running })
            #expect(breached.approval?.state == .expired)
            #expect(breached.dueTimes.isEmpty)
        }
    }

    @Test("nothing fires before its time")
    func early() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let record = try await world.caseRecord { $0.approval?.state == .pending && $0.sla.count == 3 }
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let timer = Timekeeper(
                cases: world.cases, positions: world.positions, clock: world.clock, logger: logger
            ) { _, _ in .init(due: []) }
            let first = try #require(record.dueTimes.first)
            try await timer.fire(
                .init(tenant: world.tenant, caseID: record.id), at: Instant(microseconds: first.at.microseconds - 1))
            #expect(try await world.cases.load(record.id, tenant: world.tenant)?.version == record.version)
        }
    }

    @Test("a case that fails is tried again later and later, is shown, and stops no other")
    func isolated() async throws {
        try await FollowedLog.with { followed in
            let (sick, sound) = (UUID(), UUID())
            // No case opens like this, so it cannot be folded.
            try await followed.append(.caseOpened, [:], on: sick)
            var logger = Logger(label: "test")
            logger.logLevel = .init(rawValue: "critical") ?? .critical
            let asked = AskedCases()
            let store = CaseStore(log: followed.log)
            let timer = Timekeeper(
                cases: store, positions: followed.positions, clock: { followed.clock.now }, logger: logger
            ) { _, failing in
                asked.note(failing)
                return .init(due: [sick, sound].map { .init(tenant: followed.tenant, caseID: $0) })
            }
            try await timer.fireAll()
            let failures = try await followed.positions.failures()
            #expect(failures.map(\.reactor) == ["timer"] && failures.map(\.mark.streamID) == [sick])
            try await timer.fireAll()
            #expect(asked.last == [sick], "it is not asked for before its time")
            #expect(try await followed.positions.failures() == failures)
            followed.clock.advance(milliseconds: 60_000)
            try await timer.fireAll()
            #expect(try await followed.positions.failures().allSatisfy { $0.mark.attempts == 2 })
        }
    }
}

private final class AskedCases: Sendable {
    private let asked = Mutex<[UUID]>([])
    var last: [UUID] { asked.withLock { $0 } }
    func note(_ failing: [UUID]) { asked.withLock { $0 = failing } }
}
