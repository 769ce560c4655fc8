package import Events
import JSON
import Runs

import struct Foundation.UUID

extension CaseRecord {
    /// Takes one event of this case's stream into the record.
    ///
    /// - Throws: `JSONError` when the event's data does not have the shape of its type.
    package mutating func apply(_ event: Event) throws {
        version = event.version
        lastPosition = event.position
        anchors.updatedAt = event.recordedAt
        correlationID = correlationID ?? event.correlationID
        guard let kind = event.kind else { return }
        countHands(kind, event)
        try applyPayload(kind, event)
        if let next = TransitionTable.next(state, on: kind) { state = next }
    }

    private mutating func applyPayload(_ kind: EventType, _ event: Event) throws {
        switch kind {
        case .caseOpened: opened(try event.payload(), event)
        case .caseAlertLinked: alertLinked(try event.payload(), event)
        case .caseEnriched: enriched(try event.payload(), event)
        case .caseCorrelated:
            let payload: CaseCorrelated = try event.payload()
            attackTechniques = payload.attackTechniques
            timeline = payload.timeline
            comparableCases = payload.comparableCases
            for name in ["timeline", "attack_mapping", "affected_entities", "related_events", "comparable_cases"] {
                sources[name] = event.eventID
            }
        case .evidenceAdded:
            let payload: EvidenceAdded = try event.payload()
            add(payload.item, addedBy: event.eventID)
        case .evidenceExpired:
            let payload: EvidenceExpired = try event.payload()
            expiredEvidence.insert(payload.digest)
        case .caseRecommended:
            let payload: CaseRecommended = try event.payload()
            recommendation = payload.recommendation
            plan = payload.plan
            demands = payload.demands
            for name in ["uncertainty_notes", "recommended_playbook"] { sources[name] = event.eventID }
        case .gateEvaluated:
            let payload: GateEvaluated = try event.payload()
            gate = payload.gate
            gate?.eventID = event.eventID
            shadow = payload.gate?.decision == .shadow
        case .gateAutoApproved:
            let payload: GateAutoApproved = try event.payload()
            plan = payload.plan ?? plan
            acknowledged(by: event)
            anchor(\.decidedAt, "decided", event, first: true)
        case .caseEscalated: anchor(\.escalatedAt, "escalated", event, first: true)
        case .caseAssigned:
            let payload: CaseAssigned = try event.payload()
            assignee = payload.assignee.map {
                Actor(kind: .person, issuer: $0.issuer, subject: $0.subject, lane: .analyst)
            }
            tier = payload.tier ?? tier
            queue = payload.queue ?? queue
        case .caseUnassigned: assignee = nil
        case .caseSeverityChanged:
            let payload: CaseSeverityChanged = try event.payload()
            severity = Severity(id: payload.severityID) ?? .unknown
        case .caseRetitled:
            let payload: CaseRetitled = try event.payload()
            title = payload.title
        case .caseCommented: commentCount += 1
        case .caseHeld:
            onHold = true
            holdReason = event.data["reason"]?.stringValue
        case .caseResumed:
            onHold = false
            holdReason = nil
        case .legalHoldPlaced: legalHold = true
        case .legalHoldLifted: legalHold = false
        case .caseRecovered:
            anchor(\.recoveredAt, "recovered", event, first: true)
            anchors.lastRecoveredAt = event.recordedAt
        case .caseClosed:
            let payload: CaseClosed = try event.payload()
            verdict = payload.verdict
            closedBy = event.actor
            anchor(\.closedAt, "closed", event, first: false)
            anchor(\.decidedAt, "decided", event, first: true)
        case .caseReopened:
            reopenCount += 1
            verdict = nil
            closedBy = nil
            mergedInto = nil
        case .caseLearned: anchor(\.learnedAt, "learned", event, first: false)
        case .caseMerged: mergedInto = (try event.payload(CaseMerged.self)).into
        case .caseSplit:
            let payload: CaseSplit = try event.payload()
            alerts.removeAll { payload.alertIDs.contains($0.alertID) }
            alertsSplitOff = (alertsSplitOff ?? []) + payload.alertIDs
            // What is known of the case rested on them too.
            for index in alerts.indices { alerts[index].isPending = true }
        case .approvalRequested, .approvalGranted, .approvalDenied, .approvalQuorumReached, .approvalExpired,
            .approvalInvalidated:
            try applyApproval(kind, event)
        case .runStarted, .stepPrepared, .stepExecuted, .stepVerified, .stepFailed, .stepRetried, .stepOutcomeUnknown,
            .stepSkipped, .runPaused, .runResumed, .runCancelled, .runCompleted, .runFailed, .rollbackRequested,
            .stepRolledBack, .stepRollbackRefused, .rollbackCompleted, .rollbackIncomplete:
            try applyRun(event)
        case .slaStarted, .slaPaused, .slaResumed, .slaAtRisk, .slaMet, .slaBreached, .slaCancelled, .slaRetargeted:
            try applySLA(kind, event)
        case .learningProposed: learning.open += 1
        case .learningAccepted:
            learning.open -= 1
            learning.accepted += 1
        case .learningDeclined:
            learning.open -= 1
            learning.declined += 1
        default: break
        }
    }

    private mutating func opened(_ payload: CaseOpened, _ event: Event) {
        title = payload.title
        severity = Severity(id: payload.severityID) ?? .unknown
        confidenceScore = payload.confidenceScore
        pattern = payload.pattern
        environment = payload.environment
        region = payload.region
        tier = payload.tier
        queue = payload.queue
        splitFrom = payload.splitFrom
        continues = payload.continues
        clockSuspect = payload.clockSuspect
        anchors.firstOccurredAt = payload.firstOccurredAt
        anchors.openedAt = event.recordedAt
        anchors.firstAlertAt = payload.alertIngestedAt ?? event.recordedAt
        anchors.eventIDs["first_alert"] = event.causedBy ?? event.eventID
        anchors.eventIDs["opened"] = event.eventID
        openingEventIDs = [event.eventID]
        sources["severity"] = event.eventID
        alerts = [
            LinkedAlert(
                alertID: payload.alertID, occurredAt: payload.firstOccurredAt, eventID: event.eventID,
                joinedDuringRun: false, isPending: true)
        ]
    }

    private mutating func alertLinked(_ payload: CaseAlertLinked, _ event: Event) {
        alerts.append(
            LinkedAlert(
                alertID: payload.alertID, occurredAt: payload.occurredAt, eventID: event.eventID,
                joinedDuringRun: payload.joinedDuringRun, isPending: true,
                joining: .init(
                    by: payload.joinedBy, overlapScore: payload.overlapScore, sharedEntities: payload.sharedEntities,
                    alsoFits: payload.alsoFits ?? [])))
        if payload.clockSuspect != true, let first = anchors.firstOccurredAt, payload.occurredAt < first {
            anchors.firstOccurredAt = payload.occurredAt
        }
        if let joined = Severity(id: payload.severityID), joined.rank > severity.rank { severity = joined }
        if pattern == nil || pattern == payload.pattern {
            pattern = payload.pattern
            confidenceScore = [confidenceScore, payload.confidenceScore].compactMap(\.self).max()
        }
    }

    private mutating func enriched(_ payload: CaseEnriched, _ event: Event) {
        for index in alerts.indices where payload.alertIDs.contains(alerts[index].alertID) {
            alerts[index].isPending = false
        }
        entities = payload.entities
        environment = payload.environment
        missingContext = payload.missingContext
        conflicts = payload.conflicts
        detectionReason = payload.detectionReason
        attackTechniques = payload.attackTechniques.map {
            AttackTechnique(uid: $0, name: nil, attackVersion: "19.2", eventIDs: [event.eventID])
        }
        for item in payload.evidence { add(item, addedBy: event.eventID) }
        sources["environment_context"] = event.eventID
    }

    /// An item of the same kind and source replaces the older one.
    private mutating func add(_ item: EvidenceItem, addedBy eventID: UUID) {
        var item = item
        if item.eventIDs.isEmpty { item.eventIDs = [eventID] }
        if let index = evidence.firstIndex(where: { $0.kind == item.kind && $0.source == item.source }) {
            evidence[index] = item
        } else {
            evidence.append(item)
        }
        expiredEvidence.remove(item.digest)
    }

    /// What follows by itself from a deed is written in the doer's name, and is no deed of its own.
    private static let consequences: Set<EventType> = [
        .approvalQuorumReached, .approvalInvalidated, .approvalExpired, .slaPaused, .slaResumed, .caseMerged,
    ]

    private mutating func countHands(_ kind: EventType, _ event: Event) {
        guard event.actor.isHuman, kind != .caseViewed else { return }
        if anchors.openedAt != nil { acknowledged(by: event) }
        guard kind != .caseCommented, !Self.consequences.contains(kind) else { return }
        manualActions += 1
        if anchors.recoveredAt == nil { humanTouches += 1 }
    }

    /// Somebody, or a standing approval in somebody's place, has taken the case up. Reopening it only asks for that.
    private mutating func acknowledged(by event: Event) {
        anchor(\.acknowledgedAt, "acknowledged", event, first: true)
        if event.kind != .caseReopened { anchors.lastAcknowledgedAt = event.recordedAt }
    }

    mutating func anchor(
        _ path: WritableKeyPath<CaseAnchors, Instant?>, _ name: String, _ event: Event, first: Bool
    ) {
        guard !first || anchors[keyPath: path] == nil else { return }
        anchors[keyPath: path] = event.recordedAt
        anchors.eventIDs[name] = event.eventID
    }
}
