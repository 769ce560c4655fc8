package import Events

package import struct Foundation.UUID

// What is optional here, though it is always written, may have been erased.

/// `run.started`.
package struct RunStarted: RunPayload {
    package var runID: UUID
    package var approvalID: UUID?
    package var planDigest: Digest
    package var plan: Plan?
    package var mode: RunMode
    package var trigger: RunTrigger

    package init(runID: UUID, approvalID: UUID?, planDigest: Digest, plan: Plan?, mode: RunMode, trigger: RunTrigger) {
        self.runID = runID
        self.approvalID = approvalID
        self.planDigest = planDigest
        self.plan = plan
        self.mode = mode
        self.trigger = trigger
    }
}

/// `run.paused`, `run.resumed`, `run.cancelled`.
package struct RunControl: RunPayload {
    package var runID: UUID
    package var reason: String?

    package init(runID: UUID, reason: String?) {
        self.runID = runID
        self.reason = reason
    }
}

/// `run.completed`.
package struct RunEnded: RunPayload {
    package var runID: UUID

    package init(runID: UUID) { self.runID = runID }
}

/// `run.failed`: the step that failed first, and why.
package struct RunFailed: RunPayload {
    package var runID: UUID
    package var failedStepID: String?
    package var error: RunFailure?
    package var reason: String?

    package init(runID: UUID, failedStepID: String, error: RunFailure?) {
        self.runID = runID
        self.failedStepID = failedStepID
        self.error = error
    }
}

/// Why something in a run failed: a stable code and a sentence.
package struct RunFailure: Codable, Sendable, Hashable {
    package var code: String
    package var message: String?

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// `rollback.requested`.
package struct RollbackRequested: RunPayload {
    package var runID: UUID
    /// The steps to undo. Empty means all: which steps that are, the run says at each moment, because an act may be under
    /// way when the request comes.
    package var stepIDs: [String]
    package var reason: String?
    package var reasonCode: RollbackReason
    package var onBehalfOf: String?

    package init(runID: UUID, stepIDs: [String], reason: String?, reasonCode: RollbackReason, onBehalfOf: String?) {
        self.runID = runID
        self.stepIDs = stepIDs
        self.reason = reason
        self.reasonCode = reasonCode
        self.onBehalfOf = onBehalfOf
    }
}

/// `rollback.completed`, `rollback.incomplete`: what became of each step that was to be undone.
package struct RollbackEnded: RunPayload {
    package var runID: UUID
    /// Steps whose effect stands or may stand, in plan order; empty after `rollback.completed`.
    package var unrestoredStepIDs: [String]?
    /// One entry for each step that the request was about.
    package var steps: [StepResult]?

    package struct StepResult: Codable, Sendable, Hashable {
        package var stepID: String
        package var outcome: Outcome

        package init(stepID: String, outcome: Outcome) {
            self.stepID = stepID
            self.outcome = outcome
        }
    }

    package enum Outcome: String, Codable, Sendable, Hashable, CaseIterable {
        /// The world was compared with the state before the act.
        case restored
        /// The act never had an effect, so there was nothing to restore.
        case notApplied = "not_applied"
        /// The undo was refused, or the world is not as the act left it.
        case refused
        /// Nobody can tell whether the act, or its undo, had its effect.
        case unknown
        /// The other side could not be reached.
        case unreachable
        /// A later step depends on it and stands.
        case blocked
        /// The plan has no undo for it.
        case irreversible
    }

    package init(runID: UUID, unrestoredStepIDs: [String], steps: [StepResult]) {
        self.runID = runID
        self.unrestoredStepIDs = unrestoredStepIDs
        self.steps = steps
    }
}
