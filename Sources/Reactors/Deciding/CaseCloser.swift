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

    package func remember(_ event: Event) async throws { learn(from: event) }

    package func react(to event: Event) async throws -> Reaction {
        learn(from: event)
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
        return .done
    }

    /// Only what a person says teaches anything: what was closed by itself would confirm itself for ever. The event says
    /// of which kind the case is, so a tenant with years of cases is remembered without reading one of them.
    private func learn(from event: Event) {
        guard let id = event.caseID else { return }
        verdicts.withLock { all in
            if event.kind == .caseReopened {
                for kind in all.keys { all[kind]?.remove(id) }
            } else if event.kind == .caseClosed, event.actor.isHuman, let kind = event.data["kind"]?.stringValue,
                let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
            {
                all[kind, default: Verdicts()].add(verdict, of: id)
            }
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
