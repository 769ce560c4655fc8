package import Foundation
package import JSON

/// What is to be done next. The machine decides, its driver does.
package enum RunDirective: Sendable, Hashable {
    /// Append this event; nothing else happens before it is in the log.
    case record(RunEvent)
    /// Read the target before the act.
    case capture(Plan.Step, delayMs: Int64)
    case act(Plan.Step, key: UUID, parameters: JSONValue, delayMs: Int64)
    /// Ask whether the act, or its undo, was applied.
    case probe(Plan.Step, key: UUID, ofRollback: Bool, delayMs: Int64)
    /// Read the target after the act.
    case verify(Plan.Step, delayMs: Int64)
    /// Read the target before its undo.
    case checkDrift(Plan.Step, delayMs: Int64)
    case rollback(Plan.Step, key: UUID, operation: String, parameters: JSONValue, maxMs: Int64)
    /// Read the target after its undo.
    case confirmRestored(Plan.Step, delayMs: Int64)
    /// Nothing can be done until somebody or something else acts.
    case wait(RunWait)
    case finished(RunState)
}

package enum RunWait: Sendable, Hashable {
    case paused
    /// A person does this step and records `step.executed` or `step.skipped`.
    case manualStep(String)
    /// Nobody can tell yet. A machine that is made later probes again.
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
    /// How long, beyond the step's own timeout, an unanswered request may still take effect. Before that, a probe that
    /// finds nothing is no proof that nothing comes.
    package var lateMs: Int64 = 15_000

    package init() {}

    func delay(before attempt: Int) -> Int64 { attempt == 0 ? 0 : delayMs << min(attempt - 1, 6) }
}
