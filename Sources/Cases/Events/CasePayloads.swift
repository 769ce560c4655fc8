package import Events
package import Runs

package import struct Foundation.UUID

package struct CaseOpened: Payload {
    package static let type = EventType.caseOpened
    /// `nil` once erased.
    package var title: String?
    package var severityID: Int
    package var confidenceScore: Int?
    package var pattern: String?
    package var environment: DeploymentEnvironment
    package var region: String?
    package var alertID: UUID
    /// When the log took the alert in.
    package var alertIngestedAt: Instant?
    /// First `occurred_at` of the evidence, held within 1990 … arrival + 5 minutes.
    package var firstOccurredAt: Instant
    package var clockSuspect: Bool
    package var tier: Int
    package var queue: String
    package var splitFrom: UUID?
    /// The case that the alert belongs to and that takes no more: why this one was opened beside it.
    package var continues: Continuation?

    package struct Continuation: Codable, Sendable, Hashable {
        /// The member of the policy's `correlation` that was reached.
        package enum Reason: String, Codable, Sendable, Hashable {
            case maxAlerts = "max_alerts"
            case maxAge = "max_age_ms"
        }

        package var caseID: UUID
        package var reason: Reason

        package init(caseID: UUID, reason: Reason) {
            self.caseID = caseID
            self.reason = reason
        }
    }
}

package struct CaseAlertLinked: Payload {
    package static let type = EventType.caseAlertLinked
    package var alertID: UUID
    /// As its source says.
    package var occurredAt: Instant
    /// Its time is not to be believed, so it does not move the case's beginning; `nil` in events of before it was recorded.
    package var clockSuspect: Bool?
    package var overlapScore: Double
    package var sharedEntities: [SharedEntity]
    package var severityID: Int
    package var confidenceScore: Int?
    package var pattern: String?
    package var joinedDuringRun: Bool
    /// `nil` in events of before it was recorded.
    package var joinedBy: JoinedBy?
    /// Other open cases that it would have joined, had this one not been there, the best first: people may want to merge
    /// them.
    package var alsoFits: [OtherFit]?

    /// What brought an alert into a case.
    package enum JoinedBy: String, Codable, Sendable, Hashable {
        /// It came, and its overlap with the case was the greatest.
        case overlap
        /// It had been there without a case; another alert of this one made them overlap.
        case tagged
        /// People merged the case that it was in, or split it off: the overlap was not asked for.
        case merge, split
    }

    package struct SharedEntity: Codable, Sendable, Hashable {
        package var type: Entity.EntityType
        package var value: String?
    }

    package struct OtherFit: Codable, Sendable, Hashable {
        package var caseID: UUID
        package var overlapScore: Double

        package init(caseID: UUID, overlapScore: Double) {
            self.caseID = caseID
            self.overlapScore = overlapScore
        }
    }
}

package struct CaseEnriched: Payload {
    package static let type = EventType.caseEnriched
    package var alertIDs: [UUID]
    package var entities: [CaseEntity]
    package var environment: DeploymentEnvironment
    package var evidence: [EvidenceItem]
    package var missingContext: [MissingContext]
    package var conflicts: [EnvironmentConflict]
    package var attackTechniques: [String]
    package var detectionReason: String?
    package var registryPosition: Int64
    /// Entities and items of evidence that the policy's limits left out; `nil`: none.
    package var entitiesOmitted: Int?
    package var evidenceOmitted: Int?
}

package struct CaseCorrelated: Payload {
    package static let type = EventType.caseCorrelated
    package var relatedAlertIDs: [UUID]
    package var attackTechniques: [AttackTechnique]
    package var timeline: [TimelineItem]
    package var comparableCases: [ComparableCase]

    package struct TimelineItem: Codable, Sendable, Hashable {
        package var at: Instant
        package var eventID: UUID
        package var text: String?
    }
}

package struct CaseRecommended: Payload {
    package static let type = EventType.caseRecommended
    package var recommendationID: UUID
    package var recommendation: Recommendation?
    /// The plan that the playbook would run, `nil` without a playbook.
    package var plan: Plan?
    package var demands: EvidenceDemands
}

package struct GateEvaluated: Payload {
    package static let type = EventType.gateEvaluated
    package var recommendationID: UUID
    package var gate: GateResult?
}

package struct GateAutoApproved: Payload {
    package static let type = EventType.gateAutoApproved
    package var recommendationID: UUID
    package var standingApprovalID: UUID?
    package var planDigest: Digest
    package var plan: Plan?
    package var actions: [PlannedAction]?
}

package struct CaseEscalated: Payload {
    package static let type = EventType.caseEscalated
    package var reasons: [String]
    package var fellShort: [String]
    package var narrative: String?
}

package struct EvidenceAdded: Payload {
    package static let type = EventType.evidenceAdded
    package var item: EvidenceItem
}

package struct EvidenceExpired: Payload {
    package static let type = EventType.evidenceExpired
    package var kind: EvidenceKind
    package var digest: Digest
}

/// Who works on it: a change of tier or queue is one of these too, with the assignee as it was.
package struct CaseAssigned: Payload {
    package static let type = EventType.caseAssigned
    package var assignee: Identity?
    package var tier: Int?
    package var queue: String?
}

/// `case.held`, `case.resumed`, `case.reopened`, `case.recovered`.
package struct ReasonGiven: Codable, Sendable, Hashable {
    package var reason: String?
}

package struct CaseClosed: Payload {
    package static let type = EventType.caseClosed
    package var verdict: Verdict
    package var verdictID: Int
    package var reason: String?
    /// What cases it can be compared with, where a person judged it (`AutomaticClosing.kind`); so whoever learns from
    /// verdicts need not read the case again.
    package var kind: String?
}

package struct CaseMerged: Payload {
    package static let type = EventType.caseMerged
    package var into: UUID
    package var alertIDs: [UUID]
    package var reason: String?
}

package struct CaseSplit: Payload {
    package static let type = EventType.caseSplit
    package var newCaseID: UUID
    package var alertIDs: [UUID]
    package var reason: String?
}

package struct CaseCommented: Payload {
    package static let type = EventType.caseCommented
    package var text: String?
}

package struct CaseSeverityChanged: Payload {
    package static let type = EventType.caseSeverityChanged
    package var severityID: Int
    package var reason: String?
}

package struct CaseRetitled: Payload {
    package static let type = EventType.caseRetitled
    package var title: String?
}

package struct SLAClockEvent: Codable, Sendable, Hashable {
    package var clock: String
    package var targetMs: Int64?
    package var atRiskAt: Instant?
    package var dueAt: Instant?
    package var reason: String?

    package init(
        clock: String, targetMs: Int64? = nil, atRiskAt: Instant? = nil, dueAt: Instant? = nil, reason: String? = nil
    ) {
        self.clock = clock
        self.targetMs = targetMs
        self.atRiskAt = atRiskAt
        self.dueAt = dueAt
        self.reason = reason
    }
}
