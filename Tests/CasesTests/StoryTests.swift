import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

/// A whole history against files. `UPDATE_GOLDEN=1 swift test --filter StoryTests` renews them; read the difference.
@Suite("The story of an open admin port")
struct StoryTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    private static func compare(_ value: JSONValue, _ name: String) throws {
        let file = folder.appendingPathComponent("\(name).json")
        let text = value.indented() + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" { try Data(text.utf8).write(to: file) }
        #expect(text == String(decoding: try Data(contentsOf: file), as: UTF8.self), "\(name).json differs")
    }

    private static func views(_ record: CaseRecord) throws -> (`case`: JSONValue, approval: JSONValue) {
        let approval = try #require(record.approval)
        return (
            try JSONValue(encoding: CaseView(record, asOf: record.lastPosition)),
            try JSONValue(encoding: ApprovalView(approval, of: record, asOf: record.lastPosition))
        )
    }

    /// Executed, undone by a responder, recovered, closed.
    static func rolledBack() throws -> CaseRecorder {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.executing(registry: registry)
        try recorder.performStep()
        try recorder.run(.runCompleted)
        try recorder.put(recorder.record.recover(serviceWasLost: false))
        try recorder.requestRollback()
        try recorder.step(.stepRolledBack, ["restored_digest": .string(Digest.sha256([9]).text)])
        try recorder.run(.rollbackCompleted)
        try recorder.put(recorder.record.endingClocks())
        try recorder.command(.recover(reason: "The hosts answer on port 22 again."), by: "bob")
        try recorder.command(.close(.benign, reason: "A planned migration needed the port."), by: "bob")
        try recorder.put(recorder.record.endingClocks())
        return recorder
    }

    @Test("waiting for two people, the case and its approval are the ones on file")
    func waiting() throws {
        let recorder = try CaseRecorder.waitingForApproval(registry: OpenAdminPort.registry())
        let views = try Self.views(recorder.record)
        try Self.compare(views.case, "waiting.case")
        try Self.compare(views.approval, "waiting.approval")
        let recommendation = try #require(RecommendationView(recorder.record, asOf: recorder.record.lastPosition))
        try Self.compare(try JSONValue(encoding: recommendation), "waiting.recommendation")
        #expect(recorder.record.state == .escalated)
        #expect(views.case["sla"]?.arrayValue?.count == 3)
    }

    @Test("rolled back and closed, the case, its approval and its run are the ones on file")
    func ended() throws {
        let recorder = try Self.rolledBack()
        let views = try Self.views(recorder.record)
        try Self.compare(views.case, "closed.case")
        try Self.compare(views.approval, "closed.approval")
        let run = try #require(recorder.record.run)
        let steps = try run.steps.map { try JSONValue(encoding: StepView($0, run: run.id)) }
        try Self.compare(
            ["run": try JSONValue(encoding: RunView(run, asOf: recorder.record.lastPosition)), "steps": .array(steps)],
            "closed.run")
    }

    @Test("the history has these events, in this order")
    func order() throws {
        #expect(
            try Self.rolledBack().types == [
                "case.opened", "sla.started", "sla.started", "sla.started", "case.enriched", "case.correlated",
                "case.recommended", "gate.evaluated", "case.escalated", "approval.requested", "approval.granted",
                "approval.granted", "approval.quorum_reached", "run.started", "step.prepared", "step.executed",
                "step.verified", "run.completed", "case.recovered", "rollback.requested", "step.rolled_back",
                "rollback.completed", "sla.met", "sla.met", "sla.met", "case.recovered", "case.closed",
            ])
    }

    @Test("the anchors are the instants of the events that the contract names")
    func anchors() throws {
        let recorder = try Self.rolledBack()
        let record = recorder.record
        func first(_ type: EventType) -> Instant? { recorder.events.first { $0.kind == type }?.recordedAt }
        func last(_ type: EventType) -> Instant? { recorder.events.last { $0.kind == type }?.recordedAt }
        #expect(record.anchors.firstOccurredAt == OpenAdminPort.alert().occurredAt)
        #expect(record.anchors.openedAt == first(.caseOpened))
        #expect(record.anchors.acknowledgedAt == first(.approvalGranted))
        #expect(record.anchors.escalatedAt == first(.caseEscalated))
        #expect(record.anchors.decidedAt == first(.approvalQuorumReached))
        #expect(record.anchors.containedAt == last(.stepVerified))
        #expect(record.anchors.recoveredAt == first(.caseRecovered))
        #expect(record.anchors.lastRecoveredAt == last(.caseRecovered))
        #expect(record.anchors.recoveredAt != record.anchors.lastRecoveredAt)
        #expect(record.anchors.closedAt == first(.caseClosed))
        #expect(record.anchors.updatedAt == recorder.events.last?.recordedAt)
        #expect(record.anchors.learnedAt == nil)
    }

    @Test("every member that the contract shows is there")
    func shapes() throws {
        let registry = try OpenAdminPort.registry()
        let waiting = try CaseRecorder.waitingForApproval(
            registry: registry, by: Fixture.alice,
            evidence: [OpenAdminPort.evidence(.cloudAudit, source: "cloud-posture")])
        var assigned = waiting
        try assigned.command(.assign(Identity(subject: "bob")))
        let (view, approval) = try Self.views(assigned.record)
        expect(view, has: ContractShape.caseMembers, "case")
        expect(view["assignee"], has: ContractShape.actor, "assignee")
        expect(view["entities"]?[0], has: ContractShape.caseEntity, "entity of a case")
        expect(view["entities"]?[0]?["asset"], has: ContractShape.asset, "asset")
        expect(view["attack_techniques"]?[0], has: ContractShape.technique, "technique")
        expect(view["evidence_summary"], has: ContractShape.evidenceSummary, "evidence summary")
        expect(view["missing_context"]?[0], has: ContractShape.missingContext, "missing context")
        expect(view["blocked_actions"]?[0], has: ContractShape.blockedAction, "blocked action")
        expect(view["sla"]?[0], has: ContractShape.sla, "clock")
        expect(view["learning"], has: ContractShape.learning, "learning")
        expectGate(view["gate"])

        expect(approval, has: ContractShape.approval, "approval")
        expect(approval["requested_by"], has: ContractShape.actor, "requester")
        expect(approval["excluded"]?[0], has: ContractShape.excluded, "excluded approver")
        expect(approval["missing_evidence"]?[0], has: ContractShape.missingEvidence, "missing evidence")
        expect(approval["plan"], has: ContractShape.plan, "plan")
        expect(approval["evidence"]?[0], has: ContractShape.evidence, "evidence")
        expect(approval["actions"]?[0], has: ContractShape.action, "action")
        expect(approval["actions"]?[0]?["blast_radius"], has: ContractShape.blastRadius, "blast radius")
        expect(approval["actions"]?[0]?["targets"]?[0], has: ContractShape.entity, "entity")
        expectGate(approval["gate"])

        let recommendation = try JSONValue(encoding: try #require(RecommendationView(assigned.record, asOf: 1)))
        expect(recommendation, has: ContractShape.recommendation, "recommendation")
        expect(recommendation["recommender"], has: ContractShape.recommender, "recommender")
        expect(recommendation["summary"], has: ContractShape.citedText, "summary")
        expect(recommendation["uncertainty"]?[0], has: ContractShape.citedText, "uncertainty")
        expect(recommendation["playbook"], has: ContractShape.playbookChoice, "playbook")
        expect(recommendation["alternatives"]?[0], has: ContractShape.alternative, "alternative")
        expect(recommendation["actions"]?[0], has: ContractShape.action, "action")
        expect(recommendation["comparable_cases"]?[0], has: ContractShape.comparableCase, "comparable case")
        expect(recommendation["dropped_claims"]?[0], has: ContractShape.droppedClaim, "dropped claim")

        let ended = try Self.rolledBack().record
        let vote = try Self.views(ended).approval["decisions"]?[0]
        expect(vote, has: ContractShape.vote, "decision")
        expect(vote?["actor"], has: ContractShape.actor, "actor")
        let run = try #require(ended.run)
        let runView = try JSONValue(encoding: RunView(run, asOf: 1))
        expect(runView, has: ContractShape.run, "run")
        expect(runView["playbook"], has: ["id", "version"], "playbook of a run")
        expect(runView["rollback"], has: ContractShape.rollback, "rollback")
        expect(try JSONValue(encoding: StepView(run.steps[0], run: run.id)), has: ContractShape.step, "step")
    }

    private func expectGate(_ gate: JSONValue?) {
        expect(gate, has: ContractShape.gate, "gate")
        #expect(gate?["signals"]?.arrayValue?.count == 3)
        for signal in gate?["signals"]?.arrayValue ?? [] { expect(signal, has: ContractShape.signal, "signal") }
        #expect(gate?["signals"]?[1]?["conflicts"]?.arrayValue != nil)
        expect(gate?["signals"]?[2], has: ContractShape.accuracy, "accuracy signal")
        expect(gate?["signals"]?[2]?["interval"], has: ContractShape.interval, "interval")
    }

    @Test("every instant has six digits and a Z, every id is in lower case")
    func instants() throws {
        let record = try Self.rolledBack().record
        let (view, approval) = try Self.views(record)
        let run = try #require(record.run)
        let all: JSONValue = [
            "case": view, "approval": approval, "run": try JSONValue(encoding: RunView(run, asOf: 1)),
            "step": try JSONValue(encoding: StepView(run.steps[0], run: run.id)),
        ]
        var instants = 0
        for (member, text) in all.texts() {
            if member.hasSuffix("_at") || member == "stale_after" {
                #expect(
                    text.count == 27 && text.hasSuffix("Z") && text.dropFirst(19).first == ".", "\(member): \(text)")
                instants += 1
            }
            if member == "id" || member.hasSuffix("_id") || member.hasSuffix("_ids"), UUID(uuidString: text) != nil {
                #expect(text == text.lowercased(), "\(member): \(text)")
            }
        }
        #expect(instants > 30)
    }

    @Test("nothing of a view depends on when it is looked at")
    func clockless() throws {
        let first = try Self.views(try Self.rolledBack().record)
        let second = try Self.views(try Self.rolledBack().record)
        #expect(first.case.canonicalString() == second.case.canonicalString())
        #expect(first.approval.canonicalString() == second.approval.canonicalString())
    }
}
