package import Events
import Runs

import struct Foundation.UUID

extension EventType {
    /// The type that readers decode this event's data as; `nil` when they look at single members and pass over what is
    /// not as expected.
    ///
    /// The log decodes each payload as this type before it writes it, so that no event is recorded that stops its own
    /// readers. Exhaustive on purpose: a new event type does not compile until somebody has thought about it.
    package var payload: (any Decodable.Type)? {
        switch self {
        case .alertIngested, .alertUpdated: AlertReference.self
        case .alertNormalized: NormalizedAlert.self
        case .alertDeduplicated: AlertRepetitions.self
        case .alertEnriched: AlertDisposition.self
        case .detectionMatched: DetectionMatched.self
        case .correlationMatched: CorrelationMatched.self
        case .caseOpened: CaseOpened.self
        case .caseAlertLinked: CaseAlertLinked.self
        case .caseAlertUnlinked: AlertReference.self
        case .caseEnriched: CaseEnriched.self
        case .caseCorrelated: CaseCorrelated.self
        case .caseMerged: CaseMerged.self
        case .caseSplit: CaseSplit.self
        case .evidenceAdded: EvidenceAdded.self
        case .evidenceExpired: EvidenceExpired.self
        case .caseRecommended: CaseRecommended.self
        case .gateEvaluated: GateEvaluated.self
        case .gateAutoApproved: GateAutoApproved.self
        case .caseEscalated: CaseEscalated.self
        case .approvalRequested: ApprovalRequested.self
        case .approvalGranted, .approvalDenied: ApprovalDecided.self
        case .approvalQuorumReached: ApprovalQuorumReached.self
        case .approvalExpired, .approvalInvalidated: ApprovalEnded.self
        case .approvalDecisionRefused: ApprovalDecisionRefused.self
        case .standingApprovalProposed, .standingApprovalGranted: StandingApproval.self
        case .runStarted: RunStarted.self
        case .runPaused, .runResumed, .runCancelled: RunControl.self
        case .rollbackRequested: RollbackRequested.self
        case .runCompleted: RunEnded.self
        case .runFailed: RunFailed.self
        case .stepPrepared: StepPrepared.self
        case .stepExecuted: StepExecuted.self
        case .stepVerified: StepVerified.self
        case .stepFailed: StepFailed.self
        case .stepRetried: StepRetried.self
        case .stepOutcomeUnknown: StepOutcomeUnknown.self
        case .stepSkipped: StepSkipped.self
        case .stepRolledBack: StepRolledBack.self
        case .stepRollbackRefused: StepRollbackRefused.self
        case .rollbackCompleted, .rollbackIncomplete: RollbackEnded.self
        case .caseAssigned: CaseAssigned.self
        case .caseSeverityChanged: CaseSeverityChanged.self
        case .caseRetitled: CaseRetitled.self
        case .caseCommented: CaseCommented.self
        case .caseHeld, .caseResumed, .caseRecovered, .caseReopened: ReasonGiven.self
        case .caseClosed: CaseClosed.self
        case .reviewRequested: ReviewRequested.self
        case .reviewCompleted: ReviewCompleted.self
        case .slaStarted, .slaPaused, .slaResumed, .slaAtRisk, .slaMet, .slaBreached, .slaCancelled, .slaRetargeted:
            SLAClockEvent.self
        case .tokenCreated: Token.self
        case .connectorChanged: ConnectorSettings.self
        case .policyProposed: PolicyProposal.self
        case .policyApproved: PolicyApproved.self
        case .playbookPublished: PublishedPlaybook.self
        case .playbookPromotionProposed, .playbookPromoted, .playbookDemoted: PlaybookModeChanged.self
        case .rulePublished: RulePublished.self
        case .ruleRetired: RuleRetired.self
        case .assetRegistered: Asset.self
        case .calendarChanged: CalendarChanged.self
        case .evidenceExported: EvidenceExported.self
        case .subjectErased: SubjectErased.self
        case .historyImported: HistoryImported.self
        case .alertRejected, .alertRetried, .standingApprovalRevoked, .standingApprovalExpired, .automationHalted,
            .automationResumed, .containmentExpired, .runShadowed, .drillCompleted, .ownerNotified, .ownerAcknowledged,
            .ownerObjected, .caseUnassigned, .caseViewed, .feedbackRecorded, .clockObserved, .learningProposed,
            .learningAccepted, .learningDeclined, .caseLearned, .tenantCreated, .tokenRevoked, .mappingChanged,
            .keyRotated, .checkpointRecorded, .policyReviewed, .identityRegistered, .indicatorAdded, .accessGranted,
            .accessRevoked, .accessDenied, .auditRead, .legalHoldPlaced, .legalHoldLifted, .modelCalled:
            nil
        }
    }
}

/// The member of an alert's arrival, and of its leaving a case, that every reader needs.
private struct AlertReference: Decodable {
    var alertID: UUID
}

/// `alert.deduplicated`.
private struct AlertRepetitions: Decodable {
    struct Item: Decodable {
        var alertID: UUID
        var count: Int64
    }

    var items: [Item]
}
