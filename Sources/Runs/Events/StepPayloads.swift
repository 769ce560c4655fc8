package import Events
package import JSON

package import struct Foundation.UUID

// What is optional here, though it is always written, may have been erased.

/// `step.prepared`: the state before, durable before the world is touched.
package struct StepPrepared: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var preState: JSONValue?
    package var parameters: JSONValue?
    package var idempotencyKey: UUID?

    package init(runID: UUID, stepID: String, preState: JSONValue, parameters: JSONValue, idempotencyKey: UUID) {
        self.runID = runID
        self.stepID = stepID
        self.preState = preState
        self.parameters = parameters
        self.idempotencyKey = idempotencyKey
    }
}

/// `step.executed`: the act had its effect, as its answer or a probe says.
package struct StepExecuted: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var output: JSONValue?
    package var before: JSONValue?
    package var after: JSONValue?
    /// A probe told, because the answer was lost.
    package var probed: Bool?

    package init(runID: UUID, stepID: String, outcome: ActOutcome, probed: Bool = false) {
        self.runID = runID
        self.stepID = stepID
        output = outcome.output
        before = outcome.before
        after = outcome.after
        self.probed = probed
    }
}

/// `step.verified`: the effect was seen on the fresh object.
package struct StepVerified: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var observed: JSONValue?

    package init(runID: UUID, stepID: String, observed: JSONValue) {
        self.runID = runID
        self.stepID = stepID
        self.observed = observed
    }
}

/// `step.failed`.
package struct StepFailed: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var error: RunFailure?
    /// The act had its effect all the same, and can be undone.
    package var applied: Bool?
    package var observed: JSONValue?

    package init(
        runID: UUID, stepID: String, code: String, message: String, applied: Bool, observed: JSONValue? = nil
    ) {
        self.runID = runID
        self.stepID = stepID
        error = RunFailure(code: code, message: message)
        self.applied = applied
        self.observed = observed
    }
}

/// `step.retried`: a probe found nothing, and the act is sent again under the same key.
package struct StepRetried: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var reason: String?

    package init(runID: UUID, stepID: String, reason: String) {
        self.runID = runID
        self.stepID = stepID
        self.reason = reason
    }
}

/// `step.outcome_unknown`: nobody can tell yet whether the act, or its undo, has its effect.
package struct StepOutcomeUnknown: StepPayload {
    package enum During: String, Codable, Sendable, Hashable { case act, rollback }

    package var runID: UUID
    package var stepID: String
    package var error: RunFailure?
    package var idempotencyKey: UUID?
    package var during: During?

    package init(runID: UUID, stepID: String, message: String, idempotencyKey: UUID, during: During) {
        self.runID = runID
        self.stepID = stepID
        error = RunFailure(code: "outcome-unknown", message: message)
        self.idempotencyKey = idempotencyKey
        self.during = during
    }
}

/// `step.skipped`: a branch not taken, nothing to do, declined by a person, or shadow mode.
package struct StepSkipped: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var reason: String?
    /// What would have been captured and sent, in shadow mode.
    package var preState: JSONValue?
    package var parameters: JSONValue?

    package init(
        runID: UUID, stepID: String, reason: String, preState: JSONValue? = nil, parameters: JSONValue? = nil
    ) {
        self.runID = runID
        self.stepID = stepID
        self.reason = reason
        self.preState = preState
        self.parameters = parameters
    }
}

/// `step.rolled_back`: the object was read again and is what it was before the act.
package struct StepRolledBack: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var restoredDigest: Digest?

    package init(runID: UUID, stepID: String, restoredDigest: Digest) {
        self.runID = runID
        self.stepID = stepID
        self.restoredDigest = restoredDigest
    }
}

/// `step.rollback_refused`: drift, an undo that did not restore, or a refusal of the other side.
package struct StepRollbackRefused: StepPayload {
    package var runID: UUID
    package var stepID: String
    package var reason: String?
    package var expected: JSONValue?
    package var found: JSONValue?

    package init(runID: UUID, stepID: String, reason: String, expected: JSONValue, found: JSONValue) {
        self.runID = runID
        self.stepID = stepID
        self.reason = reason
        self.expected = expected
        self.found = found
    }
}
