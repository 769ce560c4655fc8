import Events
import JSON

extension RunMachine {
    /// The next directive of a rollback; `nil` after an intention was set.
    mutating func undo(at now: Instant) -> RunDirective? {
        for step in plan.steps.reversed() {
            let run = state(of: step.stepID)
            guard run.mayStand else { continue }
            if run.state == .prepared || run.state == .outcomeUnknown {
                // Also a step that nobody asked to undo comes to a known end.
                guard givenUp(step) == nil else { continue }
                let event = notApplied(step, "found not applied when the run was rolled back")
                let directive = resolution(of: step, ofNotApplied: event, at: now)
                if case .wait? = directive, isOutOfPatience(step, at: now) {
                    trial(step.stepID) { $0.undo.phase = .givenUp(.unknown) }
                    continue
                }
                return directive
            }
            guard isAskedFor(step), step.reversible, obstacle(to: step) == nil else { continue }
            return undo(step)
        }
        end()
        return nil
    }

    private func isAskedFor(_ step: Plan.Step) -> Bool { run.rollback?.asks(for: step.stepID) ?? false }

    /// Waiting for a late act is of no use when it is no longer late, or when no probe answers.
    private func isOutOfPatience(_ step: Plan.Step, at now: Instant) -> Bool {
        guard trial(of: step.stepID).unappliedAsOf == nil, let since = state(of: step.stepID).unknownSince else {
            return false
        }
        return hasBeenLate(step, since: since, at: now)
    }

    private func givenUp(_ step: Plan.Step) -> RollbackEnded.Outcome? {
        if case .givenUp(let outcome) = trial(of: step.stepID).undo.phase { return outcome }
        return nil
    }

    /// Why this step is not undone in this attempt: it was refused or given up, or a later step that needs it was.
    private func obstacle(to step: Plan.Step) -> RollbackEnded.Outcome? {
        var open = [step.stepID]
        var seen = Set(open)
        while let id = open.popLast() {
            let outcome =
                run.rollback?.outcome(of: id) == .refused
                ? .refused : plan.step(id).flatMap { givenUp($0) }
            if let outcome { return id == step.stepID ? outcome : .blocked }
            for later in plan.steps where later.dependsOn.contains(id) && seen.insert(later.stepID).inserted {
                open.append(later.stepID)
            }
        }
        return nil
    }

    /// Says what became of each step; complete only when something was restored and nothing asked for still stands.
    private mutating func end() {
        var results: [RollbackEnded.StepResult] = []
        var unrestored: [String] = []
        for step in plan.steps where isAskedFor(step) {
            let state = state(of: step.stepID)
            if state.mayStand, state.needsRestoring {
                let outcome: RollbackEnded.Outcome =
                    state.state == .outcomeUnknown || state.state == .prepared
                    ? .unknown : step.reversible ? obstacle(to: step) ?? .unknown : .irreversible
                results.append(.init(stepID: step.stepID, outcome: outcome))
                unrestored.append(step.stepID)
            } else if let outcome = run.rollback?.outcome(of: step.stepID) {
                results.append(.init(stepID: step.stepID, outcome: outcome))
            }
        }
        let ended = RollbackEnded(runID: runID, unrestoredStepIDs: unrestored, steps: results)
        let isComplete = unrestored.isEmpty && results.contains { $0.outcome == .restored }
        intend(isComplete ? .rollbackCompleted(ended) : .rollbackIncomplete(ended))
    }

    private mutating func undo(_ step: Plan.Step) -> RunDirective? {
        let id = step.stepID
        let trial = trial(of: id).undo
        switch trial.phase {
        case .probe:
            return .probe(
                step, key: key(id, ofRollback: true), ofRollback: true, delayMs: limits.delay(before: trial.probes))
        case .drift: return .checkDrift(step, delayMs: limits.delay(before: trial.reads))
        case .confirm: return .confirmRestored(step, delayMs: limits.delay(before: trial.reads))
        case .act:
            guard let rollback = step.rollback else {
                intend(refusal(of: step, "the plan has no undo", found: .null))
                return nil
            }
            do {
                let parameters = try Template.fill(rollback.parameters, lookup: own(step))
                return .rollback(
                    step, key: key(id, ofRollback: true), operation: rollback.operation, parameters: parameters,
                    maxMs: rollback.maxMs)
            } catch {
                intend(refusal(of: step, "unresolved: \(error.detail)", found: .null))
                return nil
            }
        case .givenUp: return nil
        }
    }

    private func refusal(
        of step: Plan.Step, _ reason: String, expected: JSONValue? = nil, found: JSONValue
    ) -> RunEvent {
        .stepRollbackRefused(
            StepRollbackRefused(
                runID: runID, stepID: step.stepID, reason: reason,
                expected: expected ?? state(of: step.stepID).lastSeen, found: found))
    }
}

extension RunMachine {
    mutating func observeUndo(_ directive: RunDirective, _ observation: RunObservation) {
        switch (directive, observation) {
        case (.probe(let step, _, true, _), .probed(.applied)): enter(.confirm, step)
        case (.probe(let step, _, true, _), .probed(.notApplied)): enter(.drift, step)
        case (.probe(let step, _, true, _), .failed): probeFailed(step)
        case (.checkDrift(let step, _), .state(let found)):
            let expected = state(of: step.stepID).lastSeen
            if found == expected {
                enter(.act, step)
            } else {
                note(refusal(of: step, "drift", expected: expected, found: found))
            }
        case (.checkDrift(let step, _), .failed(let error)), (.confirmRestored(let step, _), .failed(let error)):
            readingFailed(step, error)
        case (.rollback(let step, _, _, _, _), .acted): enter(.confirm, step)
        case (.rollback(let step, _, _, _, _), .failed(let error)): undoFailed(step, error)
        case (.confirmRestored(let step, _), .state(let found)):
            let preState = state(of: step.stepID).preState
            let restored = Digest.ofCanonical(found)
            if restored == Digest.ofCanonical(preState) {
                note(.stepRolledBack(StepRolledBack(runID: runID, stepID: step.stepID, restoredDigest: restored)))
            } else {
                note(refusal(of: step, "not_restored", expected: preState, found: found))
            }
        default: break
        }
    }

    private mutating func enter(_ phase: UndoTrial.Phase, _ step: Plan.Step) {
        trial(step.stepID) { trial in
            trial.undo.phase = phase
            trial.undo.reads = 0
        }
    }

    private mutating func probeFailed(_ step: Plan.Step) {
        trial(step.stepID) { $0.undo.probes += 1 }
        guard trial(of: step.stepID).undo.probes >= limits.probes else { return }
        enter(.givenUp(.unreachable), step)
        note(
            .stepOutcomeUnknown(
                StepOutcomeUnknown(
                    runID: runID, stepID: step.stepID, message: "no probe could tell whether it was undone",
                    idempotencyKey: key(step.stepID, ofRollback: true), during: .rollback)))
    }

    private mutating func readingFailed(_ step: Plan.Step, _ error: ConnectorError) {
        trial(step.stepID) { $0.undo.reads += 1 }
        if error.isFinal {
            note(refusal(of: step, error.description, found: .null))
        } else if trial(of: step.stepID).undo.reads >= limits.reads {
            enter(.givenUp(.unreachable), step)
        }
    }

    /// Nothing sent or unknown: probe again, within bounds. A refusal is final for this request.
    private mutating func undoFailed(_ step: Plan.Step, _ error: ConnectorError) {
        trial(step.stepID) { $0.undo.acts += 1 }
        if error.isFinal {
            note(refusal(of: step, error.description, found: .null))
        } else if trial(of: step.stepID).undo.acts >= limits.acts {
            enter(.givenUp(.unknown), step)
        } else {
            enter(.probe, step)
        }
    }
}
