import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

@Suite("Gate")
struct GateTests {
    private func evaluate(
        _ recorder: CaseRecorder, _ registry: Registry, mode: PlaybookMode? = .live, plan: Plan?? = .none,
        at now: Instant? = nil
    ) -> GateResult {
        Gate.evaluate(
            Gate.Input(
                record: recorder.record, plan: plan ?? recorder.record.plan, playbookMode: mode, registry: registry,
                now: now ?? recorder.now))
    }

    /// All three signals pass, and a standing approval covers the plan.
    private func ready() throws -> (CaseRecorder, Registry) {
        let registry = try OpenAdminPort.registry(standing: OpenAdminPort.standingApproval())
        return (try CaseRecorder.recommended(registry: registry), registry)
    }

    @Test("with three good signals and a standing approval it runs by itself")
    func auto() throws {
        let (recorder, registry) = try ready()
        let gate = evaluate(recorder, registry)
        #expect(gate.decision == .auto && gate.level == .auto && gate.requiredApprovals == 0)
        #expect(gate.fellShort.isEmpty && gate.signals.map(\.passed) == [true, true, true])
        #expect(gate.standingApprovalID == OpenAdminPort.standingApproval().id)
        var passed = recorder
        try passed.put(recorder.record.pass(gate, narrative: ""))
        #expect(passed.record.state == .approved)
        #expect(passed.types.suffix(2) == ["gate.evaluated", "gate.auto_approved"])
        try passed.put(passed.record.start(run: Fixture.id("run"), currentPlan: passed.record.plan, mode: .live))
        #expect(passed.record.run?.trigger == .auto && passed.record.run?.approvalID == nil)
    }

    @Test(
        "without a standing approval the matrix decides: two people in production, one elsewhere",
        arguments: [
            (DeploymentEnvironment.production, 2), (.unknown, 2), (.staging, 1), (.development, 1),
        ])
    func matrix(environment: DeploymentEnvironment, people: Int) throws {
        let registry = try OpenAdminPort.registry()
        let recorder = try CaseRecorder.recommended(
            registry: registry, asset: OpenAdminPort.asset(environment: environment))
        let gate = evaluate(recorder, registry)
        #expect(gate.requiredApprovals == people && gate.decision == .escalate && gate.standingApprovalID == nil)
        #expect(gate.fellShort.isEmpty)
        var passed = recorder
        try passed.put(recorder.record.pass(gate, narrative: "why"))
        #expect(passed.events.last?.data["reasons"] == ["matrix"])
    }

    @Test("confidence below the threshold falls short alone", arguments: [(94, false), (95, true), (nil, false)])
    func confidence(score: Int?, passes: Bool) throws {
        var (recorder, registry) = try ready()
        recorder.record.confidenceScore = score
        let gate = evaluate(recorder, registry)
        #expect(gate.fellShort == (passes ? [] : ["pattern_confidence"]))
        #expect(gate.decision == (passes ? .auto : .escalate))
        #expect(gate.requiredApprovals == (passes ? 0 : 2), "the matrix applies again")
        #expect(gate.signals[0].value == score.map { Double($0) / 100 })
        #expect(gate.standingApprovalID == (passes ? OpenAdminPort.standingApproval().id : nil))
    }

    @Test("a scheduled job stops it whatever the threshold for the pattern is", arguments: [0.90, 0.95])
    func scheduledJob(threshold: Double) throws {
        var (recorder, registry) = try ready()
        registry.policy.gate.patternConfidence = threshold
        recorder.record.confidenceScore = 92
        var conflict = OpenAdminPort.conflict
        conflict.kind = .scheduledJob
        conflict.name = "quarterly-consolidation"
        recorder.record.conflicts = [conflict]
        let gate = evaluate(recorder, registry)
        #expect(gate.decision == .escalate && gate.standingApprovalID == nil)
        #expect(gate.fellShort == (threshold == 0.90 ? ["environment"] : ["pattern_confidence", "environment"]))
        #expect(gate.signals[1].explanation.contains("quarterly-consolidation"))
        recorder.record.conflicts = []
        #expect(evaluate(recorder, registry).decision == (threshold == 0.90 ? .auto : .escalate))
    }

    @Test("a standing approval holds for targets that carry one of its labels", arguments: [true, false])
    func labels(carries: Bool) throws {
        var standing = OpenAdminPort.standingApproval()
        standing.targetLabels = ["auto-contain", "lab"]
        var registry = try OpenAdminPort.registry(standing: standing)
        let recorder = try CaseRecorder.recommended(registry: registry)
        let target = try #require(recorder.record.plan?.targets.first)
        let asset: JSONValue = [
            "id": .string(Fixture.id("labelled").lowercased), "type": .string(target.type.rawValue),
            "value": .string(target.value), "name": .null, "owner": "team", "service": .null, "criticality": "low",
            "sensitivity": "internal", "exposure": "internal", "environment": "production", "region": .null,
            "labels": carries ? ["auto-contain"] : ["other"], "depends_on": [], "cost_risk": .null,
            "observed_at": .string(Fixture.start.rfc3339), "event_id": .null,
        ]
        try registry.apply(Fixture.governance(.assetRegistered, asset, position: 2))
        #expect(evaluate(recorder, registry).decision == (carries ? .auto : .escalate))
    }

    @Test("a standing approval lets so many runs an hour through, and again when the hour is over")
    func runsPerHour() throws {
        var standing = OpenAdminPort.standingApproval()
        standing.maxRunsPerHour = 2
        var registry = try OpenAdminPort.registry(standing: standing)
        let recorder = try CaseRecorder.recommended(registry: registry)
        for position in 2...3 {
            #expect(evaluate(recorder, registry).decision == .auto)
            try registry.apply(
                Fixture.governance(
                    .gateAutoApproved, ["standing_approval_id": .string(standing.id.lowercased)],
                    position: Int64(position)))
        }
        #expect(evaluate(recorder, registry).decision == .escalate)
        let later = recorder.now.adding(milliseconds: 3_700_000)
        #expect(evaluate(recorder, registry, at: later).decision == .auto)
    }

    @Test("an unknown pattern cannot be trusted, whatever the score")
    func pattern() throws {
        var (recorder, registry) = try ready()
        recorder.record.pattern = nil
        recorder.record.confidenceScore = 100
        let gate = evaluate(recorder, registry)
        #expect(gate.fellShort == ["pattern_confidence"] && gate.signals[0].value == nil)
        #expect(gate.decision == .escalate)
    }

    @Test("one conflict in the environment falls short alone", arguments: EnvironmentConflict.Kind.allCases)
    func environment(kind: EnvironmentConflict.Kind) throws {
        var (recorder, registry) = try ready()
        var conflict = OpenAdminPort.conflict
        conflict.kind = kind
        recorder.record.conflicts = [conflict]
        let gate = evaluate(recorder, registry)
        #expect(gate.fellShort == ["environment"] && gate.decision == .escalate && gate.requiredApprovals == 2)
        #expect(gate.signals[1].value == 1 && gate.signals[1].conflicts == [conflict])
        #expect(gate.signals[1].eventIDs == [Fixture.id("calendar")])
    }

    @Test(
        "accuracy needs enough history",
        arguments: [(765, 765, true), (764, 764, false), (1_130, 1_129, true), (1_129, 1_128, false), (0, 0, false)])
    func accuracy(n: Int, correct: Int, passes: Bool) throws {
        let registry = try OpenAdminPort.registry(
            imported: n, correct: correct, standing: OpenAdminPort.standingApproval())
        let recorder = try CaseRecorder.recommended(registry: registry)
        let gate = evaluate(recorder, registry)
        #expect(gate.fellShort == (passes ? [] : ["playbook_accuracy"]))
        #expect(gate.decision == (passes ? .auto : .escalate))
        #expect(gate.signals[2].n == n && gate.signals[2].correct == correct)
        #expect((gate.signals[2].value == nil) == (n == 0))
    }

    @Test("imported history counts only where the policy says so")
    func imported() throws {
        let registry = try OpenAdminPort.registry(
            countImported: false, standing: OpenAdminPort.standingApproval())
        let gate = evaluate(try CaseRecorder.recommended(registry: registry), registry)
        #expect(gate.fellShort == ["playbook_accuracy"])
        #expect(gate.signals[2].n == 0 && gate.signals[2].nImported == 1_200)
    }

    @Test("below a threshold a class that the matrix lets run by itself still asks one person")
    func autoClass() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.recommended(registry: registry)
        let plan = try OpenAdminPort.plan(for: recorder.record, policy: registry.policy, class: .openTicket)
        #expect(evaluate(recorder, registry, plan: plan).decision == .auto)
        recorder.record.confidenceScore = 10
        #expect(evaluate(recorder, registry, plan: plan).requiredApprovals == 1)
    }

    @Test("without a plan there is nothing to run")
    func noPlan() throws {
        let registry = try OpenAdminPort.registry(standing: OpenAdminPort.standingApproval())
        var recorder = CaseRecorder()
        try recorder.open(registry: registry)
        try recorder.enrich()
        try recorder.correlate()
        try recorder.recommend(registry: registry, plan: nil)
        let gate = evaluate(recorder, registry, mode: nil)
        #expect(gate.decision == .escalate && gate.level == .onePerson)
        try recorder.put(recorder.record.pass(gate, narrative: "why"))
        #expect(recorder.record.state == .escalated)
        let reasons = recorder.events.last?.data["reasons"]?.arrayValue ?? []
        #expect(reasons.contains("no_playbook") && reasons.contains("playbook_accuracy"))
    }

    @Test("missing evidence keeps even an automatic plan from running")
    func missingEvidence() throws {
        let registry = try OpenAdminPort.registry(standing: OpenAdminPort.standingApproval())
        var recorder = try CaseRecorder.recommended(
            registry: registry, evidence: [OpenAdminPort.evidence(.cloudAudit)])
        try recorder.pass(registry: registry, mode: .live)
        #expect(recorder.record.state == .escalated)
        #expect(recorder.events.last?.data["reasons"] == ["missing_evidence"])
    }

    @Test("a playbook in shadow never runs, and the case says so")
    func shadow() throws {
        let (recorder, registry) = try ready()
        let gate = evaluate(recorder, registry, mode: .shadow)
        #expect(gate.decision == .shadow && gate.standingApprovalID == nil)
        var passed = recorder
        try passed.put(recorder.record.pass(gate, narrative: "why"))
        #expect(passed.record.state == .escalated && passed.record.shadow)
        #expect(passed.events.last?.data["reasons"]?.arrayValue?.contains("shadow") == true)
        #expect(CaseView(passed.record, asOf: 1).blockedActions.map(\.reason) == [.shadow])
    }

    @Test(
        "the stop switch takes the standing approval back, and the matrix applies again",
        arguments: [JSONValue.null, .string(OpenAdminPort.playbook)])
    func halted(playbook: JSONValue) throws {
        var (recorder, registry) = try ready()
        try registry.apply(Fixture.governance(.automationHalted, ["playbook_id": playbook], position: 3))
        let gate = evaluate(recorder, registry)
        #expect(gate.decision == .escalate && gate.level == .twoPerson && gate.standingApprovalID == nil)
        try registry.apply(Fixture.governance(.automationResumed, ["playbook_id": playbook], position: 4))
        #expect(evaluate(recorder, registry).decision == .auto)
        recorder.wait(0)
    }

    @Test("a switch for another playbook stops nothing here")
    func haltedOther() throws {
        var (recorder, registry) = try ready()
        try registry.apply(Fixture.governance(.automationHalted, ["playbook_id": "playbook--other"], position: 3))
        #expect(evaluate(recorder, registry).decision == .auto)
        recorder.wait(0)
    }

    @Test("a halted class that needs nobody needs one person")
    func haltedAuto() throws {
        var registry = try OpenAdminPort.registry()
        let recorder = try CaseRecorder.recommended(registry: registry)
        let plan = try OpenAdminPort.plan(for: recorder.record, policy: registry.policy, class: .notify)
        try registry.apply(Fixture.governance(.automationHalted, ["playbook_id": nil], position: 3))
        #expect(evaluate(recorder, registry, plan: plan).level == .onePerson)
    }

    @Test(
        "more targets than the standing approval names, or than the policy allows at all, ask as many people as the matrix",
        arguments: [(2, 5, true), (1, 5, false), (2, 1, false)])
    func targets(named: Int, allowed: Int, passes: Bool) throws {
        var registry = try OpenAdminPort.registry(standing: OpenAdminPort.standingApproval(maxTargets: named))
        registry.policy.execution.maxTargetsApproved = allowed
        let two = [OpenAdminPort.target, Entity(type: .cloudResource, value: "sg-2", role: .target)]
        let recorder = try CaseRecorder.recommended(registry: registry, targets: two)
        let gate = evaluate(recorder, registry)
        #expect((gate.decision == .auto) == passes && (gate.standingApprovalID != nil) == passes)
        if !passes { #expect(gate.decision == .escalate && gate.level == .twoPerson) }
    }

    @Test("without a standing approval no more targets than the policy says are acted on without a person")
    func automaticTargets() throws {
        var registry = try OpenAdminPort.registry()
        let recorder = try CaseRecorder.recommended(registry: registry)
        let plan = try OpenAdminPort.plan(for: recorder.record, policy: registry.policy, class: .openTicket)
        #expect(evaluate(recorder, registry, plan: plan).decision == .auto)
        registry.policy.execution.maxTargetsAutomatic = plan.targets.count - 1
        #expect(evaluate(recorder, registry, plan: plan).decision == .escalate)
    }

    @Test("the strictest step decides")
    func strictest() throws {
        let registry = try OpenAdminPort.registry()
        let recorder = try CaseRecorder.recommended(registry: registry)
        var json = try #require(recorder.record.plan).json
        var first = try #require(json["steps"]?[0])
        first["action_class"] = "notify"
        first["step_id"] = "action--first"
        json["steps"] = .array([first] + (json["steps"]?.arrayValue ?? []))
        #expect(evaluate(recorder, registry, plan: try Plan(json: json)).level == .twoPerson)
    }

    private static let outside: [(String, StandingApproval)] = [
        ("another pattern", OpenAdminPort.standingApproval(patterns: ["edr.miner"])),
        ("another class", OpenAdminPort.standingApproval(classes: [.isolateHost])),
        ("no targets", OpenAdminPort.standingApproval(maxTargets: 0)),
        ("over", OpenAdminPort.standingApproval(days: 0)),
    ]

    @Test("outside its scope a standing approval lowers nothing", arguments: outside.indices)
    func scope(index: Int) throws {
        let (what, standing) = Self.outside[index]
        let registry = try OpenAdminPort.registry(standing: standing)
        let gate = evaluate(try CaseRecorder.recommended(registry: registry), registry)
        #expect(gate.level == .twoPerson && gate.standingApprovalID == nil, "\(what)")
    }

    @Test("a standing approval holds for a live playbook; an emergency rule also before")
    func modes() throws {
        for (mode, isEmergency, decision) in [
            (PlaybookMode.live, false, GateResult.Outcome.auto), (.assisted, false, .escalate),
            (.assisted, true, .auto),
        ] {
            let registry = try OpenAdminPort.registry(
                standing: OpenAdminPort.standingApproval(isEmergency: isEmergency))
            let gate = evaluate(try CaseRecorder.recommended(registry: registry), registry, mode: mode)
            #expect(gate.decision == decision, "\(mode), emergency \(isEmergency)")
        }
    }

    @Test("it ends at its date to the microsecond, and when it is revoked")
    func end() throws {
        var (recorder, registry) = try ready()
        let end = OpenAdminPort.standingApproval().expiresAt
        #expect(evaluate(recorder, registry, at: Instant(microseconds: end.microseconds - 1)).decision == .auto)
        #expect(evaluate(recorder, registry, at: end).decision == .escalate)
        try registry.apply(
            Fixture.governance(
                .standingApprovalRevoked, ["id": .string(OpenAdminPort.standingApproval().id.lowercased)], position: 8))
        #expect(evaluate(recorder, registry).decision == .escalate)
        recorder.wait(0)
    }

    @Test(
        "nothing covers an asset that is production and critical; either alone is covered",
        arguments: [
            (AssetContext.Criticality.critical, DeploymentEnvironment.production, false),
            (.critical, .staging, true), (.high, .production, true),
        ])
    func productionCritical(
        criticality: AssetContext.Criticality, environment: DeploymentEnvironment, covered: Bool
    ) throws {
        for isEmergency in [false, true] {
            let registry = try OpenAdminPort.registry(
                standing: OpenAdminPort.standingApproval(isEmergency: isEmergency))
            let recorder = try CaseRecorder.recommended(
                registry: registry, asset: OpenAdminPort.asset(criticality: criticality, environment: environment))
            #expect((evaluate(recorder, registry).decision == .auto) == covered)
        }
    }

    @Test("as JSON it has the members of the contract")
    func json() throws {
        var (recorder, registry) = try ready()
        recorder.record.conflicts = [OpenAdminPort.conflict]
        let gate = try JSONValue(encoding: evaluate(recorder, registry))
        expect(gate, has: ContractShape.gate, "gate")
        #expect(
            gate["signals"]?.arrayValue?.map { $0["name"] } == [
                "pattern_confidence", "environment", "playbook_accuracy",
            ])
        #expect(gate["signals"]?.arrayValue?.map { $0["operator"] } == [">=", "==", ">"])
        #expect(gate["signals"]?.arrayValue?.map { $0["threshold"]?.doubleValue } == [0.95, 0, 0.995])
        for signal in gate["signals"]?.arrayValue ?? [] {
            expect(signal, has: ContractShape.signal, "signal")
            #expect(signal["explanation"]?.stringValue?.isEmpty == false)
            #expect(signal["would_change"]?.stringValue?.isEmpty == false)
        }
        expect(gate["signals"]?[1]?["conflicts"]?[0], has: ContractShape.conflict, "conflict")
        expect(gate["signals"]?[2], has: ContractShape.accuracy, "accuracy")
        expect(gate["signals"]?[2]?["interval"], has: ContractShape.interval, "interval")
        #expect(gate["signals"]?[2]?["interval"]?["method"] == "wilson")
        #expect(gate["signals"]?[2]?["value"] == gate["signals"]?[2]?["interval"]?["lower"])
        #expect(gate["policy_version"] == 1 && gate["fell_short"] == ["environment"])
    }
}

@Suite("Wilson interval")
struct WilsonIntervalTests {
    @Test("765 flawless decisions are enough for 0.995, 764 are not; with one error it takes 1,130")
    func domain() throws {
        #expect(try #require(WilsonInterval(successes: 765, of: 765, level: 0.95)).lower > 0.995)
        #expect(try #require(WilsonInterval(successes: 764, of: 764, level: 0.95)).lower <= 0.995)
        #expect(try #require(WilsonInterval(successes: 1_129, of: 1_130, level: 0.95)).lower > 0.995)
        #expect(try #require(WilsonInterval(successes: 1_128, of: 1_129, level: 0.95)).lower <= 0.995)
    }

    /// The first four are Table I of Newcombe, "Two-sided confidence intervals for the single proportion", Statistics
    /// in Medicine 17 (1998), method 3, there to four digits; all were computed again with Python's `NormalDist`.
    @Test(
        "published intervals come out",
        arguments: [
            (81, 263, 0.95, 0.2552885199, 0.3662095770), (15, 148, 0.95, 0.0623863995, 0.1604872417),
            (0, 20, 0.95, 0.0, 0.1611251581), (1, 29, 0.95, 0.0061132143, 0.1717552188),
            (5, 10, 0.95, 0.2365930905, 0.7634069095), (50, 100, 0.99, 0.3752796250, 0.6247203750),
            (9, 10, 0.90, 0.6522813327, 0.9773650913), (1_199, 1_200, 0.95, 0.9952947700, 0.9998528811),
        ])
    func published(successes: Int, n: Int, level: Double, lower: Double, upper: Double) throws {
        let interval = try #require(WilsonInterval(successes: successes, of: n, level: level))
        #expect(abs(interval.lower - lower) < 2e-9 && abs(interval.upper - upper) < 2e-9, "\(interval)")
        #expect(interval.method == "wilson" && interval.level == level)
    }

    @Test("of nothing, and of the impossible, nothing is said")
    func nothing() {
        #expect(WilsonInterval(successes: 0, of: 0, level: 0.95) == nil)
        #expect(WilsonInterval(successes: 2, of: 1, level: 0.95) == nil)
        #expect(WilsonInterval(successes: -1, of: 1, level: 0.95) == nil)
    }
}
