package import Events
import JSON

extension RunMachine {
    /// The next directive for a step of a running run; `nil` after an intention was set.
    mutating func directive(for step: Plan.Step, at now: Instant) -> RunDirective? {
        let id = step.stepID
        let trial = trial(of: id)
        switch state(of: id).state {
        case .pending:
            if step.isManual { return .wait(.manualStep(id)) }
            guard isChosen(step) else { return nil }
            guard isInScope(step) else {
                intend(unexecuted(step, "out-of-scope", "the target lies outside the approved plan"))
                return nil
            }
            guard step.capture != nil else {
                prepare(step, preState: .object([:]))
                return nil
            }
            return .capture(step, delayMs: limits.delay(before: trial.reads))
        case .prepared:
            if trial.act == .unsent, trial.acts == 0 { return act(step) }
            guard trial.isFoundUnapplied, trial.refusal == nil, trial.acts < limits.acts else {
                let event =
                    trial.refusal.map { refused(step, $0) }
                    ?? notApplied(step, "it was sent \(trial.acts) times and never applied")
                return resolution(of: step, ofNotApplied: event, at: now)
            }
            guard trial.mayActAgain else {
                intend(
                    .stepRetried(StepRetried(runID: runID, stepID: id, reason: "a probe found nothing applied")))
                return nil
            }
            return act(step)
        case .outcomeUnknown:
            return resolution(of: step, ofNotApplied: notApplied(step, "a probe found nothing applied"), at: now)
        case .executed: return verification(of: step)
        default: return nil
        }
    }

    private func act(_ step: Plan.Step) -> RunDirective {
        .act(
            step, key: key(step.stepID, ofRollback: false), parameters: state(of: step.stepID).parameters,
            delayMs: limits.delay(before: trial(of: step.stepID).acts))
    }

    /// Finds out about a prepared or unknown step without ever acting; `nil` after an intention was set.
    ///
    /// - Parameter event: what is recorded when it is certain that the act had no effect and will have none.
    mutating func resolution(of step: Plan.Step, ofNotApplied event: RunEvent, at now: Instant) -> RunDirective? {
        let id = step.stepID
        let trial = trial(of: id)
        let isUnknown = state(of: id).state == .outcomeUnknown
        if trial.act == .unsent {
            intend(event)
            return nil
        }
        if let asOf = trial.unappliedAsOf {
            if isSettled(step, at: asOf) {
                intend(event)
                return nil
            }
            guard isUnknown else {
                intend(unknown(step, "its answer was lost and a probe found nothing, but it may still take effect"))
                return nil
            }
            guard isSettled(step, at: now) else { return .wait(.outcomeUnknown(id)) }
        }
        if trial.probes < limits.probes { return probe(step, at: now) }
        if isUnknown { return .wait(.outcomeUnknown(id)) }
        intend(unknown(step, "no probe could tell whether it was done"))
        return nil
    }

    private mutating func probe(_ step: Plan.Step, at now: Instant) -> RunDirective {
        trial(step.stepID) { $0.probedAt = now }
        return .probe(
            step, key: key(step.stepID, ofRollback: false), ofRollback: false,
            delayMs: limits.delay(before: trial(of: step.stepID).probes))
    }

    /// No request of the act can be under way at this instant: a probe that is asked then tells for ever.
    private func isSettled(_ step: Plan.Step, at instant: Instant) -> Bool {
        guard case .unanswered(let since) = trial(of: step.stepID).act else { return true }
        // Once it is unknown nothing is sent, so whatever was sent was sent before that.
        return hasBeenLate(step, since: state(of: step.stepID).unknownSince ?? since, at: instant)
    }

    /// A request that was sent at the latest at `since` has either taken effect by now or never will.
    func hasBeenLate(_ step: Plan.Step, since: Instant, at now: Instant) -> Bool {
        now.milliseconds(since: since) >= limits.lateMs + min(step.timeoutMs, 30_000)
    }

    private func unknown(_ step: Plan.Step, _ message: String) -> RunEvent {
        .stepOutcomeUnknown(
            StepOutcomeUnknown(
                runID: runID, stepID: step.stepID, message: message,
                idempotencyKey: key(step.stepID, ofRollback: false), during: .act))
    }

    private func unexecuted(_ step: Plan.Step, _ code: String, _ message: String) -> RunEvent {
        .stepFailed(StepFailed(runID: runID, stepID: step.stepID, code: code, message: message, applied: false))
    }

    private func refused(_ step: Plan.Step, _ error: ConnectorError) -> RunEvent {
        unexecuted(step, error.code.description, error.description)
    }

    mutating func verification(of step: Plan.Step) -> RunDirective? {
        guard step.capture != nil, !step.verify.isEmpty else {
            intend(
                .stepVerified(
                    StepVerified(runID: runID, stepID: step.stepID, observed: state(of: step.stepID).lastSeen)))
            return nil
        }
        return .verify(step, delayMs: limits.delay(before: trial(of: step.stepID).reads))
    }

    /// Whether an earlier step's result names this step's target; sets what follows when it does not.
    ///
    /// A name that is no target of the approved plan fails the step unexecuted: whoever approved has not seen it.
    private mutating func isChosen(_ step: Plan.Step) -> Bool {
        guard let text = step.targetFrom else { return true }
        let found = ValueReference(text).flatMap { earlier($0) } ?? .null
        let names = (found.arrayValue ?? [found]).compactMap(\.stringValue).filter { !$0.isEmpty }
        let known = Set(plan.targets.map(\.value))
        if let stranger = names.first(where: { !known.contains($0) }) {
            intend(unexecuted(step, "out-of-scope", "\(stranger) lies outside the approved plan"))
            return false
        }
        guard !names.contains(where: { name in step.targets.contains { $0.value == name } }) else { return true }
        let reason = names.isEmpty ? "nothing_to_do" : "not_chosen"
        intend(.stepSkipped(StepSkipped(runID: runID, stepID: step.stepID, reason: reason)))
        return false
    }

    private func isInScope(_ step: Plan.Step) -> Bool {
        Set(step.targets).isSubset(of: plan.targets) && !step.targets.isEmpty
    }

    /// Fills what the run knows into the parameters; the step is then prepared, or fails unexecuted.
    private mutating func prepare(_ step: Plan.Step, preState: JSONValue) {
        let id = step.stepID
        for pointer in step.capture?.required ?? [] where preState.at(pointer) == nil {
            return intend(unexecuted(step, "capture-incomplete", "the captured object lacks \(pointer)"))
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
            return intend(unexecuted(step, "unresolved", "\(error.pointer): \(error.detail)"))
        }
        guard run.mode != .shadow else {
            return intend(
                .stepSkipped(
                    StepSkipped(
                        runID: runID, stepID: id, reason: "shadow", preState: preState, parameters: parameters)))
        }
        intend(
            .stepPrepared(
                StepPrepared(
                    runID: runID, stepID: id, preState: preState, parameters: parameters,
                    idempotencyKey: key(id, ofRollback: false))))
    }
}

extension RunMachine {
    /// What came of the directive that was carried out last.
    package mutating func observe(_ directive: RunDirective, _ observation: RunObservation, at now: Instant) {
        switch (directive, observation) {
        case (.capture(let step, _), .state(let object)):
            trial(step.stepID) { $0.reads = 0 }
            prepare(step, preState: object)
        case (.capture(let step, _), .failed(let error)):
            guard hasReadEnough(step, error) else { return }
            intend(unexecuted(step, "capture-failed", error.description))
        case (.act(let step, _, _, _), .acted(let outcome)):
            sent(step, at: now)
            note(.stepExecuted(StepExecuted(runID: runID, stepID: step.stepID, outcome: outcome)))
        case (.act(let step, _, _, _), .failed(let error)): actFailed(step, error, at: now)
        case (.probe(let step, _, false, _), .probed(.applied(let outcome))):
            note(.stepExecuted(StepExecuted(runID: runID, stepID: step.stepID, outcome: outcome, probed: true)))
        case (.probe(let step, _, false, _), .probed(.notApplied)):
            trial(step.stepID) { trial in
                trial.isFoundUnapplied = true
                trial.unappliedAsOf = trial.probedAt
            }
        case (.probe(let step, _, false, _), .failed): trial(step.stepID) { $0.probes += 1 }
        case (.verify(let step, _), .state(let object)): verify(step, object)
        case (.verify(let step, _), .failed(let error)):
            guard hasReadEnough(step, error) else { return }
            note(
                .stepFailed(
                    StepFailed(
                        runID: runID, stepID: step.stepID, code: "verification-unavailable",
                        message: error.description, applied: true)))
        default: observeUndo(directive, observation)
        }
    }

    /// An act went out. Whether earlier ones of this key were answered stays as it was.
    private mutating func sent(_ step: Plan.Step, at now: Instant) {
        trial(step.stepID) { trial in
            trial.isFoundUnapplied = false
            trial.unappliedAsOf = nil
            trial.mayActAgain = false
            trial.acts += 1
        }
    }

    private mutating func actFailed(_ step: Plan.Step, _ error: ConnectorError, at now: Instant) {
        let wasUnsent = trial(of: step.stepID).act == .unsent
        sent(step, at: now)
        if error.leavesOutcomeUnknown {
            trial(step.stepID) { $0.act = .unanswered(since: now) }
        } else if error.code == .unreachable {
            // Nothing was sent, which is as good as a probe that found nothing.
            trial(step.stepID) { $0.isFoundUnapplied = true }
        } else if wasUnsent {
            note(refused(step, error))
        } else {
            // An earlier request under this key may still be under way: the refusal says nothing about that one.
            trial(step.stepID) { $0.refusal = error }
        }
    }

    /// - Returns: whether it is of no use to read once more.
    private mutating func hasReadEnough(_ step: Plan.Step, _ error: ConnectorError) -> Bool {
        trial(step.stepID) { $0.reads += 1 }
        return error.isFinal || trial(of: step.stepID).reads >= limits.reads
    }

    private mutating func verify(_ step: Plan.Step, _ object: JSONValue) {
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
            return note(.stepVerified(StepVerified(runID: runID, stepID: step.stepID, observed: object)))
        }
        trial(step.stepID) { $0.reads += 1 }
        guard trial(of: step.stepID).reads >= limits.reads else { return }
        note(
            .stepFailed(
                StepFailed(
                    runID: runID, stepID: step.stepID, code: "verification-failed", message: "not so: \(unmet)",
                    applied: true, observed: object)))
    }
}
