package import Events
package import JSON
package import Runs

package import struct Foundation.UUID

/// A case as its stream tells it: the fold of every event that carries its id, approvals and runs included.
///
/// Reading one event after the other gives the same record for ever: no clock, no randomness, no look-up. Everything
/// that anyone sees of a case is derived from this value (`Views/`), and every decision on it is made here
/// (`CaseRecord+….swift`).
package struct CaseRecord: Codable, Sendable, Hashable {
    package var id: UUID
    package var tenant: UUID
    package var version: Int64 = 0
    package var lastPosition: Int64 = -1
    package var correlationID: UUID?
    package var state: CaseState = .normalized
    package var title: String?
    package var onHold = false
    package var holdReason: String?
    package var legalHold = false
    package var shadow = false
    package var severity: Severity = .unknown
    package var confidenceScore: Int?
    package var pattern: String?
    package var tier = 1
    package var queue = "default"
    package var assignee: Actor?
    package var environment: DeploymentEnvironment = .unknown
    package var region: String?
    package var verdict: Verdict?
    package var closedBy: Actor?
    package var mergedInto: UUID?
    package var splitFrom: UUID?
    package var continues: CaseOpened.Continuation?
    package var reopenCount = 0
    package var clockSuspect = false
    package var anchors = CaseAnchors()
    package var alerts: [LinkedAlert] = []
    /// What people split off: its evidence is no evidence here. `nil`: nothing was.
    package var alertsSplitOff: [UUID]?
    package var openingEventIDs: [UUID] = []
    package var entities: [CaseEntity] = []
    package var attackTechniques: [AttackTechnique] = []
    package var evidence: [EvidenceItem] = []
    package var expiredEvidence: Set<Digest> = []
    package var missingContext: [MissingContext] = []
    package var conflicts: [EnvironmentConflict] = []
    package var detectionReason: String?
    package var comparableCases: [ComparableCase] = []
    package var timeline: [CaseCorrelated.TimelineItem] = []
    /// The events that stand behind derived evidence: which kind came from which event.
    package var sources: [String: UUID] = [:]
    package var recommendation: Recommendation?
    package var plan: Plan?
    package var demands = EvidenceDemands()
    /// What the person who asked for the plan filled into the playbook.
    package var givenParameters: JSONValue = [:]
    package var gate: GateResult?
    package var approvals: [Approval] = []
    package var runs: [Run] = []
    package var sla: [SLAClock] = []
    package var commentCount = 0
    package var learning = LearningCounts()
    package var manualActions = 0
    /// Events by a person or the customer before the first recovery, comments and views excluded.
    package var humanTouches = 0
    package var escalationAgreed: Bool?

    package struct LinkedAlert: Codable, Sendable, Hashable {
        package var alertID: UUID
        package var occurredAt: Instant
        package var eventID: UUID
        package var joinedDuringRun: Bool
        /// Its context is not part of the case yet.
        package var isPending: Bool
        /// `nil` for the one that opened the case.
        package var joining: Joining?

        /// Why it is here.
        package struct Joining: Codable, Sendable, Hashable {
            package var by: CaseAlertLinked.JoinedBy?
            package var overlapScore: Double
            package var sharedEntities: [CaseAlertLinked.SharedEntity]
            package var alsoFits: [CaseAlertLinked.OtherFit]
        }
    }

    package struct LearningCounts: Codable, Sendable, Hashable {
        package var open = 0
        package var accepted = 0
        package var declined = 0
    }

    package init(id: UUID, tenant: UUID) {
        self.id = id
        self.tenant = tenant
    }

    /// Folds a stream from its first event.
    ///
    /// - Returns: `nil` when the events do not begin with `case.opened`.
    package static func folding(_ events: [Event], tenant: UUID) throws -> CaseRecord? {
        guard let first = events.first, first.kind == .caseOpened, let id = first.caseID else { return nil }
        var record = CaseRecord(id: id, tenant: tenant)
        for event in events { try record.apply(event) }
        return record
    }
}

/// The instants that durations are measured between (contract §2, "Anchors").
package struct CaseAnchors: Codable, Sendable, Hashable {
    package var firstOccurredAt: Instant?
    package var firstAlertAt: Instant?
    package var openedAt: Instant?
    package var acknowledgedAt: Instant?
    /// The newest deed: a reopened case has to be acknowledged anew.
    package var lastAcknowledgedAt: Instant?
    package var escalatedAt: Instant?
    package var decidedAt: Instant?
    package var containedAt: Instant?
    package var recoveredAt: Instant?
    package var lastRecoveredAt: Instant?
    package var closedAt: Instant?
    package var learnedAt: Instant?
    package var updatedAt: Instant?
    package var lastVerifiedAt: Instant?
    /// The event behind each anchor, by name: what a metric's drill-down cites.
    package var eventIDs: [String: UUID] = [:]
}

extension CaseRecord {
    package var approval: Approval? { approvals.last }
    package var run: Run? { runs.last }

    /// A run is under way, forwards or backwards.
    package var activeRun: Run? {
        runs.last { $0.state.isActive }
    }

    /// Approved by the gate alone, and not started: only a new recommendation leads on from here.
    package var needsNewRecommendation: Bool {
        state == .approved && activeRun == nil && approval?.state != .granted
    }

    /// The run that has something left to do by itself.
    package var runToDrive: Run? {
        runs.last { $0.state == .running || $0.state == .rollingBack } ?? runs.last { $0.needsDriving }
    }

    package var targetsInScope: [Entity] { entities.compactMap(\.entity) }

    /// The environment of these targets: production if any of them is; unknown counts as production elsewhere.
    package func environment(of targets: [Entity]) -> DeploymentEnvironment {
        let known = targets.map { target in
            entities.first { $0.entity?.key == target.key }?.asset?.environment ?? environment
        }
        if known.isEmpty { return environment }
        for candidate in [DeploymentEnvironment.production, .unknown, .staging] where known.contains(candidate) {
            return candidate
        }
        return .development
    }

    package func touchesProductionCritical(_ targets: [Entity]) -> Bool {
        targets.contains { target in
            guard let asset = entities.first(where: { $0.entity?.key == target.key })?.asset else { return false }
            return asset.environment == .production && asset.criticality == .critical
        }
    }

    package func approval(_ id: UUID) -> Approval? { approvals.first { $0.id == id } }
    package func run(_ id: UUID) -> Run? { runs.first { $0.id == id } }
}
