/// The members of each event type that can hold personal data. They leave the body when the event is appended and live
/// sealed under a key that can be deleted, which is the erasure.
///
/// Exhaustive on purpose: a new event type does not compile until somebody has thought about it.
package struct SealedMember: Sendable, Hashable {
    /// Whose key seals the value.
    package enum Subject: Sendable, Hashable {
        /// A key of its own: free text and raw content.
        case item
        /// The key of the entity that the value names: erasing the entity erases every mention.
        case entity
    }

    /// JSON Pointer from the event's root; the token `*` stands for every element.
    package var pointer: String
    package var subject: Subject

    package init(_ pointer: String, _ subject: Subject) {
        self.pointer = pointer
        self.subject = subject
    }
}

extension EventType {
    package var sealedMembers: [SealedMember] {
        switch self {
        case .alertIngested, .alertUpdated:
            [SealedMember("/data/source_ref", .item)]
        case .alertNormalized:
            [
                SealedMember("/data/title", .item), SealedMember("/data/description", .item),
                SealedMember("/data/source_ref", .item), SealedMember("/data/source_url", .item),
                SealedMember("/data/entities/*/value", .entity), SealedMember("/data/evidence/*/data", .item),
                SealedMember("/data/unmapped", .item), SealedMember("/data/ocsf", .item),
            ]
        case .alertRejected: [SealedMember("/data/source_ref", .item), SealedMember("/data/errors", .item)]
        case .detectionMatched, .correlationMatched: [SealedMember("/data/matches", .item)]
        case .alertEnriched: [SealedMember("/data/context", .item)]
        case .caseOpened: [SealedMember("/data/title", .item)]
        case .caseAlertLinked: [SealedMember("/data/shared_entities/*/value", .entity)]
        case .caseEnriched:
            [
                SealedMember("/data/entities/*/value", .entity), SealedMember("/data/evidence/*/data", .item),
                SealedMember("/data/evidence/*/summary", .item), SealedMember("/data/missing_context/*/entity", .item),
            ]
        case .caseCorrelated: [SealedMember("/data/timeline/*/text", .item)]
        case .evidenceAdded: [SealedMember("/data/item/data", .item), SealedMember("/data/item/summary", .item)]
        case .caseRecommended: [SealedMember("/data/recommendation", .item), SealedMember("/data/plan", .item)]
        case .gateEvaluated: [SealedMember("/data/gate", .item)]
        case .caseEscalated: [SealedMember("/data/narrative", .item)]
        case .gateAutoApproved: [SealedMember("/data/plan", .item), SealedMember("/data/actions", .item)]
        case .approvalRequested:
            [
                SealedMember("/data/plan", .item), SealedMember("/data/actions", .item),
                SealedMember("/data/parameters", .item), SealedMember("/data/reason", .item),
            ]
        case .approvalGranted, .approvalDenied, .approvalDecisionRefused: [SealedMember("/data/reason", .item)]
        case .runStarted: [SealedMember("/data/plan", .item)]
        case .stepPrepared:
            [
                SealedMember("/data/pre_state", .item), SealedMember("/data/targets/*/value", .entity),
                SealedMember("/data/parameters", .item),
            ]
        case .stepExecuted:
            [
                SealedMember("/data/output", .item), SealedMember("/data/before", .item),
                SealedMember("/data/after", .item),
            ]
        case .stepVerified: [SealedMember("/data/observed", .item)]
        case .stepFailed, .stepOutcomeUnknown, .stepRetried:
            [SealedMember("/data/error", .item), SealedMember("/data/observed", .item)]
        case .stepRollbackRefused: [SealedMember("/data/expected", .item), SealedMember("/data/found", .item)]
        case .stepSkipped:
            [
                SealedMember("/data/reason", .item), SealedMember("/data/pre_state", .item),
                SealedMember("/data/parameters", .item),
            ]
        case .runFailed: [SealedMember("/data/reason", .item), SealedMember("/data/error", .item)]
        case .runPaused, .runResumed, .runCancelled, .rollbackRequested: [SealedMember("/data/reason", .item)]
        case .ownerNotified, .ownerAcknowledged, .ownerObjected: [SealedMember("/data/reason", .item)]
        case .caseRetitled: [SealedMember("/data/title", .item)]
        case .caseCommented: [SealedMember("/data/text", .item)]
        case .caseHeld, .caseResumed, .caseRecovered, .caseClosed, .caseReopened, .caseMerged, .caseSplit,
            .caseSeverityChanged, .caseAlertUnlinked:
            [SealedMember("/data/reason", .item)]
        case .reviewRequested, .reviewCompleted, .feedbackRecorded: [SealedMember("/data/text", .item)]
        case .learningProposed, .learningAccepted, .learningDeclined: [SealedMember("/data/text", .item)]
        case .assetRegistered: [SealedMember("/data/value", .entity)]
        case .identityRegistered, .indicatorAdded: [SealedMember("/data/value", .entity)]
        case .calendarChanged: [SealedMember("/data/entries/*/entities/*/value", .entity)]
        case .modelCalled: [SealedMember("/data/prompt", .item), SealedMember("/data/answer", .item)]
        case .alertDeduplicated, .alertRetried, .evidenceExpired, .approvalQuorumReached, .approvalExpired,
            .approvalInvalidated, .standingApprovalGranted, .standingApprovalRevoked, .standingApprovalExpired,
            .automationHalted, .automationResumed, .runCompleted, .stepRolledBack, .rollbackCompleted,
            .rollbackIncomplete, .containmentExpired, .runShadowed, .drillCompleted, .caseAssigned, .caseUnassigned,
            .caseViewed, .slaStarted, .slaPaused, .slaResumed, .slaAtRisk, .slaMet, .slaBreached, .slaCancelled,
            .slaRetargeted, .clockObserved, .caseLearned, .tenantCreated, .tokenCreated, .tokenRevoked,
            .connectorChanged, .mappingChanged, .keyRotated, .policyProposed, .policyApproved, .policyReviewed,
            .playbookPublished, .playbookPromoted, .playbookDemoted, .rulePublished, .ruleRetired, .accessGranted,
            .accessRevoked, .accessDenied, .auditRead, .evidenceExported, .subjectErased, .legalHoldPlaced,
            .legalHoldLifted, .historyImported:
            []
        }
    }
}
