import Cases
import EventLog
import Events
import Foundation
import JSON
import Response
import Runs
import Synchronization
import TestSupport
import Testing

@testable import Reactors

/// Security groups at the other end of a line that loses every answer about some of them.
private final class LossyGroups: Connector {
    private let isLost: @Sendable (String) -> Bool
    private let closed = Mutex<Set<String>>([])

    init(isLost: @escaping @Sendable (String) -> Bool) { self.isLost = isLost }

    func capture(_ target: Entity) async throws(ConnectorError) -> JSONValue {
        let rule: JSONValue = [
            "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0",
        ]
        return ["environment": "production", "rules": closed.withLock { $0.contains(target.value) } ? [] : [rule]]
    }

    func act(
        _ operation: String, on target: Entity, parameters: JSONValue, idempotencyKey: UUID, timeoutMs: Int64
    ) async throws(ConnectorError) -> ActOutcome {
        if isLost(target.value) { throw ConnectorError(.timedOut, "no answer") }
        closed.withLock { _ = $0.insert(target.value) }
        return ActOutcome(output: [:], before: [:], after: [:])
    }

    func probe(_ idempotencyKey: UUID) async throws(ConnectorError) -> ProbeOutcome {
        throw ConnectorError(.timedOut, "no answer")
    }
}

@Suite("A run that is stuck stops no other", .migrated, .timeLimit(.minutes(25)))
struct StuckRunsTests {
    @Test("twenty runs of unknown outcome hold nothing: the twenty-first completes")
    func unknownOutcomes() async throws {
        let groups = LossyGroups { $0.hasPrefix("sg-lost") }
        try await World.run(connector: { _, _ throws(ConnectorError) in groups }) { world in
            var lost: [UUID] = []
            for number in 0..<20 { lost.append(try await world.approvedCase("sg-lost-\(number)")) }
            for id in lost {
                let record = try await world.record(id) { $0.run?.steps.first?.state == .outcomeUnknown }
                #expect(record.state == .escalated)
            }
            let id = try await world.approvedCase("sg-good")
            let record = try await world.record(id) { $0.run?.state == .completed }
            #expect(record.run?.steps.map(\.state) == [.verified])
        }
    }

    @Test("a connector without its secret stops no run of another, and fails those that need it with the reason")
    func missingSecret() async throws {
        try await World.run { world in
            try await world.govern(
                Decision(
                    ConnectorSettings(
                        id: UUID(), name: "edr", kind: "http", baseURL: world.labURL.absoluteString,
                        secretRef: "secret:absent", kinds: [:])))
            let good = try await world.approvedCase("sg-0a1")
            _ = try await world.record(good) { $0.run?.state == .completed }
            try await world.govern(
                Decision(
                    ConnectorSettings(
                        id: UUID(), name: "lab", kind: "http", baseURL: world.labURL.absoluteString,
                        secretRef: "secret:absent", kinds: [:])))
            let bad = try await world.approvedCase("sg-other")
            let record = try await world.record(bad) { $0.run?.state == .failed }
            #expect(record.run?.steps.first?.error?.message?.contains("secret") == true)
        }
    }

    @Test(
        "an unknown outcome is probed again after as long as it has been unknown, and for an hour",
        arguments: [(0, 1_000), (500, 1_000), (8_000, 8_000), (90_000, 60_000), (3_599_999, 60_000)] as [(Int64, Int64)]
    )
    func patience(elapsed: Int64, pause: Int64) {
        let since = Instant(microseconds: 1_795_000_000_000_000)
        let now = since.adding(milliseconds: elapsed)
        #expect(RunExecutor.nextProbe(of: since, at: now) == .again(at: now.adding(milliseconds: pause)))
        let late = since.adding(milliseconds: RunExecutor.patienceMs)
        #expect(RunExecutor.nextProbe(of: since, at: late) == .done)
    }
}

extension World {
    /// An alert about this security group, its case, and the approval of two people.
    fileprivate func approvedCase(_ group: String) async throws -> UUID {
        let asset = try #require(try Self.story().at("/assets/0"))
        var data = asset
        data["value"] = .string(group)
        data["id"] = .string(UUID.v5(namespace: tenant, name: group).lowercased)
        data["observed_at"] = .string(clock().rfc3339)
        try await govern(Decision(type: .assetRegistered, data: data))
        let result = try await send(
            try alert { alert in
                alert["source_ref"] = .string(group)
                alert["entities"] = [["type": "cloud_resource", "value": .string(group), "role": "target"]]
            })
        let alertID = try #require(result.alertID)
        let deadline = ContinuousClock.now + .seconds(600)
        var found: UUID?
        while found == nil, ContinuousClock.now < deadline {
            let opened = try await log.feed(tenant: tenant, from: 0, limit: 100, types: ["case.opened"])
            found = opened.first { $0.data["alert_id"]?.stringValue == alertID.lowercased }?.caseID
            if found == nil { try await Task.sleep(for: .milliseconds(20)) }
        }
        let id = try #require(found)
        let waiting = try await record(id) { $0.approval?.state == .pending }
        for person in ["rita", "raj"] { #expect(try await decide(.approve, as: person, on: waiting) == nil) }
        return id
    }

    /// Waits for a case; the deadline is a guard against hangs only.
    fileprivate func record(_ id: UUID, _ isReady: (CaseRecord) -> Bool) async throws -> CaseRecord {
        let deadline = ContinuousClock.now + .seconds(600)
        var last: CaseRecord?
        while ContinuousClock.now < deadline {
            last = try await cases.load(id, tenant: tenant)
            if let last, isReady(last) { return last }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Never(last: last)
    }
}
