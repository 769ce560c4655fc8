import Cases
import Events
import Foundation
import JSON
import Response
import Runs
import SeededChance

/// One case with one run, a world that loses, delays and refuses, and everything that may happen between two steps of the
/// machine: commands, crashes, time. Nothing here waits or runs at the same time, so a sequence replays from its seed.
struct RunModel {
    /// What the executor is in the middle of.
    private enum Phase {
        case idle
        /// Decided, and not yet carried out.
        case decided(RunDirective)
        /// Carried out, and the answer not yet seen.
        case answered(RunDirective, RunObservation)
    }

    let plan: Plan
    private(set) var record: CaseRecord
    private(set) var events: [Event] = []
    private(set) var world: ModelWorld
    private(set) var trace: [String] = []
    private var now = Instant(microseconds: 1_795_000_000_000_000)
    private var chance: SeededGenerator
    private var machine: RunMachine?
    private var taken = 0
    private var own: UUID?
    private var phase = Phase.idle

    init(seed: UInt64) throws {
        chance = SeededGenerator(seed: seed)
        plan = try Self.plan(&chance)
        world = ModelWorld(targets: plan.targets.map(\.value))
        record = CaseRecord(id: .testCase, tenant: .testCase)
        record.state = .approved
        try append(
            .started(
                RunStarted(
                    runID: .testRun, approvalID: nil, planDigest: plan.digest, plan: plan, mode: .live,
                    trigger: .approved)))
    }

    var run: Run { record.runs[0] }

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &chance) }

    private mutating func append(_ event: RunEvent) throws {
        try append(type: event.type, data: event.data, id: nil)
    }

    private mutating func append(type: String, data: JSONValue, id: UUID?) throws {
        now = now.adding(milliseconds: 1)
        let number = Int64(events.count)
        let event = Event(
            position: number, eventID: id ?? UUID.v5(namespace: .testCase, name: "\(number)"), type: type,
            streamKind: "case", streamID: .testCase, version: number + 1, caseID: .testCase, recordedAt: now,
            occurredAt: now, actor: Actor(kind: .playbook, subject: "test", lane: .soar), correlationID: .testCase,
            data: data)
        events.append(event)
        try record.apply(event)
        trace.append("log \(type) \(data["step_id"]?.stringValue ?? "")")
    }

    // MARK: What may happen

    /// Anything may happen next.
    mutating func happen() throws {
        switch roll(20) {
        case 0:
            trace.append("crash")
            crash()
        case 1, 2: pass(milliseconds: [1, 40, 700, 9_000, 40_000][roll(5)])
        case 3: command { try $0.decide(.pause, run: .testRun, reason: "wait") }
        case 4: command { try $0.decide(.resume, run: .testRun, reason: "on") }
        case 5 where roll(3) == 0: command { try $0.decide(.cancel, run: .testRun, reason: "stop") }
        case 6 where roll(2) == 0: rollBack(all: true)
        case 7 where roll(2) == 0: rollBack(all: false)
        default: _ = try go()
        }
    }

    mutating func crash() {
        machine = nil
        phase = .idle
    }

    mutating func pass(milliseconds: Int64) {
        now = now.adding(milliseconds: milliseconds)
        for arrival in world.arrive(until: now) { trace.append("late \(arrival)") }
    }

    mutating func rollBack(all: Bool) {
        let chosen = all ? nil : plan.steps.map(\.stepID).filter { _ in roll(2) == 0 }
        command {
            try $0.requestRollback(
                run: .testRun, stepIDs: chosen, reason: "not wanted", reasonCode: .analystOverride, onBehalfOf: nil)
        }
    }

    /// A person's command: refused or appended, never in between.
    mutating func command(_ decide: (CaseRecord) throws -> [Decision]) {
        do {
            for decision in try decide(record) {
                try append(type: decision.type.rawValue, data: decision.data, id: nil)
            }
        } catch {
            trace.append("refused \(error)")
        }
    }

    mutating func calm() { world.isCalm = true }

    /// The executor's next move: decide, carry out, or take the answer.
    ///
    /// - Returns: `false` when it has nothing to do until something else happens.
    mutating func go() throws -> Bool {
        switch phase {
        case .decided(let directive):
            let observation = world.carryOut(directive, now: now, &chance)
            phase = .answered(directive, observation)
            trace.append(Self.label(directive, observation))
            return true
        case .answered(let directive, let observation):
            machine?.observe(directive, observation, at: now)
            phase = .idle
            return true
        case .idle: break
        }
        guard var driven = try machine ?? record.runToDrive.flatMap({ RunMachine($0, at: now) }) else { return false }
        if machine == nil { taken = events.count }
        for event in events[taken...] { try driven.take(event, isOwn: event.eventID == own) }
        taken = events.count
        let directive = driven.next(at: now)
        machine = driven
        switch directive {
        case .wait, .finished:
            // The executor lets go of the machine, and makes a new one when there is a reason.
            machine = nil
            return false
        case .record(let event):
            // Somebody may be faster, or the process may die before or after.
            if roll(30) == 0, !world.isCalm { rollBack(all: true) }
            guard taken == events.count else { return true }
            if roll(30) == 0, !world.isCalm {
                crash()
                return true
            }
            own = UUID.v5(namespace: .testRun, name: "\(driven.run.eventCount)/\(event.type)")
            try append(type: event.type, data: event.data, id: own)
            if roll(30) == 0, !world.isCalm { crash() }
        default: phase = .decided(directive)
        }
        return true
    }

    /// Everything comes to rest: no more trouble, as much time as it takes, a paused run resumed.
    /// - Returns: whether it came to rest.
    mutating func settle() throws -> Bool {
        calm()
        for _ in 0..<3_000 {
            if try go() { continue }
            pass(milliseconds: 5_000)
            if record.runToDrive?.needsDriving == true, run.state != .paused { continue }
            guard world.isQuiet else { continue }
            guard run.state == .paused else { return true }
            let end: CaseRecord.RunCommand = roll(2) == 0 ? .resume : .cancel
            command { try $0.decide(end, run: .testRun, reason: "end") }
        }
        return false
    }
}

extension RunModel {
    private static func label(_ directive: RunDirective, _ observation: RunObservation) -> String {
        let asked =
            switch directive {
            case .capture(let step, _): "capture \(step.stepID)"
            case .act(let step, _, _, _): "act \(step.stepID)"
            case .probe(let step, _, let ofRollback, _): "probe \(ofRollback ? "undo of " : "")\(step.stepID)"
            case .verify(let step, _): "verify \(step.stepID)"
            case .checkDrift(let step, _): "drift \(step.stepID)"
            case .rollback(let step, _, _, _, _): "undo \(step.stepID)"
            case .confirmRestored(let step, _): "confirm \(step.stepID)"
            case .record, .wait, .finished: ""
            }
        let answer =
            switch observation {
            case .state: "state"
            case .acted: "acted"
            case .probed(.applied): "applied"
            case .probed(.notApplied): "not applied"
            case .failed(let error): error.code.description
            }
        return "\(asked): \(answer)"
    }

    /// One to four actions one after the other, each on one to three targets; most of them reversible.
    private static func plan(_ chance: inout SeededGenerator) throws -> Plan {
        let count = Int.random(in: 1...4, using: &chance)
        var steps: [Plan.Step] = []
        var nodes: [String: PlanFlow.Node] = ["start": .init(type: .start, next: "action-0"), "end": .init(type: .end)]
        var before: [String] = []
        for number in 0..<count {
            let kind = Int.random(in: 0..<10, using: &chance)
            let made = (0..<Int.random(in: 1...3, using: &chance)).map { target in
                step("action-\(number)/\(target)", kind: kind, dependsOn: before)
            }
            before = made.map(\.stepID)
            steps += made
            nodes["action-\(number)"] = .init(
                type: .action, next: number + 1 < count ? "action-\(number + 1)" : "end", steps: before)
        }
        return try Plan(
            Plan.Content(
                caseID: .testCase, playbook: .init(id: "playbook--x", version: 1, digest: .sha256([1])),
                policyVersion: 1, steps: steps, targets: steps.flatMap(\.targets), maxTargets: steps.count,
                evidence: [], flow: PlanFlow(start: "start", exception: nil, nodes: nodes)))
    }

    private static func step(_ id: String, kind: Int, dependsOn: [String]) -> Plan.Step {
        let target = Entity(type: .device, value: "host of \(id)", role: .target)
        let isNotice = kind == 0
        let isIrreversible = kind == 1
        let undo = Plan.Rollback(operation: "release", parameters: ["state": ["$from": "pre_state:"]], maxMs: 5_000)
        return Plan.Step(
            stepID: id, playbookStepID: id, name: id, actionClass: isNotice ? .notify : .isolateHost, connector: "lab",
            operation: isNotice ? "notify" : "isolate", targets: [target], targetFrom: nil, parameters: [:],
            inputs: [:], reversible: !isNotice && !isIrreversible,
            capture: isNotice ? nil : Plan.Capture(required: ["/isolated"]),
            verify: isNotice ? [] : [Expectation(pointer: "/isolated", operator: .equals, value: true)],
            rollback: isNotice || isIrreversible ? nil : undo, timeoutMs: 5_000, dependsOn: dependsOn)
    }
}
