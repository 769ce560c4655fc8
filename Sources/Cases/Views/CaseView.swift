package import Events
import Runs

package import struct Foundation.UUID

/// A case as the API shows it (contract §2). Nothing in it depends on the reader's clock.
package struct CaseView: Codable, Sendable, Hashable {
    package var id: UUID
    package var tenantID: UUID
    package var version: Int64
    package var asOfPosition: Int64
    package var title: String?
    package var state: CaseState
    package var phase: Phase
    package var onHold: Bool
    package var holdReason: String?
    package var legalHold: Bool
    package var shadow: Bool
    package var severity: Severity
    package var severityID: Int
    package var confidenceScore: Int?
    package var pattern: String?
    package var tier: Int
    package var queue: String
    package var assignee: Actor?
    package var environment: DeploymentEnvironment
    package var region: String?
    package var verdict: Verdict?
    package var verdictID: Int?
    package var closedBy: Actor?
    package var mergedInto: UUID?
    package var splitFrom: UUID?
    package var reopenCount: Int
    package var firstOccurredAt: Instant?
    package var openedAt: Instant?
    package var acknowledgedAt: Instant?
    package var escalatedAt: Instant?
    package var decidedAt: Instant?
    package var containedAt: Instant?
    package var recoveredAt: Instant?
    package var lastRecoveredAt: Instant?
    package var closedAt: Instant?
    package var learnedAt: Instant?
    package var updatedAt: Instant?
    package var alertCount: Int
    package var alertIDs: [UUID]
    package var entities: [CaseEntity]
    package var attackTechniques: [AttackTechnique]
    package var evidenceSummary: EvidenceSummary
    package var missingContext: [MissingContext]
    package var blockedActions: [BlockedAction]
    package var sla: [SLAView]
    package var recommendationID: UUID?
    package var gate: GateResult?
    package var approvalID: UUID?
    package var runIDs: [UUID]
    package var learning: CaseRecord.LearningCounts

    /// NIST SP 800-61r3 / CSF 2.0, derived.
    package enum Phase: String, Codable, Sendable, Hashable { case detect, analyze, contain, eradicate, recover, learn }

    package struct EvidenceSummary: Codable, Sendable, Hashable {
        package var present: Int
        package var missing: Int
        package var stale: Int
        package var oldestObservedAt: Instant?
    }

    package struct BlockedAction: Codable, Sendable, Hashable {
        package enum Reason: String, Codable, Sendable, Hashable {
            case missingEvidence = "missing_evidence"
            case staleEvidence = "stale_evidence"
            case approval
            case protectedEntity = "protected_entity"
            case environment, shadow
        }
        package var stepID: String
        package var actionClass: ActionClass
        package var reason: Reason
        package var detail: String
    }

    package struct SLAView: Codable, Sendable, Hashable {
        package var clock: String
        package var status: SLAClock.Status
        package var outcome: SLAClock.Outcome?
        package var startedAt: Instant
        package var targetMs: Int64
        package var atRiskAt: Instant
        package var dueAt: Instant
        package var pausedMs: Int64
        package var pauseReason: String?
        package var breachedAt: Instant?
        package var endedAt: Instant?
    }
}

extension CaseView {
    /// - Parameter position: up to where the log was read.
    package init(_ record: CaseRecord, asOf position: Int64) {
        let evidence = record.evidenceList(plan: record.plan, demands: record.demands)
        id = record.id
        tenantID = record.tenant
        version = record.version
        asOfPosition = position
        title = record.title
        state = record.state
        phase = Self.phase(of: record)
        onHold = record.onHold
        holdReason = record.holdReason
        legalHold = record.legalHold
        shadow = record.shadow
        severity = record.severity
        severityID = record.severity.id
        confidenceScore = record.confidenceScore
        pattern = record.pattern
        tier = record.tier
        queue = record.queue
        assignee = record.assignee
        environment = record.environment
        region = record.region
        verdict = record.verdict
        verdictID = record.verdict?.id
        closedBy = record.closedBy
        mergedInto = record.mergedInto
        splitFrom = record.splitFrom
        reopenCount = record.reopenCount
        firstOccurredAt = record.anchors.firstOccurredAt
        openedAt = record.anchors.openedAt
        acknowledgedAt = record.anchors.acknowledgedAt
        escalatedAt = record.anchors.escalatedAt
        decidedAt = record.anchors.decidedAt
        containedAt = record.anchors.containedAt
        recoveredAt = record.anchors.recoveredAt
        lastRecoveredAt = record.anchors.lastRecoveredAt
        closedAt = record.anchors.closedAt
        learnedAt = record.anchors.learnedAt
        updatedAt = record.anchors.updatedAt
        alertCount = record.alerts.count
        alertIDs = record.alerts.prefix(100).map(\.alertID)
        entities = record.entities
        attackTechniques = record.attackTechniques
        evidenceSummary = EvidenceSummary(
            present: evidence.count { $0.status == .present }, missing: evidence.count { $0.status == .missing },
            stale: evidence.count { $0.status == .stale }, oldestObservedAt: evidence.compactMap(\.observedAt).min())
        missingContext = record.missingContext
        blockedActions = Self.blocked(in: record)
        sla = record.sla.map {
            SLAView(
                clock: $0.clock, status: $0.status, outcome: $0.outcome, startedAt: $0.startedAt, targetMs: $0.targetMs,
                atRiskAt: $0.atRiskAt, dueAt: $0.dueAt, pausedMs: $0.pausedMs, pauseReason: $0.pauseReason,
                breachedAt: $0.breachedAt, endedAt: $0.endedAt)
        }
        recommendationID = record.recommendation?.id
        gate = record.gate
        approvalID = record.approval?.id
        runIDs = record.runs.map(\.id)
        learning = record.learning
    }

    private static func phase(of record: CaseRecord) -> Phase {
        switch record.state {
        case .normalized: .detect
        case .enriched, .correlated, .recommended, .escalated: .analyze
        case .approved, .executing: .contain
        case .executed, .rollingBack, .rolledBack: .eradicate
        case .recovered: .recover
        case .closed, .learned: .learn
        }
    }

    /// Actions of the current plan that cannot run now, with the first thing that stands in the way.
    private static func blocked(in record: CaseRecord) -> [BlockedAction] {
        guard let plan = record.plan, record.state.isBeforeExecuting, record.state != .approved else { return [] }
        let missing = record.missingEvidence(plan: plan, demands: record.demands)
        return plan.steps.compactMap { step in
            func because(_ reason: BlockedAction.Reason, _ detail: String) -> BlockedAction {
                BlockedAction(stepID: step.stepID, actionClass: step.actionClass, reason: reason, detail: detail)
            }
            let lacking = missing.filter { $0.requiredBy.contains(step.actionClass) }
            if !lacking.isEmpty {
                let kinds = lacking.map(\.kind.rawValue).joined(separator: ", ")
                return because(
                    lacking.contains { $0.status == .missing } ? .missingEvidence : .staleEvidence, "needs \(kinds)")
            }
            if record.shadow { return because(.shadow, "the playbook only watches") }
            if let conflict = record.conflicts.first {
                return because(
                    conflict.kind == .protectedEntity ? .protectedEntity : .environment,
                    "\(conflict.kind.rawValue): \(conflict.name ?? "(erased)")")
            }
            guard let approval = record.approval, approval.state == .pending else {
                return record.gate == nil ? nil : because(.approval, "nobody has agreed to this plan")
            }
            return because(.approval, "\(approval.approvedCount) of \(approval.requiredApprovals) people have agreed")
        }
    }
}
