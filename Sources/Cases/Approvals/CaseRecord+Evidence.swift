package import Events
import JSON
package import Runs

package import struct Foundation.UUID

/// A line of the evidence list (contract §5).
package struct EvidenceView: Codable, Sendable, Hashable {
    package var kind: EvidenceKind
    package var status: EvidenceStatus
    package var source: String?
    package var eventIDs: [UUID]
    package var observedAt: Instant?
    package var staleAfter: Instant?
    package var summary: String?
    package var requiredBy: [ActionClass]
    package var digest: Digest?
}

extension CaseRecord {
    /// Everything that speaks in this case: collected evidence, what Docket derives from the case itself, and the kinds
    /// that the plan's action classes demand and nobody has brought.
    package func evidenceList(plan: Plan?, demands: EvidenceDemands) -> [EvidenceView] {
        let items = evidence + derivedEvidence(plan: plan)
        var views = items.map { item in
            EvidenceView(
                kind: item.kind, status: expiredEvidence.contains(item.digest) ? .stale : .present, source: item.source,
                eventIDs: item.eventIDs, observedAt: item.observedAt, staleAfter: item.staleAfter,
                summary: item.summary, requiredBy: demands[item.kind], digest: item.digest)
        }
        let present = Set(items.map(\.kind))
        for kind in EvidenceKind.allCases where !demands[kind].isEmpty && !present.contains(kind) {
            views.append(
                EvidenceView(
                    kind: kind, status: .missing, source: nil, eventIDs: [], observedAt: nil, staleAfter: nil,
                    summary: nil, requiredBy: demands[kind], digest: nil))
        }
        return views
    }

    /// Which demanded kinds are missing or only there in a stale form.
    package func missingEvidence(plan: Plan?, demands: EvidenceDemands) -> [MissingEvidence] {
        let list = evidenceList(plan: plan, demands: demands)
        return EvidenceKind.allCases.compactMap { kind in
            let lines = list.filter { $0.kind == kind }
            guard let demand = lines.first(where: { !$0.requiredBy.isEmpty }),
                !lines.contains(where: { $0.status == .present })
            else { return nil }
            let isStale = lines.contains { $0.status == .stale }
            return MissingEvidence(kind: kind, status: isStale ? .stale : .missing, requiredBy: demand.requiredBy)
        }
    }

    /// The demanded evidence that a plan binds: replacing or losing one of these voids the approval.
    package func boundEvidence(demands: EvidenceDemands) -> [Plan.BoundEvidence] {
        // Derived evidence changes with the plan itself; binding it would make the digest depend on itself.
        return
            evidence
            .filter { !demands[$0.kind].isEmpty && !expiredEvidence.contains($0.digest) }
            .compactMap { item in
                item.eventIDs.first.map { Plan.BoundEvidence(kind: item.kind, eventID: $0, digest: item.digest) }
            }
            .sorted { ($0.kind.rawValue, $0.digest.text) < ($1.kind.rawValue, $1.digest.text) }
    }

    /// What the case itself proves: each cites the event it was derived from.
    private func derivedEvidence(plan: Plan?) -> [EvidenceItem] {
        var items: [EvidenceItem] = []
        func add(_ kind: EvidenceKind, _ source: String, from eventID: UUID?, _ summary: String) {
            guard let eventID, let at = anchors.openedAt, !evidence.contains(where: { $0.kind == kind }) else { return }
            items.append(
                EvidenceItem(
                    kind: kind, source: source, eventIDs: [eventID], observedAt: at, staleAfter: nil, summary: summary,
                    data: ["event_id": .string(eventID.lowercased)]))
        }
        add(.severity, "docket", from: sources["severity"], "Severity \(severity.rawValue).")
        add(.sla, "docket", from: sources["sla"], "\(sla.count) clocks with their deadlines.")
        add(.timeline, "docket", from: sources["timeline"], "\(timeline.count) events in order.")
        add(
            .attackMapping, "docket", from: sources["attack_mapping"],
            attackTechniques.isEmpty
                ? "No ATT&CK technique is known." : attackTechniques.map(\.uid).joined(separator: ", "))
        add(.affectedEntities, "docket", from: sources["affected_entities"], "\(entities.count) entities.")
        add(.relatedEvents, "docket", from: sources["related_events"], "\(alerts.count) alerts.")
        add(.comparableCases, "docket", from: sources["comparable_cases"], "\(comparableCases.count) comparable cases.")
        add(
            .environmentContext, "docket", from: sources["environment_context"],
            conflicts.isEmpty
                ? "Nothing conflicts." : conflicts.map { $0.name ?? $0.kind.rawValue }.joined(separator: ", "))
        add(.uncertaintyNotes, "docket", from: sources["uncertainty_notes"], "As noted in the recommendation.")
        if let plan {
            add(.recommendedPlaybook, "docket", from: sources["recommended_playbook"], plan.playbook.id)
            let undo = plan.steps.compactMap { step in step.rollback.map { "\(step.operation) → \($0.operation)" } }
            if undo.count == plan.steps.count {
                add(.recoveryPlan, "playbook", from: sources["recommended_playbook"], undo.joined(separator: ", "))
                add(.rollbackPath, "playbook", from: sources["recommended_playbook"], undo.joined(separator: ", "))
            }
        }
        if let detectionReason { add(.detectionReason, "alert", from: openingEventIDs.first, detectionReason) }
        return items
    }
}
