package import Events
package import Runs

package import struct Foundation.UUID

/// What the pipeline's stages write: each takes what the stage found and gives the event that says so.
extension CaseRecord {
    /// - Parameter ingestedAt: when the log took the alert in; against it the source's times are judged.
    package static func open(
        _ alert: NormalizedAlert, ingestedAt: Instant? = nil, tier: Int = 1, queue: String = "default",
        splitFrom: UUID? = nil, continues: CaseOpened.Continuation? = nil
    ) -> Decision {
        let observed = alert.evidence.compactMap(\.observedAt) + [alert.occurredAt]
        let first = (observed.min() ?? alert.occurredAt).plausible(receivedAt: ingestedAt ?? .lastDeadline)
        return Decision(
            CaseOpened(
                title: alert.title, severityID: alert.severity.id, confidenceScore: alert.confidenceScore,
                pattern: alert.pattern, environment: alert.environment, region: alert.region, alertID: alert.alertID,
                alertIngestedAt: ingestedAt, firstOccurredAt: first, clockSuspect: alert.clockSuspect, tier: tier,
                queue: queue, splitFrom: splitFrom, continues: continues))
    }

    /// An alert joins. Before execution the plan would now be another one, so a pending or granted approval falls.
    package func link(
        _ alert: NormalizedAlert, overlapScore: Double, shared: [EntityKey],
        by joinedBy: CaseAlertLinked.JoinedBy = .overlap, alsoFits: [CaseAlertLinked.OtherFit] = []
    ) -> [Decision] {
        guard !state.isClosed, !alerts.contains(where: { $0.alertID == alert.alertID }) else { return [] }
        let isRunning = state == .executing || state == .rollingBack
        let linked = Decision(
            CaseAlertLinked(
                alertID: alert.alertID, occurredAt: alert.occurredAt, clockSuspect: alert.clockSuspect,
                overlapScore: overlapScore,
                sharedEntities: Self.shown(shared).map { .init(type: $0.type, value: $0.value) },
                severityID: alert.severity.id,
                confidenceScore: alert.confidenceScore, pattern: alert.pattern, joinedDuringRun: isRunning,
                joinedBy: joinedBy, alsoFits: alsoFits))
        return [linked] + (isRunning ? [] : invalidatingApproval(cause: "alert_linked"))
    }

    /// The first of what is shared: enough to tell why the alert is here, and bounded as events are.
    private static func shown(_ shared: [EntityKey]) -> ArraySlice<EntityKey> {
        var bytes = 0
        return shared.prefix(100).prefix { key in
            bytes += key.value.utf8.count
            return bytes <= 32 << 10
        }
    }

    /// A case that was closed without a person is opened again by whatever joins it.
    package func reopenedByAlert() -> [Decision] {
        guard state == .closed, let closedBy, !closedBy.isHuman, mergedInto == nil else { return [] }
        return [
            Decision(type: .caseReopened, ReasonGiven(reason: "A new alert joined a case that was closed by itself."))
        ]
    }

    /// Of two cases that were merged into each other one must go on.
    package func reopenedByCircle() -> [Decision] {
        guard state.isClosed, mergedInto != nil else { return [] }
        return [
            Decision(
                type: .caseReopened,
                ReasonGiven(reason: "The case that it was merged into had been merged into this one before."))
        ]
    }

    /// Whether an alert's context is still to be attached, and the state allows it now.
    package var needsEnrichment: Bool {
        alerts.contains(where: \.isPending) && TransitionTable.next(state, on: .caseEnriched) != nil && activeRun == nil
    }

    package static func enrich(
        alertIDs: [UUID], entities: [CaseEntity], environment: DeploymentEnvironment, evidence: [EvidenceItem],
        missingContext: [MissingContext], conflicts: [EnvironmentConflict], attackTechniques: [String],
        detectionReason: String?, registryPosition: Int64, entitiesOmitted: Int? = nil, evidenceOmitted: Int? = nil
    ) -> Decision {
        Decision(
            CaseEnriched(
                alertIDs: alertIDs, entities: entities, environment: environment, evidence: evidence,
                missingContext: missingContext, conflicts: conflicts, attackTechniques: attackTechniques,
                detectionReason: detectionReason, registryPosition: registryPosition,
                entitiesOmitted: entitiesOmitted, evidenceOmitted: evidenceOmitted))
    }

    /// Evidence that holds no longer, each item once.
    package func expire(_ items: [EvidenceItem]) -> [Decision] {
        items.filter { !expiredEvidence.contains($0.digest) }
            .map { Decision(EvidenceExpired(kind: $0.kind, digest: $0.digest)) }
    }

    package static func timelineItem(at instant: Instant, eventID: UUID, text: String) -> CaseCorrelated.TimelineItem {
        CaseCorrelated.TimelineItem(at: instant, eventID: eventID, text: text)
    }

    package func correlate(
        techniques: [AttackTechnique], timeline: [CaseCorrelated.TimelineItem], comparable: [ComparableCase]
    ) -> [Decision] {
        guard state == .enriched else { return [] }
        return [
            Decision(
                CaseCorrelated(
                    relatedAlertIDs: alerts.suffix(1_000).map(\.alertID), attackTechniques: techniques,
                    timeline: timeline,
                    comparableCases: comparable))
        ]
    }

    package func recommend(_ recommendation: Recommendation, plan: Plan?, policy: Policy) -> [Decision] {
        guard state == .correlated else { return [] }
        return [
            Decision(
                CaseRecommended(
                    recommendationID: recommendation.id, recommendation: recommendation, plan: plan,
                    demands: EvidenceDemands(of: plan, policy: policy)))
        ]
    }

    /// The gate's word on the recommendation: run by itself, or ask a person and say why.
    ///
    /// - Parameter narrative: the full account for the person who is asked.
    package func pass(_ gate: GateResult, narrative: String) -> [Decision] {
        guard state == .recommended, let recommendation else { return [] }
        let missing = missingEvidence(plan: plan, demands: demands)
        var gate = gate
        if gate.decision == .auto, !missing.isEmpty {
            // Without its evidence nothing runs by itself.
            gate.decision = .escalate
            gate.level = max(gate.level, .onePerson)
            gate.requiredApprovals = gate.level.requiredApprovals
        }
        let evaluated = Decision(GateEvaluated(recommendationID: recommendation.id, gate: gate))
        if gate.decision == .auto, let plan {
            return [
                evaluated,
                Decision(
                    GateAutoApproved(
                        recommendationID: recommendation.id, standingApprovalID: gate.standingApprovalID,
                        planDigest: plan.digest, plan: plan, actions: recommendation.actions)),
            ]
        }
        var reasons = gate.fellShort
        if plan == nil { reasons.append("no_playbook") }
        if !missing.isEmpty { reasons.append("missing_evidence") }
        if gate.decision == .shadow { reasons.append("shadow") }
        if reasons.isEmpty { reasons.append("matrix") }
        return [
            evaluated, Decision(CaseEscalated(reasons: reasons, fellShort: gate.fellShort, narrative: narrative)),
        ]
    }

    /// Docket itself confirms recovery when every step was verified and no service was lost on the way.
    package func recover(serviceWasLost: Bool) -> [Decision] {
        guard state == .executed, !serviceWasLost, let run, run.state == .completed,
            run.steps.allSatisfy({ [.verified, .skipped].contains($0.state) })
        else { return [] }
        return [Self.recovered(reason: "Every step was verified, and the playbook takes no service away.")]
    }
}

/// An alert that opened no case and joined none: `alert.enriched` in the alert's own stream.
package struct AlertDisposition: Payload {
    package static let type = EventType.alertEnriched
    package enum Disposition: String, Codable, Sendable, Hashable { case tagged, suppressed }

    package var alertID: UUID
    package var disposition: Disposition
    package var reason: String

    package init(alertID: UUID, disposition: Disposition, reason: String) {
        self.alertID = alertID
        self.disposition = disposition
        self.reason = reason
    }
}
