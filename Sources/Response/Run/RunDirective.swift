package import Foundation
package import JSON

/// What is to be done next. The machine decides, its driver does.
package enum RunDirective: Sendable, Hashable {
    /// Append this event; nothing else happens before it is in the log.
    case record(RunEvent)
    /// Read the target before the act.
    case capture(PlanStep, delayMs: Int64)
    case act(PlanStep, key: UUID, parameters: JSONValue, delayMs: Int64)
    /// Ask whether the act, or its undo, was applied.
    case probe(PlanStep, key: UUID, ofRollback: Bool, delayMs: Int64)
    /// Read the target after the act.
    case verify(PlanStep, delayMs: Int64)
    /// Read the target before its undo.
    case checkDrift(PlanStep, delayMs: Int64)
    case rollback(PlanStep, key: UUID, operation: String, parameters: JSONValue, maxMs: Int64)
    /// Read the target after its undo.
    case confirmRestored(PlanStep, delayMs: Int64)
    /// Nothing can be done until somebody or something else acts.
    case wait(RunWait)
    case finished(RunState.Status)
}

package enum RunWait: Sendable, Hashable {
    case notStarted, paused
    /// A person does this step and records `step.executed` or `step.skipped`.
    case manualStep(String)
    /// No probe could tell. Making the machine anew probes again.
    case outcomeUnknown(String)
}

/// What came of a directive.
package enum RunObservation: Sendable, Hashable {
    /// Of `capture`, `verify`, `checkDrift`, `confirmRestored`.
    case state(JSONValue)
    /// Of `act`, `rollback`.
    case acted(ActOutcome)
    case probed(ProbeOutcome)
    case failed(ConnectorError)
}

/// How often and how patiently; the same for every step.
package struct RunLimits: Sendable, Hashable {
    /// Readings that fail, or do not show the effect yet.
    package var reads = 4
    /// Acts under one key, each after a probe that found nothing.
    package var acts = 3
    package var probes = 5
    /// Before the second try; doubled each time.
    package var delayMs: Int64 = 250

    package init() {}

    func delay(before attempt: Int) -> Int64 { attempt == 0 ? 0 : delayMs << min(attempt - 1, 6) }
}
