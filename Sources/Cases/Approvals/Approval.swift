package import Events
import JSON
package import Runs

package import struct Foundation.UUID

/// One request for consent to one exact plan.
package struct Approval: Codable, Sendable, Hashable {
    package struct Vote: Codable, Sendable, Hashable {
        package enum Choice: String, Codable, Sendable, Hashable { case approve, deny }
        package var decision: Choice
        package var actor: Actor
        package var reason: String?
        package var decidedAt: Instant
        package var planDigest: Digest
        package var eventID: UUID
    }

    package var id: UUID
    /// The case stream's version at the approval's last event.
    package var version: Int64
    package var state: ApprovalState
    package var requiredApprovals: Int
    package var requestedAt: Instant
    package var requestedBy: Actor
    package var expiresAt: Instant
    package var planDigest: Digest
    package var plan: Plan?
    package var actions: [PlannedAction]
    package var runID: UUID?
    package var stateReason: String?
    package var excluded: [ExcludedApprover]
    package var demands: EvidenceDemands
    package var decisions: [Vote]

    package var approvedCount: Int { decisions.filter { $0.decision == .approve }.count }
}

package struct ExcludedApprover: Codable, Sendable, Hashable {
    package enum Reason: String, Codable, Sendable, Hashable {
        case requester, recommender
        case planAuthor = "plan_author"
        case grantedRoleToApprover = "granted_role_to_approver"
    }

    package var issuer: String
    package var subject: String
    package var reason: Reason

    package init(issuer: String, subject: String, reason: Reason) {
        self.issuer = issuer
        self.subject = subject
        self.reason = reason
    }

    package var identity: Identity { Identity(issuer: issuer, subject: subject) }
}

extension CaseRecord {
    mutating func applyApproval(_ kind: EventType, _ event: Event) throws {
        switch kind {
        case .approvalRequested:
            let payload: ApprovalRequested = try event.payload()
            approvals.append(
                Approval(
                    id: payload.approvalID, version: event.version, state: .pending,
                    requiredApprovals: payload.requiredApprovals, requestedAt: event.recordedAt,
                    requestedBy: event.actor, expiresAt: payload.expiresAt, planDigest: payload.planDigest,
                    plan: payload.plan, actions: payload.actions ?? [], runID: nil, stateReason: nil,
                    excluded: payload.excluded, demands: payload.demands, decisions: []))
            demands = payload.demands
            givenParameters = payload.parameters
            plan = payload.plan ?? plan
        case .approvalGranted, .approvalDenied:
            let payload: ApprovalDecided = try event.data.decode()
            let approves = kind == .approvalGranted
            try updateApproval(payload.approvalID, event) { approval in
                approval.decisions.append(
                    Approval.Vote(
                        decision: approves ? .approve : .deny, actor: event.actor, reason: payload.reason,
                        decidedAt: event.recordedAt, planDigest: payload.planDigest, eventID: event.eventID))
                if !approves {
                    approval.state = .denied
                    approval.stateReason = payload.reason
                }
            }
            if !approves { decided(agreed: false, event) }
        case .approvalQuorumReached:
            let payload: ApprovalQuorumReached = try event.payload()
            try updateApproval(payload.approvalID, event) { $0.state = .granted }
            decided(agreed: true, event)
        case .approvalExpired, .approvalInvalidated:
            let payload: ApprovalEnded = try event.data.decode()
            try updateApproval(payload.approvalID, event) { approval in
                approval.state = kind == .approvalExpired ? .expired : .invalidated
                approval.stateReason = payload.cause
            }
        default: break
        }
    }

    /// The first answer to an escalation: one voice of two is none yet.
    private mutating func decided(agreed: Bool, _ event: Event) {
        anchor(\.decidedAt, "decided", event, first: true)
        escalationAgreed = escalationAgreed ?? agreed
    }

    private mutating func updateApproval(_ id: UUID, _ event: Event, _ change: (inout Approval) -> Void) throws {
        guard let index = approvals.firstIndex(where: { $0.id == id }) else { return }
        change(&approvals[index])
        approvals[index].version = event.version
    }
}
