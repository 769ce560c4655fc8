package import Events
package import Foundation
package import JSON

/// What a run says about itself, as the log keeps it: a type of contract §3 and its `data`.
package struct RunEvent: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case runStarted = "run.started"
        case stepPrepared = "step.prepared"
        case stepExecuted = "step.executed"
        case stepVerified = "step.verified"
        case stepFailed = "step.failed"
        case stepRetried = "step.retried"
        case stepOutcomeUnknown = "step.outcome_unknown"
        case stepSkipped = "step.skipped"
        case runPaused = "run.paused"
        case runResumed = "run.resumed"
        case runCancelled = "run.cancelled"
        case runCompleted = "run.completed"
        case runFailed = "run.failed"
        case rollbackRequested = "rollback.requested"
        case stepRolledBack = "step.rolled_back"
        case stepRollbackRefused = "step.rollback_refused"
        case rollbackCompleted = "rollback.completed"
        case rollbackIncomplete = "rollback.incomplete"
    }

    package var kind: Kind
    /// Always holds `run_id`; for `step.*` also `step_id`.
    package var data: JSONValue

    /// - Returns: `nil` for an event that is not a run's.
    package init?(type: String, data: JSONValue) {
        guard let kind = Kind(rawValue: type) else { return nil }
        self.kind = kind
        self.data = data
    }

    init(_ kind: Kind, _ runID: UUID, step: String? = nil, _ members: [String: JSONValue] = [:]) {
        self.kind = kind
        var data = members
        data["run_id"] = .string(runID.lowercased)
        if let step { data["step_id"] = .string(step) }
        self.data = .object(data)
    }

    package var type: String { kind.rawValue }
    package var stepID: String? { data["step_id"]?.stringValue }
    package var runID: UUID? { data["run_id"]?.stringValue.flatMap(UUID.init(uuidString:)) }

    package static func started(
        runID: UUID, planDigest: Digest, mode: RunMode, trigger: String
    ) -> RunEvent {
        RunEvent(
            .runStarted, runID,
            [
                "plan_digest": .string(planDigest.text), "mode": .string(mode.rawValue), "trigger": .string(trigger),
            ])
    }

    package static func paused(runID: UUID, reason: String) -> RunEvent {
        RunEvent(.runPaused, runID, ["reason": .string(reason)])
    }

    package static func resumed(runID: UUID, reason: String) -> RunEvent {
        RunEvent(.runResumed, runID, ["reason": .string(reason)])
    }

    package static func cancelled(runID: UUID, reason: String) -> RunEvent {
        RunEvent(.runCancelled, runID, ["reason": .string(reason)])
    }

    /// - Parameter stepIDs: empty: every step that can be restored.
    package static func rollbackRequested(
        runID: UUID, stepIDs: [String] = [], reason: String, reasonCode: String, onBehalfOf: String? = nil
    ) -> RunEvent {
        RunEvent(
            .rollbackRequested, runID,
            [
                "step_ids": .array(stepIDs.map { .string($0) }), "reason": .string(reason),
                "reason_code": .string(reasonCode), "on_behalf_of": onBehalfOf.map { .string($0) } ?? .null,
            ])
    }

    /// A person did a manual step, or Docket found the act applied.
    package static func executed(
        runID: UUID, stepID: String, outcome: ActOutcome, probed: Bool = false
    ) -> RunEvent {
        RunEvent(
            .stepExecuted, runID, step: stepID,
            ["output": outcome.output, "before": outcome.before, "after": outcome.after, "probed": .bool(probed)])
    }

    /// A manual step that the person declines, or a branch not taken.
    package static func skipped(runID: UUID, stepID: String, reason: String) -> RunEvent {
        RunEvent(.stepSkipped, runID, step: stepID, ["reason": .string(reason)])
    }

    static func failed(
        _ runID: UUID, _ step: String, code: String, message: String, applied: Bool, observed: JSONValue? = nil
    ) -> RunEvent {
        RunEvent(
            .stepFailed, runID, step: step,
            [
                "error": ["code": .string(code), "message": .string(message)], "applied": .bool(applied),
                "observed": observed ?? .null,
            ])
    }
}

package enum RunMode: String, Sendable, Codable {
    case live
    /// Everything but the act.
    case shadow
    /// Against the lab.
    case simulated
}
