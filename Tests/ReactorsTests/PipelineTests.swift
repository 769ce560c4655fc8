import Cases
import EventLog
import Events
import Foundation
import JSON
import Runs
import TestSupport
import Testing

@testable import Reactors

@Suite("The whole way of an alert", .migrated, .timeLimit(.minutes(25)))
struct PipelineTests {
    @Test("an alert becomes an approved plan, a verified action, and an exact undo")
    func walk() async throws {
        try await World.run { world in
            let before = try await world.labState()
            let result = try await world.send(try world.alert())
            #expect(result.status == .created)

            var record = try await world.caseRecord { $0.approval?.state == .pending }
            #expect(record.state == .escalated)
            let approval = try #require(record.approval)
            #expect(approval.requiredApprovals == 2)
            #expect(approval.planDigest == approval.plan?.digest)
            #expect(record.missingEvidence(plan: approval.plan, demands: approval.demands).isEmpty)
            #expect(approval.actions.first?.blastRadius.dependents == 2)

            #expect(try await world.decide(.approve, as: "rita", on: record) == nil)
            #expect(try await world.decide(.approve, as: "rita", on: record) == .alreadyDecided)
            #expect(
                try await world.decide(.approve, as: "raj", on: record, digest: .sha256([1]))
                    == .planDigestMismatch(current: approval.planDigest))
            #expect(try await world.decide(.approve, as: "raj", on: record) == nil)

            record = try await world.caseRecord { $0.state == .recovered }
            let run = try #require(record.run)
            #expect(run.state == .completed)
            #expect(run.steps.map(\.state) == [.verified])
            let after = try JSONValue.parse(try await world.labState())
            #expect(after.at("/security_groups/sg-0a1/rules")?.arrayValue?.map { $0["to_port"] } == [443])

            let cause = Cause(
                command: Actor(kind: .person, subject: "rita", lane: .analyst), traceID: nil, at: world.clock())
            _ = try await world.cases.update(record.id, tenant: world.tenant, cause: cause) {
                try $0.requestRollback(
                    run: run.id, stepIDs: nil, reason: "It was us.", reasonCode: .falseContainment, onBehalfOf: nil)
            }
            record = try await world.caseRecord { $0.state == .rolledBack }
            #expect(record.run?.state == .rolledBack)
            #expect(try await world.labState() == before)
        }
    }

    @Test("without its evidence nobody can approve; with it the question is asked anew")
    func missingEvidence() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert { $0["evidence"] = [] })
            var record = try await world.caseRecord { $0.approval?.state == .pending }
            let first = try #require(record.approval)
            let missing = record.missingEvidence(plan: first.plan, demands: first.demands)
            #expect(missing.map(\.kind) == [.cloudAudit])
            #expect(try await world.decide(.approve, as: "rita", on: record) == .evidenceMissing(missing))

            let permit = try world.principal("alice", .analyst).permit(HandleCases.self)
            let item = EvidenceItem(
                kind: .cloudAudit, source: "alice", eventIDs: [], observedAt: world.clock(), staleAfter: nil,
                summary: "seen in the trail", data: ["eventName": "AuthorizeSecurityGroupIngress"])
            let cause = Cause(command: permit.actor, traceID: nil, at: world.clock())
            _ = try await world.cases.update(record.id, tenant: world.tenant, cause: cause) {
                try $0.decide(.addEvidence(item), by: permit)
            }
            record = try await world.caseRecord { $0.approval?.state == .pending && $0.approval?.id != first.id }
            #expect(record.approval(first.id)?.state == .invalidated)
            #expect(record.approval?.planDigest != first.planDigest)
            #expect(record.missingEvidence(plan: record.plan, demands: record.demands).isEmpty)
            #expect(try await world.decide(.approve, as: "rita", on: record) == nil)
        }
    }

    @Test("the same alert twice is one case, and another alert about the same thing joins it")
    func correlation() async throws {
        try await World.run { world in
            let bytes = try world.alert { $0["source_ref"] = "A-1" }
            #expect(try await world.send(bytes).status == .created)
            #expect(try await world.send(bytes).status == .duplicate)
            let first = try await world.caseRecord { $0.approval?.state == .pending }
            _ = try await world.send(try world.alert { $0["source_ref"] = "A-2" })
            let joined = try await world.caseRecord { $0.alerts.count == 2 && $0.approval?.state == .pending }
            #expect(joined.id == first.id)
            #expect(joined.approval(first.approval?.id ?? UUID())?.state == .invalidated)
            #expect(
                try await world.log.feed(tenant: world.tenant, from: 0, limit: 10, types: ["case.opened"]).count == 1)
        }
    }

    @Test("what left with a split is no part of the old case any more: no entity, no evidence, no approval")
    func split() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert { $0["source_ref"] = "A-1" })
            let first = try await world.caseRecord { $0.approval?.state == .pending }
            let moved = try #require(
                try await world.send(
                    try world.alert { alert in
                        alert["source"] = "somebody-else"
                        alert["source_ref"] = "B-1"
                        alert["entities"] = [
                            ["type": "cloud_resource", "value": "sg-0a1", "role": "target"],
                            ["type": "user", "value": "left", "role": "actor"],
                        ]
                        alert["evidence"] = [["kind": "recovery_plan", "data": ["text": "of the other one"]]]
                    }
                ).alertID)
            let both = try await world.caseRecord { $0.alerts.count == 2 && $0.approval?.state == .pending }
            let item = try #require(both.evidence.first { $0.kind == .recoveryPlan })
            #expect(both.id == first.id && both.entities.contains { $0.value == "left" })
            let permit = try world.principal("lee", .lead).permit(HandleCases.self)
            _ = try await world.cases.update(
                both.id, tenant: world.tenant, cause: Cause(command: permit.actor, traceID: nil, at: world.clock())
            ) {
                try $0.decide(.split(alertIDs: [moved], newCaseID: UUID(), reason: "Another matter."), by: permit)
            }
            try await world.settle()
            let rest = try #require(try await world.cases.load(both.id, tenant: world.tenant))
            #expect(rest.alerts.count == 1)
            let names = rest.entities.compactMap(\.value)
            #expect(!names.contains("left"))
            #expect(rest.expiredEvidence.contains(item.digest))
            #expect(rest.approval(both.approval?.id ?? UUID())?.state == .invalidated)
        }
    }
}
