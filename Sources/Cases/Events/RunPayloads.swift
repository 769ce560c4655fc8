package import Events
package import struct Foundation.UUID
package import JSON

package struct RunStarted: Payload {
    package static let type = EventType.runStarted
    package var runID: UUID
    package var approvalID: UUID?
    package var planDigest: Digest
    package var plan: Plan?
    package var mode: RunMode
    package var trigger: RunTrigger
}

package struct StepPrepared: Payload {
    package static let type = EventType.stepPrepared
    package var runID: UUID
    package var stepID: String
    package var idempotencyKey: UUID
    package var targets: [StepTarget]
    package var parameters: JSONValue
    package var preState: JSONValue

    /// An entity whose value may have been erased.
    package struct StepTarget: Codable, Sendable, Hashable {
        package var type: Entity.EntityType
        package var value: String?
        package var role: Entity.Role
    }
}

package struct StepExecuted: Payload {
    package static let type = EventType.stepExecuted
    package var runID: UUID
    package var stepID: String
    package var output: JSONValue
    /// How often the connector was asked before it answered.
    package var attempts: Int
}

package struct StepVerified: Payload {
    package static let type = EventType.stepVerified
    package var runID: UUID
    package var stepID: String
    package var observed: JSONValue
}

/// `step.failed`, `step.retried`, `step.outcome_unknown`.
package struct StepTrouble: Codable, Sendable, Hashable {
    package var runID: UUID
    package var stepID: String
    package var code: String
    package var message: String?
}

package struct StepSkipped: Payload {
    package static let type = EventType.stepSkipped
    package var runID: UUID
    package var stepID: String
    package var reason: String?
}

/// `run.paused`, `run.resumed`, `run.cancelled`, `run.failed`, `run.completed`, `rollback.completed`.
package struct RunEvent: Codable, Sendable, Hashable {
    package var runID: UUID
    package var reason: String?
}

package struct RollbackRequested: Payload {
    package static let type = EventType.rollbackRequested
    package var runID: UUID
    /// In the order in which they will be undone.
    package var stepIDs: [String]
    package var reason: String?
    package var reasonCode: RollbackReason
    package var onBehalfOf: String?
}

package struct StepRolledBack: Payload {
    package static let type = EventType.stepRolledBack
    package var runID: UUID
    package var stepID: String
    /// SHA-256 of the canonical JSON of the state found after the restore.
    package var restoredDigest: Digest
}

package struct StepRollbackRefused: Payload {
    package static let type = EventType.stepRollbackRefused
    package var runID: UUID
    package var stepID: String
    package var expected: JSONValue
    package var found: JSONValue
}

package struct RollbackIncomplete: Payload {
    package static let type = EventType.rollbackIncomplete
    package var runID: UUID
    package var unrestoredStepIDs: [String]
    package var reason: String
}
