package import Events
package import JSON
package import Runs

package import struct Foundation.UUID

package struct ApprovalRequested: Payload {
    package static let type = EventType.approvalRequested
    package var approvalID: UUID
    package var planDigest: Digest
    package var plan: Plan?
    package var actions: [PlannedAction]?
    package var requiredApprovals: Int
    package var expiresAt: Instant
    package var excluded: [ExcludedApprover]
    package var demands: EvidenceDemands
    /// What the requester filled into the playbook.
    package var parameters: JSONValue
    package var reason: String?
}

/// `approval.granted` and `approval.denied`.
package struct ApprovalDecided: Codable, Sendable, Hashable {
    package var approvalID: UUID
    package var planDigest: Digest
    package var reason: String?
}

package struct ApprovalQuorumReached: Payload {
    package static let type = EventType.approvalQuorumReached
    package var approvalID: UUID
    package var planDigest: Digest
}

/// `approval.expired` and `approval.invalidated`.
package struct ApprovalEnded: Codable, Sendable, Hashable {
    package var approvalID: UUID
    package var cause: String
}

package struct ApprovalDecisionRefused: Payload {
    package static let type = EventType.approvalDecisionRefused
    package var approvalID: UUID
    package var decision: String
    /// The problem type's name.
    package var refusal: String
    package var reason: String?
}
