package import Events
package import JSON
package import Runs

package import struct Foundation.UUID

/// An approval as the API shows it (contract §6): everything that the approver decides on.
package struct ApprovalView: Codable, Sendable, Hashable {
    package var id: UUID
    package var version: Int64
    package var caseID: UUID
    package var state: ApprovalState
    package var requiredApprovals: Int
    package var approvedCount: Int
    package var requestedAt: Instant
    package var requestedBy: Actor
    package var expiresAt: Instant
    package var planDigest: Digest
    package var runID: UUID?
    package var stateReason: String?
    package var excluded: [ExcludedApprover]
    package var missingEvidence: [MissingEvidence]
    package var decisions: [Approval.Vote]
    package var plan: Plan?
    package var gate: GateResult?
    package var evidence: [EvidenceView]
    package var actions: [PlannedAction]
    package var asOfPosition: Int64

    package init(_ approval: Approval, of record: CaseRecord, asOf position: Int64) {
        id = approval.id
        version = approval.version
        caseID = record.id
        state = approval.state
        requiredApprovals = approval.requiredApprovals
        approvedCount = approval.approvedCount
        requestedAt = approval.requestedAt
        requestedBy = approval.requestedBy
        expiresAt = approval.expiresAt
        planDigest = approval.planDigest
        runID = approval.runID
        stateReason = approval.stateReason
        excluded = approval.excluded
        missingEvidence = record.missingEvidence(plan: approval.plan, demands: approval.demands)
        decisions = approval.decisions
        plan = approval.plan
        gate = record.gate
        evidence = record.evidenceList(plan: approval.plan, demands: approval.demands)
        actions = approval.actions
        asOfPosition = position
    }
}

/// A run as the API shows it (contract §7).
package struct RunView: Codable, Sendable, Hashable {
    package struct PlaybookVersion: Codable, Sendable, Hashable {
        package var id: String
        package var version: Int
    }

    package var id: UUID
    package var version: Int64
    package var caseID: UUID
    package var approvalID: UUID?
    package var planDigest: Digest
    package var playbook: PlaybookVersion?
    package var mode: RunMode
    package var trigger: RunTrigger
    package var state: RunState
    package var startedAt: Instant
    package var endedAt: Instant?
    package var durationMs: Int64?
    package var rollback: Run.Rollback?
    package var reason: String?
    package var asOfPosition: Int64

    package init(_ run: Run, asOf position: Int64) {
        id = run.id
        version = run.version
        caseID = run.caseID
        approvalID = run.approvalID
        planDigest = run.planDigest
        playbook = run.plan.map { PlaybookVersion(id: $0.playbook.id, version: $0.playbook.version) }
        mode = run.mode
        trigger = run.trigger
        state = run.state
        startedAt = run.startedAt
        endedAt = run.endedAt
        durationMs = run.endedAt.map { $0.milliseconds(since: run.startedAt) }
        rollback = run.rollback
        reason = run.reason
        asOfPosition = position
    }
}

/// A step as the API shows it (contract §7).
package struct StepView: Codable, Sendable, Hashable {
    package var runID: UUID
    package var stepID: String
    package var name: String
    package var actionClass: ActionClass
    package var state: StepState
    package var attempts: Int
    package var idempotencyKey: UUID?
    package var targets: [Entity]
    package var parameters: JSONValue
    package var preState: JSONValue
    package var output: JSONValue
    package var observed: JSONValue
    package var error: RunFailure?
    package var preparedAt: Instant?
    package var executedAt: Instant?
    package var verifiedAt: Instant?
    package var rolledBackAt: Instant?
    package var expiresAt: Instant?
    package var eventIDs: [UUID]

    package init(_ step: RunStep, run: UUID) {
        runID = run
        stepID = step.stepID
        name = step.name
        actionClass = step.actionClass
        state = step.state
        attempts = step.attempts
        idempotencyKey = step.idempotencyKey
        targets = step.targets
        parameters = step.parameters
        preState = step.preState
        output = step.output
        observed = step.observed
        error = step.error
        preparedAt = step.preparedAt
        executedAt = step.executedAt
        verifiedAt = step.verifiedAt
        rolledBackAt = step.rolledBackAt
        expiresAt = step.expiresAt
        eventIDs = step.eventIDs
    }
}
