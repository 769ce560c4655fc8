package import Cases
package import Events
import JSON

import struct Foundation.UUID

/// Links what belongs together: alerts in order of time, ATT&CK techniques, and earlier cases of the same pattern.
package final class CaseCorrelator: Reactor {
    package static let name = "link"
    package static let interests: Set<EventType> = [
        .caseEnriched, .caseOpened, .caseClosed, .caseMerged, .caseReopened,
    ]
    package static var memory: Set<EventType> { [.caseOpened, .caseClosed, .caseMerged, .caseReopened] }

    private let bench: Workbench
    /// The code's name is raised whenever `note` or `Past` changes.
    let past: KeptMemory<Past>

    /// Patterns of open cases, and the last hundred verdicts of each.
    struct Past: Codable, Sendable, Hashable {
        static let kept = 100
        var patterns: [UUID: String] = [:]
        var verdicts: [String: [Judged]] = [:]

        struct Judged: Codable, Sendable, Hashable {
            var id: UUID
            var verdict: Verdict
        }
    }

    package init(_ bench: Workbench) {
        self.bench = bench
        past = KeptMemory(Self.name, code: "1", tenant: bench.tenant, log: bench.cases.log) { Past() }
    }

    package func memoryStart(before position: Int64) async throws -> Int64 { try await past.begin(before: position) }
    package func forget() async { past.drop() }
    package func remember(_ event: Event) async throws { try await note(event) }
    package func takeUp(at position: Int64) async throws { try await past.takenUp(at: position) }

    package func react(to event: Event) async throws -> Reaction {
        try await note(event)
        guard event.kind == .caseEnriched else { return .done }
        guard let id = event.caseID, let found = try await bench.cases.load(id, tenant: bench.tenant) else {
            return .done
        }
        let limits = try await bench.registry().policy.caseLimits ?? Policy.CaseLimits()
        let shown = found.alerts.sorted {
            ($0.occurredAt, $0.alertID.uuidString) < ($1.occurredAt, $1.alertID.uuidString)
        }
        .suffix(limits.maxTimeline).map(\.alertID)
        let alerts = try await summaries(of: shown)
        try await bench.update(for: event, as: Self.name) { record in
            let timeline = record.alerts.compactMap { linked in
                alerts[linked.alertID].map { found in
                    CaseRecord.timelineItem(at: linked.occurredAt, eventID: found.eventID, text: found.title)
                }
            }.sorted { ($0.at, $0.eventID.uuidString) < ($1.at, $1.eventID.uuidString) }
            let techniques = record.attackTechniques.map { technique in
                var technique = technique
                let sources = alerts.values.filter { $0.techniques.contains(technique.uid) }.map(\.eventID)
                // Of an alert that the timeline does not show, the enrichment stays the source.
                guard !sources.isEmpty else { return technique }
                technique.eventIDs = Array(
                    sources.sorted { $0.uuidString < $1.uuidString }.prefix(CaseContext.citationsMaximum))
                return technique
            }
            return record.correlate(
                techniques: techniques, timeline: timeline, comparable: comparable(to: record))
        }
        return .done
    }

    /// What a timeline says of an alert.
    private struct Summary {
        /// Characters of a title that are shown.
        static let titleMaximum = 200
        var eventID: UUID
        var title: String
        var techniques: Set<String>
    }

    private func summaries(of ids: [UUID]) async throws -> [UUID: Summary] {
        var summaries: [UUID: Summary] = [:]
        for part in AlertStore.parts(of: ids) {
            for (id, found) in try await bench.alerts.load(part, tenant: bench.tenant) {
                summaries[id] = Summary(
                    eventID: found.eventID, title: String(found.alert.title.prefix(Summary.titleMaximum)),
                    techniques: Set(found.alert.attackTechniques))
            }
        }
        return summaries
    }

    private func note(_ event: Event) async throws {
        guard let id = event.caseID, Self.memory.contains(where: { $0 == event.kind }) else { return }
        // Rare, and its pattern is no longer kept.
        let reopened =
            event.kind == .caseReopened ? try await bench.cases.load(id, tenant: bench.tenant)?.pattern : nil
        past { past in
            switch event.kind {
            case .caseOpened: past.patterns[id] = event.data["pattern"]?.stringValue
            // Its verdict is that of the case which goes on.
            case .caseMerged: past.patterns[id] = nil
            case .caseReopened:
                past.patterns[id] = reopened
                if let reopened { past.verdicts[reopened]?.removeAll { $0.id == id } }
            case .caseClosed:
                guard let pattern = past.patterns.removeValue(forKey: id),
                    let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
                else { return }
                past.verdicts[pattern, default: []].append(Past.Judged(id: id, verdict: verdict))
                if past.verdicts[pattern, default: []].count > Past.kept { past.verdicts[pattern]?.removeFirst() }
            default: break
            }
        }
        try await past.noted(event.position)
    }

    private func comparable(to record: CaseRecord) -> [ComparableCase] {
        guard let pattern = record.pattern else { return [] }
        return past { $0.verdicts[pattern] ?? [] }
            .filter { $0.id != record.id }
            .suffix(5).reversed()
            .map { ComparableCase(caseID: $0.id, overlapScore: 1, shared: ["pattern"], verdict: $0.verdict) }
    }
}
