import Events
package import Foundation
import JSON

/// One run of a plan, as a state machine without I/O, clock or randomness: events in, directives out.
///
/// Made from the run's events it knows what is certain. It also remembers what was tried since, and forgets that in a
/// crash, which is exactly right: a step that the log shows prepared, and nothing more, may or may not have been done.
///
/// | the log says | and since then | next |
/// |---|---|---|
/// | nothing of the step | – | `capture`, then record `step.prepared` |
/// | `step.prepared` | recorded by this very machine | `act` |
/// | `step.prepared` | nothing (made anew), or an act without an answer | `probe` |
/// | `step.prepared` | a probe found nothing | `act` again, under the same key |
/// | `step.prepared` | no probe answered, `limits.probes` times | record `step.outcome_unknown`, `wait` |
/// | `step.executed` | – | `verify`, then record `step.verified` or `step.failed` |
///
/// The idempotency key is a UUIDv5 of run, step and purpose, so that it is the same after any crash. Together: an act is
/// sent only when it is certain that none is applied, or under a key that was never applied; so no crash makes two.
///
/// Undo goes in strict reverse order of the plan. Each step: probe (was it undone before a crash?), compare the world
/// with how it was left (`drift`), undo, compare with the pre-state. A step that cannot be undone stops those it
/// depends on, and no other.
///
/// - Note: a cancelled or rolled back run whose act went unanswered takes "not applied" from the probe as final. A
///   request that is still on its way then would be applied later; the journal of the other side shows it under the key.
package struct RunMachine: Sendable {
    package let plan: Plan
    package let runID: UUID
    package let limits: RunLimits
    package private(set) var state: RunState

    /// What was tried since this machine was made, by step.
    var trials: [String: RunTrial] = [:]
    private var pending: [RunEvent] = []

    /// - Parameter history: every event of this run so far.
    package init(plan: Plan, runID: UUID, history: [RunEvent], limits: RunLimits = RunLimits()) {
        self.plan = plan
        self.runID = runID
        self.limits = limits
        state = RunState(folding: history)
    }

    /// The key under which a step acts (`act`) or is undone.
    package func key(_ stepID: String, ofRollback: Bool) -> UUID {
        let refusals = state.step(stepID).refusals
        let purpose = ofRollback ? (refusals == 0 ? "rollback" : "rollback|\(refusals)") : "act"
        return UUID.v5(namespace: runID, name: stepID + "|" + purpose)
    }

    /// An event is in the log: the machine's own, or one that came from outside (pause, cancel, rollback, manual step).
    package mutating func record(_ event: RunEvent) {
        pending.removeAll { $0 == event }
        state.apply(event)
        guard let id = event.stepID else {
            // Another word from outside: what the machine was about to say may no longer hold.
            pending = []
            if event.kind == .rollbackRequested { trials = trials.mapValues { $0.forRollback } }
            return
        }
        switch event.kind {
        case .stepPrepared: trials[id, default: RunTrial()].isFresh = true
        case .stepRetried: trials[id, default: RunTrial()].mayActAgain = true
        default: break
        }
    }

    /// What to do next. Asking twice gives the same answer.
    package mutating func next() -> RunDirective {
        if pending.isEmpty, let directive = decide() { return directive }
        if let event = pending.first { return .record(event) }
        return .finished(state.status ?? .failed)
    }

    /// - Returns: `nil` after it has put an event into `pending`.
    private mutating func decide() -> RunDirective? {
        guard let status = state.status else { return .wait(.notStarted) }
        switch status {
        case .running: return walk()
        case .paused: return settle(onlyVerify: true) ?? (pending.isEmpty ? .wait(.paused) : nil)
        case .rollingBack: return undo()
        case .cancelled: return settle(onlyVerify: false) ?? (pending.isEmpty ? .finished(status) : nil)
        default: return .finished(status)
        }
    }

    mutating func put(_ event: RunEvent) { pending.append(event) }

    /// Brings steps under way to an end that is known, without starting anything.
    private mutating func settle(onlyVerify: Bool) -> RunDirective? {
        for step in plan.steps {
            let run = state.step(step.stepId)
            switch run.status {
            case .executed: return verification(of: step)
            case .prepared where !onlyVerify:
                return resolution(
                    of: step, ofNotApplied: .skipped(runID: runID, stepID: step.stepId, reason: "cancelled"))
            default: continue
            }
        }
        return nil
    }
}

/// What was tried for a step since the machine was made; nothing of it survives a crash.
struct RunTrial: Sendable, Hashable {
    /// Prepared by this machine and never acted on.
    var isFresh = false
    /// A probe found nothing applied; the retry may be in the log.
    var isFoundUnapplied = false
    var mayActAgain = false
    var acts = 0
    var probes = 0
    var reads = 0
    var undo = UndoTrial()

    /// Counting begins anew.
    var forRollback: RunTrial {
        var trial = self
        trial.probes = 0
        trial.reads = 0
        trial.undo = UndoTrial()
        return trial
    }
}

struct UndoTrial: Sendable, Hashable {
    enum Phase: Sendable, Hashable {
        case probe, drift, act, confirm
        /// Given up in this attempt, unrecorded: nobody could be reached.
        case blocked
    }

    var phase = Phase.probe
    var probes = 0
    var reads = 0
    var acts = 0
}
