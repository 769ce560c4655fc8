package import Cases
package import Events
import Foundation
import JSON
import Runs

/// The deterministic recommender: everything that it says is derived from the case and cites the events it rests on.
package struct CaseRecommender: Reactor {
    package static let name = "recommend"
    package static let interests: Set<EventType> = [.caseCorrelated]
    static let identity = Recommendation.Recommender(kind: .deterministic, name: "docket-rules", version: "1")

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name) { record in
            let choice = PlanBuilder(registry: registry).choose(for: try await bench.cases.withEvidence(record))
            let recommendation = Self.recommendation(
                for: record, choice: choice, id: UUID.v5(namespace: event.eventID, name: "recommendation"),
                at: event.recordedAt)
            return record.recommend(recommendation, plan: choice.built?.plan, policy: registry.policy)
        }
        return .done
    }

    static func recommendation(
        for record: CaseRecord, choice: PlanBuilder.Choice, id: UUID, at: Instant
    ) -> Recommendation {
        let built = choice.built
        return Recommendation(
            id: id, caseID: record.id, caseVersion: record.version, createdAt: at, recommender: identity,
            severity: record.severity, summary: summary(of: record), hypothesis: hypothesis(of: record),
            uncertainty: uncertainty(of: record), attackTechniques: record.attackTechniques,
            missingContext: record.missingContext,
            playbook: built.map {
                Recommendation.PlaybookChoice(
                    id: $0.playbook.playbookID, version: $0.playbook.version, digest: $0.playbook.digest,
                    mode: $0.playbook.mode)
            },
            alternatives: choice.alternatives, actions: built?.actions ?? [], comparableCases: record.comparableCases)
    }

    private static func summary(of record: CaseRecord) -> CitedText {
        let targets = record.entities.filter { $0.role == .target }.compactMap(\.value)
        let what = record.title ?? "An alert"
        let where_ = targets.isEmpty ? "" : " It concerns \(targets.prefix(3).joined(separator: ", "))."
        let count = record.alerts.count == 1 ? "One alert" : "\(record.alerts.count) alerts"
        return CitedText(
            "\(what). \(count), severity \(record.severity.rawValue), in \(record.environment.rawValue).\(where_)",
            record.timeline.map(\.eventID))
    }

    private static func hypothesis(of record: CaseRecord) -> CitedText {
        let techniques = record.attackTechniques.map(\.uid).joined(separator: ", ")
        let suffix = techniques.isEmpty ? "" : " (ATT&CK \(techniques))"
        if let pattern = record.pattern {
            return CitedText("The activity fits the known pattern \(pattern)\(suffix).", record.openingEventIDs)
        }
        return CitedText("No known pattern fits; this needs judgement\(suffix).", record.openingEventIDs)
    }

    private static func uncertainty(of record: CaseRecord) -> [CitedText] {
        var notes: [CitedText] = []
        if record.confidenceScore == nil {
            notes.append(CitedText("The source gives no confidence.", record.openingEventIDs))
        }
        if record.clockSuspect {
            notes.append(CitedText("The source's clock cannot be trusted.", record.openingEventIDs))
        }
        for missing in record.missingContext {
            notes.append(CitedText("\(missing.kind) of \(missing.entity ?? "an entity"): \(missing.reason).", []))
        }
        if record.comparableCases.isEmpty {
            notes.append(CitedText("There is no comparable earlier case.", []))
        }
        return notes
    }
}
