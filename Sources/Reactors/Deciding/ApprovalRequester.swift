package import Cases
package import Events
package import Foundation
import JSON
import Runs

/// Asks for consent in Docket's own name: when the gate escalates with a plan, and anew when the evidence, the policy
/// or the playbook behind a pending request changed.
package struct ApprovalRequester: Reactor {
    package static let name = "approve"
    package static let interests: Set<EventType> = [.caseEscalated, .approvalInvalidated]
    /// Causes after which the same question is asked again with a plan made anew.
    static let renewing: Set<String> = ["evidence_changed", "evidence_stale", "plan_changed"]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        if event.kind == .approvalInvalidated {
            guard let cause = event.data["cause"]?.stringValue, Self.renewing.contains(cause) else { return .done }
        }
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name) { record in
            guard record.state == .escalated, record.activeRun == nil, record.approval?.state != .pending,
                !record.shadow,
                // What has just joined is told first; the gate comes by again after it.
                !record.needsEnrichment,
                let built = try PlanBuilder(registry: registry)
                    .rebuild(for: try await bench.cases.withEvidence(record))
            else { return [] }
            return try ApprovalRequest(record: record, registry: registry, built: built).decisions(
                id: UUID.v5(namespace: event.eventID, name: "approval"),
                by: Actor(kind: .service, subject: "docket.\(Self.name)", lane: .system),
                expiresAt: event.recordedAt.deadline(afterMs: registry.policy.approvals.defaultExpiryMs),
                reason: "The gate asks for people.")
        }
        return .done
    }
}

/// A request for approval, the same whoever asks: Docket or a person.
package struct ApprovalRequest: Sendable {
    private let record: CaseRecord
    private let registry: Registry
    private let built: PlanBuilder.Built

    package init(record: CaseRecord, registry: Registry, built: PlanBuilder.Built) {
        self.record = record
        self.registry = registry
        self.built = built
    }

    package func decisions(
        id: UUID, by requester: Actor, expiresAt: Instant, reason: String
    ) throws(Rejection) -> [Decision] {
        // People asked means at least one of them, whatever the matrix says.
        let level = max(Gate.level(of: built.plan, record: record, policy: registry.policy), .onePerson)
        var excluded: [ExcludedApprover] = []
        if let author = built.playbook.publishedBy, author.isHuman {
            excluded.append(ExcludedApprover(issuer: author.issuer, subject: author.subject, reason: .planAuthor))
        }
        return try record.requestApproval(
            id: id, plan: built.plan, actions: built.actions, requiredApprovals: level.requiredApprovals,
            requestedBy: requester, excluded: excluded,
            demands: EvidenceDemands(of: built.plan, policy: registry.policy), parameters: built.given,
            expiresAt: expiresAt, reason: reason)
    }
}
