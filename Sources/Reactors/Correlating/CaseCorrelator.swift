package import Cases
package import Events
import JSON
import Synchronization

import struct Foundation.UUID

/// Links what belongs together: alerts in order of time, ATT&CK techniques, and earlier cases of the same pattern.
package final class CaseCorrelator: Reactor {
    package static let name = "link"
    package static let interests: Set<EventType> = [
        .caseEnriched, .caseOpened, .caseClosed, .caseMerged, .caseReopened,
    ]
    package static var memory: Set<EventType> { [.caseOpened, .caseClosed, .caseMerged, .caseReopened] }

    private let bench: Workbench
    private let past = Mutex(Past())

    /// Patterns of open cases, and the last hundred verdicts of each.
    private struct Past {
        static let kept = 100
        var patterns: [UUID: String] = [:]
        var verdicts: [String: [(id: UUID, verdict: Verdict)]] = [:]
    }

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func forget() async { past.withLock { $0 = Past() } }

    package func remember(_ event: Event) async throws { try await note(event) }

    package func react(to event: Event) async throws -> Reaction {
        try await note(event)
        guard event.kind == .caseEnriched else { return .done }
        let ids = try await bench.cases.load(event.caseID ?? bench.tenant, tenant: bench.tenant)?.alerts.map(\.alertID)
        let alerts = try await bench.alerts.load(ids ?? [], tenant: bench.tenant)
        try await bench.update(for: event, as: Self.name) { record in
            let timeline = record.alerts.compactMap { linked in
                alerts[linked.alertID].map { found in
                    CaseRecord.timelineItem(at: linked.occurredAt, eventID: found.eventID, text: found.alert.title)
                }
            }.sorted { ($0.at, $0.eventID.uuidString) < ($1.at, $1.eventID.uuidString) }
            let techniques = record.attackTechniques.map { technique in
                var technique = technique
                let sources = alerts.values.filter { $0.alert.attackTechniques.contains(technique.uid) }.map(\.eventID)
                technique.eventIDs = sources.sorted { $0.uuidString < $1.uuidString }
                return technique
            }
            return record.correlate(
                techniques: techniques, timeline: timeline, comparable: comparable(to: record))
        }
        return .done
    }

    private func note(_ event: Event) async throws {
        guard let id = event.caseID else { return }
        if event.kind == .caseReopened {
            // Rare, and its pattern is no longer kept.
            let pattern = try await bench.cases.load(id, tenant: bench.tenant)?.pattern
            return past.withLock { past in
                past.patterns[id] = pattern
                if let pattern { past.verdicts[pattern]?.removeAll { $0.id == id } }
            }
        }
        past.withLock { past in
            switch event.kind {
            case .caseOpened: past.patterns[id] = event.data["pattern"]?.stringValue
            // Its verdict is that of the case which goes on.
            case .caseMerged: past.patterns[id] = nil
            case .caseClosed:
                guard let pattern = past.patterns.removeValue(forKey: id),
                    let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
                else { return }
                past.verdicts[pattern, default: []].append((id, verdict))
                if past.verdicts[pattern, default: []].count > Past.kept { past.verdicts[pattern]?.removeFirst() }
            default: break
            }
        }
    }

    private func comparable(to record: CaseRecord) -> [ComparableCase] {
        guard let pattern = record.pattern else { return [] }
        return past.withLock { $0.verdicts[pattern] ?? [] }
            .filter { $0.id != record.id }
            .suffix(5).reversed()
            .map { ComparableCase(caseID: $0.id, overlapScore: 1, shared: ["pattern"], verdict: $0.verdict) }
    }
}
