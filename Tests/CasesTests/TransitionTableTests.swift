import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

/// The table of contract §2, written out a second time by hand. When this suite and the code disagree, read the
/// contract, then mend the one that is wrong.
enum ContractTable {
    static let states = [
        "normalized", "enriched", "correlated", "recommended", "escalated", "approved", "executing", "executed",
        "rolling_back", "rolled_back", "recovered", "closed", "learned",
    ]

    /// from, event, to
    static let transitions: [(from: [String], event: String, to: String)] = [
        // "normalized → enriched", "any before executing → enriched", "executed, rolled_back, recovered → enriched"
        (
            [
                "normalized", "enriched", "correlated", "recommended", "escalated", "approved", "executed",
                "rolled_back", "recovered",
            ], "case.enriched", "enriched"
        ),
        (["enriched"], "case.correlated", "correlated"),
        (["correlated"], "case.recommended", "recommended"),
        (["recommended"], "gate.auto_approved", "approved"),
        (["recommended"], "case.escalated", "escalated"),
        (["escalated"], "approval.quorum_reached", "approved"),
        (["escalated"], "approval.denied", "escalated"),
        (["escalated"], "approval.expired", "escalated"),
        // A granted approval that falls takes the consent with it.
        (["escalated", "approved"], "approval.invalidated", "escalated"),
        (["approved"], "run.started", "executing"),
        (["executing"], "run.completed", "executed"),
        (["executing"], "run.failed", "escalated"),
        (["executing"], "run.cancelled", "escalated"),
        (["executing"], "step.outcome_unknown", "escalated"),
        // `rolled_back` as well: a run that was undone in part is not "already rolled back" (contract §7).
        (
            ["executing", "executed", "escalated", "rolled_back", "recovered", "closed", "learned"],
            "rollback.requested", "rolling_back"
        ),
        (["rolling_back"], "rollback.completed", "rolled_back"),
        (["rolling_back"], "rollback.incomplete", "escalated"),
        (["executed", "rolled_back", "escalated"], "case.recovered", "recovered"),
        // From `recommended` on by verdict; earlier only as the end of a merge, legal "in any state but executing,
        // rolling_back, closed, learned".
        (
            [
                "normalized", "enriched", "correlated", "recommended", "escalated", "approved", "executed",
                "rolled_back", "recovered",
            ], "case.closed", "closed"
        ),
        (["closed"], "case.learned", "learned"),
        (["closed", "learned"], "case.reopened", "escalated"),
    ]

    private static let beforeClosed = states.filter { $0 != "closed" && $0 != "learned" }

    /// Command name → the states in which it is legal.
    static let commands: [String: [String]] = [
        "assign": beforeClosed, "hold": beforeClosed, "resume": beforeClosed, "severity": beforeClosed,
        "split": beforeClosed,
        // The contract is silent on evidence; a closed case is no longer investigated.
        "evidence": beforeClosed,
        "comment": states,
        "merge": beforeClosed.filter { $0 != "executing" && $0 != "rolling_back" },
        "close": ["recommended", "escalated", "approved", "executed", "rolled_back", "recovered"],
        "escalate": ["recommended"],
        "approvals": ["escalated"],
        "recover": ["executed", "rolled_back", "escalated"],
        "reopen": ["closed", "learned"],
        "rollback": ["executing", "executed", "escalated", "rolled_back", "recovered", "closed", "learned"],
    ]

    static func next(_ state: String, _ event: String) -> String? {
        transitions.first { $0.event == event && $0.from.contains(state) }?.to
    }

    static func allowed(in state: String) -> [String] {
        commands.filter { $0.value.contains(state) }.map(\.key).sorted()
    }
}

@Suite("Transition table")
struct TransitionTableTests {
    @Test("states and commands are those of the contract")
    func vocabulary() {
        #expect(CaseState.allCases.map(\.rawValue) == ContractTable.states)
        #expect(Set(CaseCommandName.allCases.map(\.rawValue)) == Set(ContractTable.commands.keys))
        let named = Set(ContractTable.transitions.map(\.event))
        #expect(named.isSubset(of: Set(EventType.allCases.map(\.rawValue))))
    }

    @Test("every event type moves every state as the contract says, or not at all", arguments: CaseState.allCases)
    func events(state: CaseState) throws {
        for type in EventType.allCases where type != .caseOpened {
            let expected = ContractTable.next(state.rawValue, type.rawValue)
            #expect(
                TransitionTable.next(state, on: type)?.rawValue == expected, "\(type.rawValue) in \(state.rawValue)")

            // The same through the fold, with a payload of the type.
            var record = CaseRecord(id: Fixture.caseID, tenant: Fixture.tenant)
            record.state = state
            var recorder = CaseRecorder(record)
            try recorder.put(type, PayloadSamples.data(of: type))
            #expect(
                recorder.record.state.rawValue == expected ?? state.rawValue, "\(type.rawValue) in \(state.rawValue)")
        }
    }

    @Test("an opened case is normalized")
    func opened() throws {
        var recorder = CaseRecorder()
        try recorder.open(registry: OpenAdminPort.registry())
        #expect(recorder.record.state.rawValue == "normalized")
    }

    /// One command of each name.
    private static func command(_ name: CaseCommandName) -> CaseCommand? {
        switch name {
        case .assign: .assign(Identity(subject: "bob"))
        case .close: .close(.truePositive, reason: "it was real")
        case .reopen: .reopen(reason: "it came back")
        case .hold: .hold(reason: "waiting for the customer")
        case .resume: .resume(reason: "the customer answered")
        case .escalate: .escalate(reason: "I want a second look")
        case .recover: .recover(reason: "the service answers again")
        case .comment: .comment(text: "noted")
        case .changeSeverity: .change(severity: .critical, title: nil, tier: nil, queue: nil)
        case .addEvidence: .addEvidence(OpenAdminPort.evidence(.recentUse, source: "analyst"))
        case .merge: .merge(into: Fixture.id("another case"), reason: "the same attack")
        case .split:
            .split(
                alertIDs: [OpenAdminPort.alert("second").alertID], newCaseID: Fixture.id("new case"),
                reason: "another one")
        case .requestApproval, .rollback: nil
        }
    }

    /// Where a legal command leads, from the contract's table; others leave the state alone.
    private static let destinations: [CaseCommandName: String] = [
        .close: "closed", .reopen: "escalated", .escalate: "escalated", .recover: "recovered", .merge: "closed",
        .rollback: "rolling_back",
    ]

    /// A case with two alerts and an executed run, put into a state.
    private static func recorder(in state: CaseState, registry: Registry) throws -> CaseRecorder {
        var recorder = try CaseRecorder.executing(registry: registry)
        try recorder.put(recorder.record.link(OpenAdminPort.alert("second"), overlapScore: 1, shared: []))
        try recorder.performStep()
        var record = recorder.record
        record.state = state
        return CaseRecorder(record, at: recorder.now)
    }

    @Test(
        "every command in every state goes where the contract says or is refused with what is allowed",
        arguments: CaseState.allCases)
    func commands(state: CaseState) throws {
        let registry = try OpenAdminPort.registry()
        for name in CaseCommandName.allCases {
            var recorder = try Self.recorder(in: state, registry: registry)
            if name == .resume { recorder.record.onHold = true }
            if name == .requestApproval { recorder.record.runs[0].state = .failed }
            let legal = ContractTable.commands[name.rawValue]?.contains(state.rawValue) ?? false
            let allowed = ContractTable.allowed(in: state.rawValue).filter { $0 != name.rawValue }
            let outcome = Result { () throws -> [Decision] in
                switch name {
                case .requestApproval:
                    let plan = try #require(recorder.record.plan)
                    return try recorder.record.requestApproval(
                        id: Fixture.id("another"), plan: plan, actions: [], requiredApprovals: 1,
                        requestedBy: Fixture.alice, excluded: [], demands: EvidenceDemands(), parameters: [:],
                        expiresAt: recorder.now, reason: nil)
                case .rollback:
                    return try recorder.record.requestRollback(
                        run: Fixture.id("run"), stepIDs: nil, reason: "undo it", reasonCode: .analystOverride,
                        onBehalfOf: nil)
                default:
                    let command = try #require(Self.command(name))
                    #expect(command.name == name)
                    return try recorder.record.decide(command, by: Fixture.analyst())
                }
            }
            switch outcome {
            case .success(let decisions):
                #expect(legal, "\(name.rawValue) in \(state.rawValue) must be refused")
                #expect(!decisions.isEmpty)
                try recorder.put(decisions, by: Fixture.alice)
                #expect(recorder.record.state.rawValue == Self.destinations[name] ?? state.rawValue, "\(name.rawValue)")
            case .failure(let error):
                #expect(!legal, "\(name.rawValue) in \(state.rawValue) must be accepted: \(error)")
                #expect(
                    error as? Rejection
                        == .illegalTransition(state: state, command: name.rawValue, allowed: allowed),
                    "\(name.rawValue)")
            }
        }
    }

    @Test("holding a held case and resuming one that is not held are refused")
    func holdTwice() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.escalated(registry: registry)
        func refusal(of command: String) -> Rejection {
            .illegalTransition(
                state: .escalated, command: command,
                allowed: ContractTable.allowed(in: "escalated").filter { $0 != command })
        }
        #expect(throws: refusal(of: "resume")) { try recorder.command(.resume(reason: "go on")) }
        try recorder.command(.hold(reason: "wait"))
        #expect(throws: refusal(of: "hold")) { try recorder.command(.hold(reason: "wait more")) }
        try recorder.command(.resume(reason: "go on"))
        #expect(!recorder.record.onHold && recorder.record.holdReason == nil)
    }

    @Test("a case cannot be merged into itself, nor split of none or all of its alerts")
    func shapes() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.escalated(registry: registry)
        let own = recorder.record.alerts[0].alertID
        for command in [
            CaseCommand.merge(into: recorder.record.id, reason: "same"),
            .split(alertIDs: [], newCaseID: Fixture.id("n"), reason: "none"),
            .split(alertIDs: [own], newCaseID: Fixture.id("n"), reason: "all"),
            .split(alertIDs: [Fixture.id("stranger")], newCaseID: Fixture.id("n"), reason: "not ours"),
        ] {
            let rejection = #expect(throws: Rejection.self) { try recorder.command(command) }
            guard case .validation(let errors) = rejection else {
                Issue.record("\(command) gave \(String(describing: rejection))")
                continue
            }
            #expect(["/into", "/alert_ids"].contains(errors.first?.pointer))
        }
        #expect(recorder.record.state == .escalated)
    }

    @Test("a merge closes as duplicate and says where the case went")
    func merge() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: OpenAdminPort.registry())
        let events = try recorder.command(.merge(into: Fixture.id("another case"), reason: "the same attack"))
        #expect(events.map(\.type) == ["approval.invalidated", "case.merged", "case.closed"])
        #expect(recorder.record.verdict == .duplicate)
        #expect(recorder.record.mergedInto == Fixture.id("another case"))
    }

    @Test("reopening keeps the earlier times and takes the verdict back")
    func reopen() throws {
        var recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        try recorder.command(.recover(reason: "nothing was lost"))
        try recorder.command(.close(.truePositive, reason: "real"))
        let before = recorder.record.anchors
        try recorder.command(.reopen(reason: "it is back"))
        let after = recorder.record
        #expect(after.state == .escalated && after.verdict == nil && after.closedBy == nil && after.reopenCount == 1)
        #expect(after.anchors.openedAt == before.openedAt && after.anchors.recoveredAt == before.recoveredAt)
        #expect(after.anchors.acknowledgedAt == before.acknowledgedAt && after.anchors.decidedAt == before.decidedAt)
        #expect(after.anchors.closedAt == before.closedAt && before.closedAt != nil)
    }
}
