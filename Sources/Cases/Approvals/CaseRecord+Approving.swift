package import Events
package import JSON
package import Runs

package import struct Foundation.UUID

/// The rules of consent (domain.md §5). Each refusal is an event; which one is told to the asker has a fixed order:
/// role (by the permit), not pending, self or excluded, already decided, digest, evidence.
extension CaseRecord {
    /// The outcome of somebody's decision on an approval. A refusal has events too: it is part of the history.
    package struct ApprovalOutcome: Sendable {
        package var decisions: [Decision]
        package var rejection: Rejection?
    }

    package func decide(
        approval id: UUID, _ choice: Approval.Vote.Choice, reason: String, planDigest: Digest,
        by permit: Permit<Respond>, registry: Registry, at now: Instant
    ) throws(Rejection) -> ApprovalOutcome {
        guard let approval = approval(id) else { throw .notFound }
        let identity = permit.principal.identity
        func refused(_ rejection: Rejection, _ name: String, first: [Decision] = []) -> ApprovalOutcome {
            ApprovalOutcome(
                decisions: first + [
                    Decision(
                        ApprovalDecisionRefused(
                            approvalID: id, decision: choice.rawValue, refusal: name, reason: reason))
                ],
                rejection: rejection)
        }
        if approval.state == .pending, now >= approval.expiresAt {
            return refused(
                .approvalNotPending(state: .expired), "approval-not-pending", first: [expiry(of: approval)])
        }
        guard approval.state == .pending else {
            return refused(.approvalNotPending(state: approval.state), "approval-not-pending")
        }
        if approval.requestedBy.identity == identity { return refused(.selfApproval, "self-approval") }
        if let exclusion = exclusion(of: identity, from: approval, registry: registry) {
            return refused(.approverExcluded(reason: exclusion.rawValue), "approver-excluded")
        }
        if approval.decisions.contains(where: { $0.actor.identity == identity }) {
            return refused(.alreadyDecided, "already-decided")
        }
        guard planDigest == approval.planDigest else {
            return refused(.planDigestMismatch(current: approval.planDigest), "plan-digest-mismatch")
        }
        if choice == .approve {
            let missing = missingEvidence(plan: approval.plan, demands: approval.demands)
            guard missing.isEmpty else { return refused(.evidenceMissing(missing), "evidence-missing") }
        }
        return ApprovalOutcome(decisions: vote(choice, on: approval, reason: reason), rejection: nil)
    }

    private func vote(_ choice: Approval.Vote.Choice, on approval: Approval, reason: String) -> [Decision] {
        let decided = ApprovalDecided(approvalID: approval.id, planDigest: approval.planDigest, reason: reason)
        guard choice == .approve else { return [Decision(type: .approvalDenied, decided)] }
        var decisions = [Decision(type: .approvalGranted, decided)]
        if approval.approvedCount + 1 >= approval.requiredApprovals {
            decisions.append(
                Decision(ApprovalQuorumReached(approvalID: approval.id, planDigest: approval.planDigest)))
        }
        return decisions
    }

    private func exclusion(
        of identity: Identity, from approval: Approval, registry: Registry
    ) -> ExcludedApprover.Reason? {
        if let excluded = approval.excluded.first(where: { $0.identity == identity }) { return excluded.reason }
        // Whoever made this person an approver must not be the one who asks, nor another approver of the same plan; and
        // whoever made an approver one must not come after, or the order of coming would decide.
        let approvers = approval.decisions.filter { $0.decision == .approve }.map(\.actor.identity)
        let grantors = [approval.requestedBy.identity] + approvers
        let isGranted = registry.grants.contains { grant in
            let isBetween =
                grant.grantee == identity && grantors.contains(grant.grantor)
                || grant.grantor == identity && approvers.contains(grant.grantee)
            return isBetween && grant.grantor != grant.grantee && !Set(grant.roles).isDisjoint(with: Respond.roles)
        }
        return isGranted ? .grantedRoleToApprover : nil
    }

    /// Asks for consent to a plan. A request that is still pending is replaced.
    ///
    /// - Parameter excluded: recommender and plan author; the requester is added here when it is a person.
    package func requestApproval(
        id: UUID, plan: Plan, actions: [PlannedAction], requiredApprovals: Int, requestedBy: Actor,
        excluded: [ExcludedApprover], demands: EvidenceDemands, parameters: JSONValue, expiresAt: Instant,
        reason: String?
    ) throws(Rejection) -> [Decision] {
        try requireLegal(.requestApproval)
        guard activeRun == nil else { throw illegal(.requestApproval) }
        var excluded = excluded
        if requestedBy.isHuman {
            excluded.append(
                ExcludedApprover(issuer: requestedBy.issuer, subject: requestedBy.subject, reason: .requester))
        }
        return (approval?.state == .pending ? invalidatingApproval(cause: "superseded") : []) + [
            Decision(
                ApprovalRequested(
                    approvalID: id, planDigest: plan.digest, plan: plan, actions: actions,
                    requiredApprovals: max(1, requiredApprovals), expiresAt: expiresAt, excluded: excluded,
                    demands: demands, parameters: parameters, reason: reason))
        ]
    }

    package func expiry(of approval: Approval) -> Decision {
        Decision(type: .approvalExpired, ApprovalEnded(approvalID: approval.id, cause: "expired"))
    }
}
