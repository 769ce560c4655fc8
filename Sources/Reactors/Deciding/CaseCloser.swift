package import Cases
import EventLog
package import Events
import JSON
import Synchronization

import struct Foundation.UUID

/// Closes cases of kinds that people have always closed the same way, and completes the reviews of samples.
package final class CaseCloser: Reactor {
    package static let name = "close"
    package static let interests: Set<EventType> = [.caseEscalated, .caseClosed, .caseReopened]
    package static var memory: Set<EventType> { [.caseClosed, .caseReopened] }

    private let bench: Workbench
    private let verdicts = Mutex<[String: Verdicts]>([:])

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func remember(_ event: Event) async throws { try await learn(from: event) }

    package func react(to event: Event) async throws {
        try await learn(from: event)
        let registry = try await bench.registry()
        switch event.kind {
        case .caseEscalated:
            try await bench.update(for: event, as: Self.name) { record in
                guard let kind = AutomaticClosing.kind(of: record) else { return [] }
                let known = verdicts.withLock { $0[kind] ?? Verdicts() }
                return AutomaticClosing.decide(record, verdicts: known, registry: registry)
            }
        case .caseClosed where event.actor.isHuman: try await complete(event)
        default: break
        }
    }

    /// Only what a person says teaches anything: what was closed by itself would confirm itself for ever.
    private func learn(from event: Event) async throws {
        guard let id = event.caseID, event.kind == .caseReopened || event.actor.isHuman,
            let record = try await bench.cases.load(id, tenant: bench.tenant), record.mergedInto == nil,
            let kind = AutomaticClosing.kind(of: record)
        else { return }
        let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
        verdicts.withLock { all in
            if let verdict { all[kind, default: Verdicts()].add(verdict, of: id) } else { all[kind]?.remove(id) }
        }
    }

    private func complete(_ event: Event) async throws {
        guard let id = event.caseID else { return }
        let history = try await bench.cases.log.read(stream: id, tenant: bench.tenant)
        let request = history.last { $0.kind == .reviewRequested }
        guard let request, !history.contains(where: { $0.kind == .reviewCompleted && $0.version > request.version })
        else { return }
        let review: ReviewRequested = try request.payload()
        try await bench.update(for: event, as: Self.name, salt: "review") { record in
            AutomaticClosing.complete(record, suggested: review.suggestedVerdict)
        }
    }
}
