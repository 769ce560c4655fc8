import Cases
import EventLog
import Events
import Foundation
import JSON
import TestSupport
import Testing

@testable import Reactors

@Suite("Cases that close by themselves", .migrated, .timeLimit(.minutes(25)))
struct ClosingTests {
    /// A policy under which three equal verdicts are enough.
    private func adopt(_ world: World, sampleRate: Double) async throws {
        var policy = try await world.pipeline.registries.registry(of: world.tenant).policy
        policy.version += 1
        policy.closing = .init(threshold: 0.4, sampleRate: sampleRate, verdicts: [.falsePositive, .benign])
        try await GovernanceWriter(
            log: world.log, tenant: world.tenant, actor: .init(kind: .person, subject: "lee", lane: .analyst),
            clock: world.clock
        ).adopt(policy)
    }

    private func alert(_ world: World, _ number: Int, reference: String? = nil) async throws -> UUID {
        let result = try await world.send(
            try world.alert { alert in
                alert["source_ref"] = .string(reference ?? "noise-\(number)")
                alert["pattern"] = .null
                alert["environment"] = "development"
                alert["entities"] = [["type": "device", "value": .string("build-\(number)"), "role": "target"]]
                alert["rule"] = ["uid": "noisy-1", "name": "A noisy rule"]
            })
        return try #require(result.alertID)
    }

    private func record(_ world: World, ofAlert id: UUID, _ isReady: (CaseRecord) -> Bool) async throws -> CaseRecord {
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            for event in try await world.log.feed(
                tenant: world.tenant, from: 0, limit: 500, types: ["case.opened", "case.alert_linked"])
            where event.data["alert_id"]?.stringValue == id.lowercased {
                if let caseID = event.caseID, let found = try await world.cases.load(caseID, tenant: world.tenant),
                    isReady(found)
                {
                    return found
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let last = try await world.log.feed(tenant: world.tenant, from: 0, limit: 1_000).suffix(40)
        throw Unready(
            description: last.map { "\($0.type) \($0.actor.subject) \($0.caseID?.lowercased.suffix(4) ?? "")" }.joined(
                separator: "\n"))
    }

    struct Unready: Error, CustomStringConvertible { var description: String }

    private func close(_ world: World, _ record: CaseRecord, as verdict: Verdict) async throws {
        let permit = try world.principal("alice", .analyst).permit(HandleCases.self)
        let cause = Cause(command: permit.actor, traceID: nil, at: world.clock())
        _ = try await world.cases.update(record.id, tenant: world.tenant, cause: cause) {
            try $0.decide(.close(verdict, reason: "Looked at it."), by: permit)
        }
    }

    private func teach(_ world: World) async throws {
        for number in 1...3 {
            let id = try await alert(world, number)
            try await close(world, try await record(world, ofAlert: id) { $0.state == .escalated }, as: .falsePositive)
        }
        try await world.settle()
    }

    @Test("what people always closed the same way is closed, and a new alert opens it again")
    func closes() async throws {
        try await World.run { world in
            try await adopt(world, sampleRate: 0)
            try await teach(world)
            let id = try await alert(world, 4)
            let closed = try await record(world, ofAlert: id) { $0.state == .closed }
            #expect(closed.verdict == .falsePositive && closed.closedBy?.kind == .service)

            let second = try await alert(world, 4, reference: "noise-4-again")
            let again = try await record(world, ofAlert: second) { $0.state == .closed && $0.reopenCount == 1 }
            #expect(again.id == closed.id && again.alerts.count == 2)

            // A case that a person closed stays closed: the next alert is a case of its own.
            let third = try await alert(world, 1, reference: "noise-1-again")
            let own = try await record(world, ofAlert: third) { $0.state == .closed }
            #expect(own.alerts.count == 1)
        }
    }

    @Test("a sample waits for an analyst, whose other verdict counts as an error")
    func sample() async throws {
        try await World.run { world in
            try await adopt(world, sampleRate: 1)
            try await teach(world)
            let id = try await alert(world, 4)
            _ = try await record(world, ofAlert: id) { $0.state == .escalated }
            try await world.settle()
            #expect(try await world.count("review.requested") >= 1)
            let waiting = try await record(world, ofAlert: id) { $0.state == .escalated }
            try await close(world, waiting, as: .truePositive)
            try await world.settle()
            let completed = try await world.log.feed(
                tenant: world.tenant, from: 0, limit: 10, types: ["review.completed"])
            #expect(completed.last?.data["agrees"] == false)
            #expect(completed.last?.data["verdict"] == "true_positive")
        }
    }
}
