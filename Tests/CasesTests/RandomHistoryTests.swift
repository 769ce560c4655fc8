import Events
import Foundation
import JSON
import Runs
import SeededChance
import Testing

@testable import Cases

@Suite("Random histories")
struct RandomHistoryTests {
    /// Something that may happen next; `nil` where it makes no sense now.
    private typealias Move = @Sendable (inout CaseRecorder, Registry, inout SeededGenerator) throws -> Void

    private static func name(_ generator: inout SeededGenerator) -> String {
        ["alice", "bob", "carol", "dora"].randomElement(using: &generator) ?? "alice"
    }

    /// Commands are tried in every state: half of them must be refused, and a refusal must change nothing.
    private static let moves: [Move] = [
        { recorder, _, _ in
            if recorder.record.needsEnrichment { try recorder.enrich() }
        },
        { recorder, _, _ in try recorder.correlate() },
        { recorder, registry, generator in
            let hasPlan = Int.random(in: 0..<4, using: &generator) > 0
            let plan = hasPlan ? try OpenAdminPort.plan(for: recorder.record, policy: registry.policy) : nil
            try recorder.recommend(registry: registry, plan: plan)
        },
        { recorder, registry, generator in
            let mode: PlaybookMode = [.shadow, .assisted, .live].randomElement(using: &generator) ?? .live
            try recorder.pass(registry: registry, mode: mode)
        },
        { recorder, registry, generator in
            try recorder.requestApproval(
                registry: registry, required: Int.random(in: 1...2, using: &generator),
                by: Fixture.person(name(&generator)), id: "approval \(recorder.record.version)")
        },
        { recorder, registry, generator in
            guard recorder.record.approval != nil else { return }
            let choice: Approval.Vote.Choice = Int.random(in: 0..<5, using: &generator) == 0 ? .deny : .approve
            _ = try recorder.decide(choice, by: name(&generator), registry: registry)
        },
        { recorder, _, _ in
            let id = Fixture.id("run \(recorder.record.version)")
            try recorder.put(recorder.record.start(run: id, currentPlan: recorder.record.plan, mode: .live))
        },
        { recorder, _, generator in
            guard let run = recorder.record.runToDrive, let step = run.steps.first else { return }
            let backwards = run.state == .rollingBack
            let next: EventType
            switch step.state {
            case .pending where !backwards: next = .stepPrepared
            case .prepared where !backwards:
                next =
                    [.stepExecuted, .stepFailed, .stepOutcomeUnknown].randomElement(using: &generator) ?? .stepFailed
            case .executed where !backwards: next = .stepVerified
            case .failed where !backwards: next = .runFailed
            case .verified where !backwards: next = .runCompleted
            case .rolledBack: next = .rollbackCompleted
            default: next = Bool.random(using: &generator) ? .stepRolledBack : .rollbackIncomplete
            }
            guard backwards || ![.stepRolledBack, .rollbackIncomplete].contains(next) else { return }
            try recorder.put(
                next,
                [
                    "run_id": .string(run.id.lowercased), "step_id": .string(step.stepID), "pre_state": [:],
                    "output": [:], "observed": [:], "error": ["code": "timeout"], "unrestored_step_ids": [],
                    "idempotency_key": .string(run.id.lowercased),
                ])
        },
        { recorder, _, generator in
            guard let run = recorder.record.run else { return }
            let command = CaseRecord.RunCommand.allCases.randomElement(using: &generator) ?? .pause
            try recorder.put(recorder.record.decide(command, run: run.id, reason: "by hand"), by: Fixture.bob)
        },
        { recorder, _, _ in
            guard let run = recorder.record.run else { return }
            try recorder.put(
                recorder.record.requestRollback(
                    run: run.id, stepIDs: nil, reason: "undo", reasonCode: .customerRequest, onBehalfOf: "customer"),
                by: Fixture.bob)
        },
        { recorder, _, _ in try recorder.put(recorder.record.recover(serviceWasLost: false)) },
        { recorder, registry, _ in
            try recorder.put(recorder.record.startingClocks(policy: registry.policy, at: recorder.now))
        },
        { recorder, _, _ in try recorder.put(recorder.record.endingClocks()) },
        { recorder, _, generator in
            recorder.wait(Int64.random(in: 0...20_000_000, using: &generator))
            for due in recorder.record.dueTimes where due.at <= recorder.now && recorder.record.dueTimes.contains(due) {
                try recorder.put(recorder.record.fire(due), by: Fixture.timer, after: 0)
            }
        },
        { recorder, _, generator in
            let alert = OpenAdminPort.alert("joined \(Int.random(in: 0..<4, using: &generator))")
            try recorder.put(recorder.record.link(alert, overlapScore: 0.5, shared: [OpenAdminPort.target.key]))
        },
    ]

    private static func command(_ generator: inout SeededGenerator, _ record: CaseRecord) -> CaseCommand {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: .assign(Identity(subject: name(&generator)))
        case 1: .close(Verdict.allCases.randomElement(using: &generator) ?? .benign, reason: "done")
        case 2: .reopen(reason: "again")
        case 3: .hold(reason: "wait")
        case 4: .resume(reason: "on")
        case 5: .escalate(reason: "look")
        case 6: .recover(reason: "back")
        case 7: .comment(text: "hm")
        case 8: .change(severity: Severity.allCases.randomElement(using: &generator), title: "t", tier: 2, queue: nil)
        case 9:
            .addEvidence(OpenAdminPort.evidence(.cloudAudit, source: "analyst", data: ["v": .integer(record.version)]))
        case 10: .merge(into: Fixture.id("elsewhere"), reason: "same")
        default:
            .split(alertIDs: record.alerts.suffix(1).map(\.alertID), newCaseID: Fixture.id("split"), reason: "other")
        }
    }

    @Test("a random history never breaks a rule of the life cycle", arguments: 1...60)
    func history(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let registry = try OpenAdminPort.registry(standing: seed % 2 == 0 ? OpenAdminPort.standingApproval() : nil)
        var recorder = CaseRecorder()
        try recorder.open(registry: registry)
        for _ in 0..<80 {
            let before = recorder.record
            let count = recorder.events.count
            do {
                if Int.random(in: 0..<6, using: &generator) == 0 {
                    try recorder.command(Self.command(&generator, before), by: Self.name(&generator))
                } else {
                    let move = try #require(Self.moves.randomElement(using: &generator))
                    try move(&recorder, registry, &generator)
                }
            } catch is Rejection {
                #expect(recorder.record == before, "a refusal changed something")
            }
            try Self.check(before, recorder.events[count...], recorder.record)
        }
        #expect(recorder.record.version == Int64(recorder.events.count))
        #expect(try CaseRecord.folding(recorder.events, tenant: Fixture.tenant) == recorder.record)
        let back: CaseRecord = try JSONValue(encoding: recorder.record).decode()
        #expect(back == recorder.record)
    }

    /// What holds between any two moments of a case.
    private static func check(_ before: CaseRecord, _ new: ArraySlice<Event>, _ after: CaseRecord) throws {
        var state = before.state.rawValue
        for event in new { state = ContractTable.next(state, event.type) ?? state }
        #expect(after.state.rawValue == state)
        #expect(after.approvals.count { $0.state == .pending } <= 1)
        #expect(after.runs.count { [.running, .paused, .rollingBack].contains($0.state) } <= 1)
        #expect(
            Set(after.sla.filter { $0.status != .ended }.map(\.clock)).count == after.sla.count { $0.status != .ended })
        for approval in after.approvals where approval.state == .granted {
            #expect(Set(approval.decisions.map(\.actor.identity)).count >= approval.requiredApprovals)
        }
        for run in after.runs where run.trigger == .approved {
            #expect(after.approval(try #require(run.approvalID))?.planDigest == run.planDigest)
        }
        #expect(after.dueTimes.map(\.at) == after.dueTimes.map(\.at).sorted())
        let view = try JSONValue(encoding: CaseView(after, asOf: after.lastPosition))
        #expect(view["state"]?.stringValue == after.state.rawValue)
        for approval in after.approvals { _ = try JSONValue(encoding: ApprovalView(approval, of: after, asOf: 1)) }
        for run in after.runs {
            _ = try JSONValue(encoding: RunView(run, asOf: 1))
            for step in run.steps { _ = try JSONValue(encoding: StepView(step, run: run.id)) }
        }
        for metric in MetricName.allCases { _ = metric.samples(of: CaseFacts(after)) }
    }
}
