package import Events
package import Foundation
import JSON

/// One run of a plan, as a state machine without I/O, clock or randomness: events in, directives out.
///
/// It is made from the `Run` that the log tells, and takes the run's events as they are recorded, its own and those of
/// others. It also remembers what was tried since it was made, and forgets that in a crash, which is exactly right: a
/// step that the log shows prepared, and nothing more, may or may not have been done.
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
/// **Facts and intentions.** What the world answered is a fact: it is recorded even when somebody cancelled the run or
/// asked for its undo meanwhile. What the machine was about to do is an intention: another word from outside voids it.
///
/// **Late acts.** A probe that finds nothing does not prove that nothing comes while a request may be under way. Where
/// the act may be sent again under its key, that settles it. Where it may not (the run was cancelled, is undone, or has
/// tried often enough), the step is unknown until the step's timeout and `limits.lateMs` have passed, and is probed again
/// then.
///
/// **Undo** goes in strict reverse order of the plan. Each step: probe (was it undone before a crash?), compare the world
/// with how it was left (drift), undo, compare with the state before. A step that cannot be undone stops those it
/// depends on, and no other. An undo that restored nothing never ends as `rollback.completed`.
package struct RunMachine: Sendable {
    package let plan: Plan
    package let limits: RunLimits
    package private(set) var run: Run

    private let madeAt: Instant
    /// What was tried since this machine was made, by step.
    private var trials: [String: RunTrial] = [:]
    private var facts: [RunEvent] = []
    private var intention: RunEvent?

    /// - Parameters:
    ///   - run: as the log tells it so far.
    ///   - now: when the machine is made; whatever was sent before it was sent before this instant.
    /// - Returns: `nil` when the run's plan was erased: nothing can be done or undone without it.
    package init?(_ run: Run, at now: Instant, limits: RunLimits = RunLimits()) {
        guard let plan = run.plan else { return nil }
        self.plan = plan
        self.run = run
        self.limits = limits
        madeAt = now
    }

    package var runID: UUID { run.id }

    /// The key under which a step acts, or is undone.
    package func key(_ stepID: String, ofRollback: Bool) -> UUID {
        let refusals = state(of: stepID).refusals
        let purpose = ofRollback ? (refusals == 0 ? "rollback" : "rollback|\(refusals)") : "act"
        return UUID.v5(namespace: run.id, name: stepID + "|" + purpose)
    }

    /// Takes an event that is in the log.
    ///
    /// - Parameter isOwn: it was recorded for this very machine, not by another driver, a person or a timer.
    package mutating func take(_ event: Event, isOwn: Bool) throws {
        guard let taken = try run.apply(event) else { return }
        facts.removeAll { $0.kind == taken.kind && $0.stepID == taken.stepID }
        intention = nil
        switch taken {
        case .rollbackRequested: trials = trials.mapValues { $0.forRollback }
        case .stepPrepared(let prepared) where isOwn: trial(prepared.stepID) { $0.act = .unsent }
        case .stepRetried(let retried) where isOwn: trial(retried.stepID) { $0.mayActAgain = true }
        default: break
        }
        facts = facts.filter(isStillTrue)
    }

    /// What to do next. Asking twice gives the same answer.
    package mutating func next(at now: Instant) -> RunDirective {
        if let fact = facts.first { return .record(fact) }
        if let intention { return .record(intention) }
        if let directive = decide(at: now) { return directive }
        if let intention { return .record(intention) }
        return .finished(run.state)
    }

    /// Stops before the next act: the environment changed.
    package mutating func pause(reason: String) { intend(.paused(RunControl(runID: run.id, reason: reason))) }

    /// - Returns: `nil` after it has set an intention.
    private mutating func decide(at now: Instant) -> RunDirective? {
        switch run.state {
        case .running: return walk(at: now)
        case .paused: return settle(at: now) ?? (intention == nil ? .wait(.paused) : nil)
        case .rollingBack: return undo(at: now)
        default: return settle(at: now) ?? (intention == nil ? .finished(run.state) : nil)
        }
    }

    /// Brings steps under way to an end that is known, without starting anything.
    private mutating func settle(at now: Instant) -> RunDirective? {
        for step in plan.steps {
            switch state(of: step.stepID).state {
            case .executed: return verification(of: step)
            case .prepared, .outcomeUnknown:
                // Nothing came of it so far: it waits with the run.
                let trial = trial(of: step.stepID)
                if run.state == .paused, trial.act == .unsent || trial.isFoundUnapplied { continue }
                return resolution(
                    of: step,
                    ofNotApplied: run.state == .cancelled
                        ? .stepSkipped(StepSkipped(runID: run.id, stepID: step.stepID, reason: "cancelled"))
                        : notApplied(step, "found not applied after the run had ended"), at: now)
            default: continue
            }
        }
        return nil
    }

    /// A fact of a step is void once the log says how that step ended.
    private func isStillTrue(_ fact: RunEvent) -> Bool {
        guard let id = fact.stepID else { return true }
        let state = state(of: id).state
        switch fact {
        case .stepExecuted: return state == .prepared || state == .outcomeUnknown
        case .stepVerified: return state == .executed
        default: return true
        }
    }
}

extension RunMachine {
    func state(of stepID: String) -> RunStep { run.step(stepID) ?? RunStep.absent(stepID) }

    func trial(of stepID: String) -> RunTrial { trials[stepID] ?? RunTrial(act: .unanswered(since: madeAt)) }

    mutating func trial(_ stepID: String, _ change: (inout RunTrial) -> Void) {
        change(&trials[stepID, default: RunTrial(act: .unanswered(since: madeAt))])
    }

    /// The world answered: recorded whatever anybody wants by now.
    mutating func note(_ fact: RunEvent) { facts.append(fact) }
    mutating func intend(_ event: RunEvent) { intention = event }

    func notApplied(_ step: Plan.Step, _ message: String) -> RunEvent {
        .stepFailed(
            StepFailed(runID: run.id, stepID: step.stepID, code: "not-applied", message: message, applied: false))
    }
}
