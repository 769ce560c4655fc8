package import Events

package import struct Foundation.UUID

package struct RunStarted: Payload {
    package static let type = EventType.runStarted
    package var runID: UUID
    package var approvalID: UUID?
    package var planDigest: Digest
    package var plan: Plan?
    package var mode: RunMode
    package var trigger: RunTrigger
}

/// `run.paused`, `run.resumed`, `run.cancelled`.
package struct RunControl: Codable, Sendable, Hashable {
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

package struct RollbackIncomplete: Payload {
    package static let type = EventType.rollbackIncomplete
    package var runID: UUID
    package var unrestoredStepIDs: [String]
}
