/// The members of each event type that can hold personal data. They leave the body when the event is appended and live
/// sealed under a key that can be deleted, which is the erasure.
///
/// Exhaustive on purpose: a new event type does not compile until somebody has thought about it.
package struct PersonalMember: Sendable, Hashable {
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
    package var personalMembers: [PersonalMember] {
        switch self {
        case .alertIngested, .alertUpdated:
            [PersonalMember("/data/source_ref", .item)]
        case .alertNormalized:
            [
                PersonalMember("/data/title", .item), PersonalMember("/data/description", .item),
                PersonalMember("/data/source_ref", .item), PersonalMember("/data/source_url", .item),
                PersonalMember("/data/entities/*/value", .entity), PersonalMember("/data/evidence/*/data", .item),
                PersonalMember("/data/unmapped", .item), PersonalMember("/data/ocsf", .item),
            ]
        case .alertRejected: [PersonalMember("/data/source_ref", .item), PersonalMember("/data/errors", .item)]
        case .detectionMatched, .correlationMatched: [PersonalMember("/data/matches", .item)]
        case .alertEnriched: [PersonalMember("/data/context", .item)]
        case .caseOpened: [PersonalMember("/data/title", .item)]
        case .caseAlertLinked: [PersonalMember("/data/shared_entities/*/value", .entity)]
        case .caseEnriched:
            [
                PersonalMember("/data/entities/*/value", .entity),
                PersonalMember("/data/entities/*/asset/owner", .item),
                PersonalMember("/data/evidence/*/data", .item), PersonalMember("/data/evidence/*/summary", .item),
                PersonalMember("/data/missing_context/*/entity", .item),
                // A protected entity's conflict names the entity, a rule's title may name anybody.
                PersonalMember("/data/conflicts/*/name", .item), PersonalMember("/data/detection_reason", .item),
            ]
        case .caseCorrelated: [PersonalMember("/data/timeline/*/text", .item)]
        case .evidenceAdded: [PersonalMember("/data/item/data", .item), PersonalMember("/data/item/summary", .item)]
        case .caseRecommended: [PersonalMember("/data/recommendation", .item), PersonalMember("/data/plan", .item)]
        case .gateEvaluated: [PersonalMember("/data/gate", .item)]
        case .caseEscalated: [PersonalMember("/data/narrative", .item)]
        case .gateAutoApproved: [PersonalMember("/data/plan", .item), PersonalMember("/data/actions", .item)]
        case .approvalRequested:
            [
                PersonalMember("/data/plan", .item), PersonalMember("/data/actions", .item),
                PersonalMember("/data/parameters", .item), PersonalMember("/data/reason", .item),
            ]
        case .approvalGranted, .approvalDenied, .approvalDecisionRefused: [PersonalMember("/data/reason", .item)]
        case .runStarted: [PersonalMember("/data/plan", .item)]
        case .stepPrepared:
            [
                PersonalMember("/data/pre_state", .item), PersonalMember("/data/targets/*/value", .entity),
                PersonalMember("/data/parameters", .item),
            ]
        case .stepExecuted:
            [
                PersonalMember("/data/output", .item), PersonalMember("/data/before", .item),
                PersonalMember("/data/after", .item),
            ]
        case .stepVerified: [PersonalMember("/data/observed", .item)]
        case .stepFailed, .stepOutcomeUnknown, .stepRetried:
            [PersonalMember("/data/error", .item), PersonalMember("/data/observed", .item)]
        case .stepRollbackRefused: [PersonalMember("/data/expected", .item), PersonalMember("/data/found", .item)]
        case .stepSkipped:
            [
                PersonalMember("/data/reason", .item), PersonalMember("/data/pre_state", .item),
                PersonalMember("/data/parameters", .item),
            ]
        case .runFailed: [PersonalMember("/data/reason", .item), PersonalMember("/data/error", .item)]
        case .runPaused, .runResumed, .runCancelled, .rollbackRequested: [PersonalMember("/data/reason", .item)]
        case .ownerNotified, .ownerAcknowledged, .ownerObjected: [PersonalMember("/data/reason", .item)]
        case .caseRetitled: [PersonalMember("/data/title", .item)]
        case .caseCommented: [PersonalMember("/data/text", .item)]
        case .caseHeld, .caseResumed, .caseRecovered, .caseClosed, .caseReopened, .caseMerged, .caseSplit,
            .caseSeverityChanged, .caseAlertUnlinked, .slaPaused:
            [PersonalMember("/data/reason", .item)]
        case .legalHoldPlaced, .legalHoldLifted, .automationHalted, .automationResumed, .playbookPromotionProposed,
            .playbookPromoted, .playbookDemoted, .standingApprovalRevoked, .ruleRetired:
            [PersonalMember("/data/reason", .item)]
        case .subjectErased: [PersonalMember("/data/reason", .item), PersonalMember("/data/authority", .item)]
        case .reviewRequested, .reviewCompleted, .feedbackRecorded: [PersonalMember("/data/text", .item)]
        case .learningProposed, .learningAccepted, .learningDeclined: [PersonalMember("/data/text", .item)]
        case .assetRegistered:
            [
                PersonalMember("/data/value", .entity), PersonalMember("/data/name", .item),
                PersonalMember("/data/owner", .item), PersonalMember("/data/cost_risk", .item),
                PersonalMember("/data/depends_on/*/value", .entity),
            ]
        case .identityRegistered, .indicatorAdded: [PersonalMember("/data/value", .entity)]
        case .calendarChanged: [PersonalMember("/data/entries/*/entities/*/value", .entity)]
        case .modelCalled: [PersonalMember("/data/prompt", .item), PersonalMember("/data/answer", .item)]
        case .alertDeduplicated, .alertRetried, .evidenceExpired, .approvalQuorumReached, .approvalExpired,
            .approvalInvalidated, .standingApprovalProposed, .standingApprovalGranted, .standingApprovalExpired,
            .runCompleted, .stepRolledBack, .rollbackCompleted, .rollbackIncomplete, .containmentExpired, .runShadowed,
            .drillCompleted, .caseAssigned, .caseUnassigned, .caseViewed, .slaStarted, .slaResumed, .slaAtRisk,
            .slaMet, .slaBreached, .slaCancelled, .slaRetargeted, .clockObserved, .caseLearned, .tenantCreated,
            .tokenCreated, .tokenRevoked, .connectorChanged, .mappingChanged, .keyRotated, .checkpointRecorded,
            .policyProposed, .policyApproved, .policyReviewed, .playbookPublished, .rulePublished, .accessGranted,
            .accessRevoked, .accessDenied, .auditRead, .evidenceExported, .historyImported:
            []
        }
    }
}
