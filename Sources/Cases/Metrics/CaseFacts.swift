package import Events
package import Runs

package import struct Foundation.UUID

/// What one case contributes to the figures: extracted once from the record, so that every metric and its drill-down
/// speak about the same numbers.
package struct CaseFacts: Codable, Sendable, Hashable {
    package var caseID: UUID
    package var severity: Severity
    package var pattern: String?
    package var queue: String
    package var region: String?
    package var environment: DeploymentEnvironment
    package var playbookID: String?
    package var playbookVersion: Int?
    package var verdict: Verdict?
    package var clockSuspect: Bool
    package var anchors: CaseAnchors
    package var alertCount: Int
    package var manualActions: Int
    package var humanTouches: Int
    package var isEnded: Bool
    package var escalationAgreed: Bool?
    package var runs: [RunFacts]
    package var clocks: [SLAClock]
    package var firstAlertAt: Instant?

    package struct RunFacts: Codable, Sendable, Hashable {
        package var id: UUID
        package var trigger: RunTrigger
        package var isLive: Bool
        package var startedAt: Instant
        package var startedEventID: UUID
        package var endedAt: Instant?
        package var endedEventID: UUID?
        package var isCompleted: Bool
        package var hasVerifiedContainment: Bool
        package var rollbackReason: RollbackReason?
    }

    package init(_ record: CaseRecord) {
        caseID = record.id
        severity = record.severity
        pattern = record.pattern
        queue = record.queue
        region = record.region
        environment = record.environment
        playbookID = record.plan?.playbook.id
        playbookVersion = record.plan?.playbook.version
        verdict = record.verdict
        clockSuspect = record.clockSuspect
        anchors = record.anchors
        alertCount = record.alerts.count
        manualActions = record.manualActions
        humanTouches = record.humanTouches
        isEnded = record.anchors.recoveredAt != nil || record.state.isClosed
        escalationAgreed = record.escalationAgreed
        clocks = record.sla
        runs = record.runs.map { run in
            RunFacts(
                id: run.id, trigger: run.trigger, isLive: run.mode == .live, startedAt: run.startedAt,
                startedEventID: run.startedEventID, endedAt: run.endedAt, endedEventID: run.endedEventID,
                isCompleted: run.completedAt != nil,
                hasVerifiedContainment: run.steps.contains { $0.actionClass.isContainment && $0.verifiedAt != nil },
                rollbackReason: run.rollback?.reasonCode)
        }
        firstAlertAt = record.anchors.firstAlertAt
    }
}
