import Events
import Foundation
import JSON

extension RunMachine {
    /// The next directive of a rollback; `nil` after an event was put.
    mutating func undo() -> RunDirective? {
        let requested = Set(state.rollback?.requested ?? [])
        var unrestored: [String] = []
        for step in plan.steps.reversed()
        where step.reversible && (requested.isEmpty || requested.contains(step.stepId)) {
            let id = step.stepId
            let run = state.step(id)
            guard run.mayBeApplied else { continue }
            if isStopped(step) {
                unrestored.append(id)
                continue
            }
            if run.status == .prepared || run.status == .outcomeUnknown {
                let event = RunEvent.failed(
                    runID, id, code: "not-applied", message: "found not applied when the run was rolled back",
                    applied: false)
                let directive = resolution(of: step, ofNotApplied: event)
                if case .wait? = directive {
                    trials[id, default: RunTrial()].undo.phase = .blocked
                    unrestored.append(id)
                    continue
                }
                return directive
            }
            return undo(step)
        }
        // Steps that cannot be undone by themselves come to a known end all the same.
        for step in plan.steps where !step.reversible && state.step(step.stepId).status == .prepared {
            return resolution(
                of: step, ofNotApplied: .skipped(runID: runID, stepID: step.stepId, reason: "rolled_back"))
        }
        let ids = JSONValue.array(plan.steps.map(\.stepId).filter(unrestored.contains).map { .string($0) })
        put(
            unrestored.isEmpty
                ? RunEvent(.rollbackCompleted, runID)
                : RunEvent(.rollbackIncomplete, runID, ["unrestored_step_ids": ids]))
        return nil
    }

    /// Given up itself, or needed by a later step that was.
    private func isStopped(_ step: PlanStep) -> Bool {
        var open = [step.stepId]
        var seen = Set(open)
        while let id = open.popLast() {
            if state.rollback?.refused.contains(id) == true || trials[id]?.undo.phase == .blocked { return true }
            for later in plan.steps where later.dependsOn.contains(id) && seen.insert(later.stepId).inserted {
                open.append(later.stepId)
            }
        }
        return false
    }

    private mutating func undo(_ step: PlanStep) -> RunDirective? {
        let id = step.stepId
        let trial = trials[id]?.undo ?? UndoTrial()
        switch trial.phase {
        case .probe:
            return .probe(
                step, key: key(id, ofRollback: true), ofRollback: true, delayMs: limits.delay(before: trial.probes))
        case .drift: return .checkDrift(step, delayMs: limits.delay(before: trial.reads))
        case .confirm: return .confirmRestored(step, delayMs: limits.delay(before: trial.reads))
        case .act:
            guard let rollback = step.rollback else { return refuse(step, reason: "no-rollback", found: .null) }
            do {
                let parameters = try Template.fill(rollback.parameters, lookup: own(step))
                return .rollback(
                    step, key: key(id, ofRollback: true), operation: rollback.operation, parameters: parameters,
                    maxMs: rollback.maxMs)
            } catch {
                return refuse(step, reason: "unresolved: \(error.detail)", found: .null)
            }
        case .blocked: return nil
        }
    }

    @discardableResult
    private mutating func refuse(
        _ step: PlanStep, reason: String, expected: JSONValue? = nil, found: JSONValue
    ) -> RunDirective? {
        put(
            RunEvent(
                .stepRollbackRefused, runID, step: step.stepId,
                [
                    "expected": expected ?? state.step(step.stepId).lastSeen, "found": found,
                    "reason": .string(reason),
                ]))
        return nil
    }

    mutating func observeUndo(_ directive: RunDirective, _ observation: RunObservation) {
        switch (directive, observation) {
        case (.probe(let step, _, true, _), .probed(.applied)): enter(.confirm, step)
        case (.probe(let step, _, true, _), .probed(.notApplied)): enter(.drift, step)
        case (.probe(let step, _, true, _), .failed): probeFailed(step)
        case (.checkDrift(let step, _), .state(let found)):
            let expected = state.step(step.stepId).lastSeen
            if found == expected {
                enter(.act, step)
            } else {
                refuse(step, reason: "drift", expected: expected, found: found)
            }
        case (.checkDrift(let step, _), .failed(let error)), (.confirmRestored(let step, _), .failed(let error)):
            undoReadingFailed(step, error)
        case (.rollback(let step, _, _, _, _), .acted): enter(.confirm, step)
        case (.rollback(let step, _, _, _, _), .failed(let error)): undoFailed(step, error)
        case (.confirmRestored(let step, _), .state(let found)):
            let preState = state.step(step.stepId).preState
            let restored = Digest.ofCanonical(found)
            if restored == Digest.ofCanonical(preState) {
                put(
                    RunEvent(
                        .stepRolledBack, runID, step: step.stepId, ["restored_digest": .string(restored.text)]))
            } else {
                refuse(step, reason: "not_restored", expected: preState, found: found)
            }
        default: break
        }
    }

    private mutating func enter(_ phase: UndoTrial.Phase, _ step: PlanStep) {
        trials[step.stepId, default: RunTrial()].undo.phase = phase
        trials[step.stepId]?.undo.reads = 0
    }

    private mutating func probeFailed(_ step: PlanStep) {
        trials[step.stepId, default: RunTrial()].undo.probes += 1
        guard (trials[step.stepId]?.undo.probes ?? 0) >= limits.probes else { return }
        enter(.blocked, step)
        put(
            RunEvent(
                .stepOutcomeUnknown, runID, step: step.stepId,
                [
                    "error": ["code": "outcome-unknown", "message": "no probe could tell whether it was undone"],
                    "idempotency_key": .string(key(step.stepId, ofRollback: true).lowercased), "during": "rollback",
                ]))
    }

    private mutating func undoReadingFailed(_ step: PlanStep, _ error: ConnectorError) {
        trials[step.stepId, default: RunTrial()].undo.reads += 1
        if error.code == .refused || error.code == .forbidden {
            refuse(step, reason: error.description, found: .null)
        } else if (trials[step.stepId]?.undo.reads ?? 0) >= limits.reads {
            enter(.blocked, step)
        }
    }

    /// Nothing sent or unknown: probe again, within bounds. A refusal is final for this request.
    private mutating func undoFailed(_ step: PlanStep, _ error: ConnectorError) {
        trials[step.stepId, default: RunTrial()].undo.acts += 1
        if error.code == .refused || error.code == .forbidden {
            refuse(step, reason: error.description, found: .null)
        } else if (trials[step.stepId]?.undo.acts ?? 0) >= limits.acts {
            enter(.blocked, step)
        } else {
            enter(.probe, step)
        }
    }
}
