import Events
import Foundation
import JSON

extension RunMachine {
    /// The next directive for a step of a running run; `nil` after an event was put.
    mutating func directive(for step: PlanStep) -> RunDirective? {
        let id = step.stepId
        let trial = trials[id] ?? RunTrial()
        switch state.step(id).status {
        case .pending:
            if step.isManual { return .wait(.manualStep(id)) }
            guard isChosen(step) else { return nil }
            guard isInScope(step) else {
                put(
                    .failed(
                        runID, id, code: "out-of-scope", message: "the target lies outside the approved plan",
                        applied: false))
                return nil
            }
            guard step.capture != nil else {
                prepare(step, preState: .object([:]))
                return nil
            }
            return .capture(step, delayMs: limits.delay(before: trial.reads))
        case .prepared:
            if trial.isFresh { return act(step) }
            if trial.isFoundUnapplied {
                guard trial.acts < limits.acts else {
                    put(.failed(runID, id, code: "not-applied", message: "tried and never applied", applied: false))
                    return nil
                }
                guard trial.mayActAgain else {
                    put(RunEvent(.stepRetried, runID, step: id, ["reason": "a probe found nothing applied"]))
                    return nil
                }
                return act(step)
            }
            return probe(step, ofUnknown: false)
        case .outcomeUnknown:
            if trial.isFoundUnapplied {
                put(.failed(runID, id, code: "not-applied", message: "a probe found nothing applied", applied: false))
                return nil
            }
            return probe(step, ofUnknown: true)
        case .executed: return verification(of: step)
        default: return nil
        }
    }

    private func act(_ step: PlanStep) -> RunDirective {
        .act(
            step, key: key(step.stepId, ofRollback: false), parameters: state.step(step.stepId).parameters,
            delayMs: limits.delay(before: trials[step.stepId]?.acts ?? 0))
    }

    private mutating func probe(_ step: PlanStep, ofUnknown: Bool) -> RunDirective? {
        let id = step.stepId
        let probes = trials[id]?.probes ?? 0
        if probes < limits.probes {
            return .probe(
                step, key: key(id, ofRollback: false), ofRollback: false, delayMs: limits.delay(before: probes))
        }
        if ofUnknown { return .wait(.outcomeUnknown(id)) }
        put(
            RunEvent(
                .stepOutcomeUnknown, runID, step: id,
                [
                    "error": ["code": "outcome-unknown", "message": "no probe could tell whether it was done"],
                    "idempotency_key": .string(key(id, ofRollback: false).lowercased), "during": "act",
                ]))
        return nil
    }

    /// Finds out about a prepared or unknown step without ever acting.
    mutating func resolution(of step: PlanStep, ofNotApplied event: RunEvent) -> RunDirective? {
        let trial = trials[step.stepId] ?? RunTrial()
        if trial.isFresh || trial.isFoundUnapplied {
            put(event)
            return nil
        }
        return probe(step, ofUnknown: state.step(step.stepId).status == .outcomeUnknown)
    }

    mutating func verification(of step: PlanStep) -> RunDirective? {
        guard step.capture != nil, !step.verify.isEmpty else {
            put(
                RunEvent(
                    .stepVerified, runID, step: step.stepId, ["observed": state.step(step.stepId).lastSeen]))
            return nil
        }
        return .verify(step, delayMs: limits.delay(before: trials[step.stepId]?.reads ?? 0))
    }

    /// Whether an earlier step's result names this step's target; puts what follows when it does not.
    ///
    /// A name that is no target of the approved plan fails the step unexecuted: whoever approved has not seen it.
    private mutating func isChosen(_ step: PlanStep) -> Bool {
        guard let text = step.targetFrom else { return true }
        let found = ValueReference(text).flatMap { earlier($0) } ?? .null
        let names = (found.arrayValue ?? [found]).compactMap(\.stringValue).filter { !$0.isEmpty }
        let known = Set(plan.targets.map(\.value))
        if let stranger = names.first(where: { !known.contains($0) }) {
            put(
                .failed(
                    runID, step.stepId, code: "out-of-scope",
                    message: "\(stranger) lies outside the approved plan", applied: false))
            return false
        }
        guard !names.contains(where: { name in step.targets.contains { $0.value == name } }) else { return true }
        put(.skipped(runID: runID, stepID: step.stepId, reason: names.isEmpty ? "nothing_to_do" : "not_chosen"))
        return false
    }

    private func isInScope(_ step: PlanStep) -> Bool {
        Set(step.targets).isSubset(of: plan.targets) && !step.targets.isEmpty
    }

    /// Fills what the run knows into the parameters; the step is then prepared, or fails unexecuted.
    private mutating func prepare(_ step: PlanStep, preState: JSONValue) {
        let id = step.stepId
        func fail(_ code: String, _ message: String) {
            put(.failed(runID, id, code: code, message: message, applied: false))
        }
        for pointer in step.capture?.required ?? [] where preState.at(pointer) == nil {
            return fail("capture-incomplete", "the captured object lacks \(pointer)")
        }
        var template = step.parameters
        for (name, expression) in step.inputs { template[name] = ["$from": .string(expression)] }
        let parameters: JSONValue
        do {
            parameters = try Template.fill(template) { reference in
                if case .preState(let pointer) = reference {
                    return preState.at(pointer).map { .value($0) } ?? .missing
                }
                return earlier(reference).map { .value($0) } ?? .missing
            }
        } catch {
            return fail("unresolved", "\(error.pointer): \(error.detail)")
        }
        if state.mode == .shadow {
            return put(
                RunEvent(
                    .stepSkipped, runID, step: id,
                    ["reason": "shadow", "pre_state": preState, "parameters": parameters]))
        }
        put(
            RunEvent(
                .stepPrepared, runID, step: id,
                [
                    "pre_state": preState, "parameters": parameters,
                    "idempotency_key": .string(key(id, ofRollback: false).lowercased),
                ]))
    }

    /// A value of an earlier step, by the playbook's step id or the plan's.
    func earlier(_ reference: ValueReference) -> JSONValue? {
        guard case .step(let id, let part, let pointer) = reference,
            let step = plan.steps.first(where: { $0.stepId == id })
                ?? plan.steps.first(where: { $0.playbookStepId == id })
        else { return nil }
        let run = state.step(step.stepId)
        guard run.status == .verified || run.status == .executed else { return nil }
        let whole =
            switch part {
            case .output: run.output
            case .observed: run.observed
            case .parameters: run.parameters
            case .preState: run.preState
            }
        return whole.at(pointer)
    }

    /// Values of the step itself, for verifying and undoing it.
    func own(_ step: PlanStep) -> (ValueReference) -> Template.Lookup {
        let run = state.step(step.stepId)
        return { reference in
            let found: JSONValue? =
                switch reference {
                case .preState(let pointer): run.preState.at(pointer)
                case .parameters(let pointer): run.parameters.at(pointer)
                case .output(let pointer): run.output.at(pointer)
                default: nil
                }
            return found.map { .value($0) } ?? .missing
        }
    }
}

extension RunMachine {
    /// What came of the directive that was carried out last.
    package mutating func observe(_ directive: RunDirective, _ observation: RunObservation) {
        switch (directive, observation) {
        case (.capture(let step, _), .state(let object)):
            trials[step.stepId, default: RunTrial()].reads = 0
            prepare(step, preState: object)
        case (.capture(let step, _), .failed(let error)): readingFailed(step, error, applied: false)
        case (.act(let step, _, _, _), .acted(let outcome)):
            put(.executed(runID: runID, stepID: step.stepId, outcome: outcome))
            acted(step)
        case (.act(let step, _, _, _), .failed(let error)):
            acted(step)
            if error.leavesOutcomeUnknown { return }
            if error.code == .unreachable {
                // Nothing was sent, which is as good as a probe that found nothing.
                trials[step.stepId]?.isFoundUnapplied = true
                return
            }
            put(.failed(runID, step.stepId, code: error.code.description, message: error.description, applied: false))
        case (.probe(let step, _, false, _), .probed(.applied(let outcome))):
            put(.executed(runID: runID, stepID: step.stepId, outcome: outcome, probed: true))
        case (.probe(let step, _, false, _), .probed(.notApplied)):
            trials[step.stepId, default: RunTrial()].isFoundUnapplied = true
        case (.probe(let step, _, false, _), .failed): trials[step.stepId, default: RunTrial()].probes += 1
        case (.verify(let step, _), .state(let object)): verify(step, object)
        case (.verify(let step, _), .failed(let error)): readingFailed(step, error, applied: true)
        default: observeUndo(directive, observation)
        }
    }

    private mutating func acted(_ step: PlanStep) {
        var trial = trials[step.stepId] ?? RunTrial()
        trial.isFresh = false
        trial.isFoundUnapplied = false
        trial.mayActAgain = false
        trial.acts += 1
        trials[step.stepId] = trial
    }

    private mutating func readingFailed(_ step: PlanStep, _ error: ConnectorError, applied: Bool) {
        trials[step.stepId, default: RunTrial()].reads += 1
        let isFinal = error.code == .refused || error.code == .forbidden
        guard isFinal || (trials[step.stepId]?.reads ?? 0) >= limits.reads else { return }
        put(
            .failed(
                runID, step.stepId, code: applied ? "verification-unavailable" : "capture-failed",
                message: error.description, applied: applied))
    }

    private mutating func verify(_ step: PlanStep, _ object: JSONValue) {
        let lookup = own(step)
        var unmet: String?
        for expectation in step.verify where unmet == nil {
            do {
                let value = try Template.fill(expectation.value, lookup: lookup)
                if !expectation.isMet(by: object, value: value) {
                    unmet = "\(expectation.pointer) \(expectation.operator.rawValue) \(value.canonicalString())"
                }
            } catch {
                unmet = error.detail
            }
        }
        guard let unmet else {
            put(RunEvent(.stepVerified, runID, step: step.stepId, ["observed": object]))
            return
        }
        trials[step.stepId, default: RunTrial()].reads += 1
        guard (trials[step.stepId]?.reads ?? 0) >= limits.reads else { return }
        put(
            .failed(
                runID, step.stepId, code: "verification-failed", message: "not so: \(unmet)", applied: true,
                observed: object))
    }
}
