package import Cases
package import Events
import JSON
import Synchronization

import struct Foundation.UUID

/// Links what belongs together: alerts in order of time, ATT&CK techniques, and earlier cases of the same pattern.
package final class CaseCorrelator: Reactor {
    package static let name = "link"
    package static let interests: Set<EventType> = [.caseEnriched, .caseOpened, .caseClosed]
    package static var memory: Set<EventType> { [.caseOpened, .caseClosed] }

    private let bench: Workbench
    private let past = Mutex(Past())

    private struct Past {
        var patterns: [UUID: String] = [:]
        var verdicts: [String: [(id: UUID, verdict: Verdict)]] = [:]
    }

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func forget() async { past.withLock { $0 = Past() } }

    package func remember(_ event: Event) async throws { note(event) }

    package func react(to event: Event) async throws {
        note(event)
        guard event.kind == .caseEnriched else { return }
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
    }

    private func note(_ event: Event) {
        guard let id = event.caseID else { return }
        past.withLock { past in
            if event.kind == .caseOpened, let pattern = event.data["pattern"]?.stringValue {
                past.patterns[id] = pattern
            } else if event.kind == .caseClosed, let pattern = past.patterns[id],
                let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
            {
                past.verdicts[pattern, default: []].removeAll { $0.id == id }
                past.verdicts[pattern, default: []].append((id, verdict))
                if past.verdicts[pattern, default: []].count > 100 { past.verdicts[pattern]?.removeFirst() }
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
