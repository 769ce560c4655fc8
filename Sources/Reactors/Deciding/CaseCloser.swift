package import Cases
import EventLog
package import Events
import JSON

import struct Foundation.UUID

/// Closes cases of kinds that people have always closed the same way, and completes the reviews of samples.
package final class CaseCloser: Reactor {
    package static let name = "close"
    package static let interests: Set<EventType> = [.caseEscalated, .caseClosed, .caseReopened]
    package static var memory: Set<EventType> { [.caseClosed, .caseReopened] }

    private let bench: Workbench
    /// By kind of case. The code's name is raised whenever `learn` or `Verdicts` changes.
    private let verdicts: KeptMemory<[String: Verdicts]>

    package init(_ bench: Workbench) {
        self.bench = bench
        verdicts = KeptMemory(Self.name, code: "1", tenant: bench.tenant, log: bench.cases.log) { [:] }
    }

    package func memoryStart(before position: Int64) async throws -> Int64 {
        try await verdicts.begin(before: position)
    }

    package func forget() async { verdicts.drop() }
    package func remember(_ event: Event) async throws { try await learn(from: event) }
    package func takeUp(at position: Int64) async throws { try await verdicts.takenUp(at: position) }

    package func react(to event: Event) async throws -> Reaction {
        try await learn(from: event)
        let registry = try await bench.registry()
        switch event.kind {
        case .caseEscalated:
            try await bench.update(for: event, as: Self.name) { record in
                guard let kind = AutomaticClosing.kind(of: record) else { return [] }
                let known = verdicts { $0[kind] ?? Verdicts() }
                return AutomaticClosing.decide(record, verdicts: known, registry: registry)
            }
        case .caseClosed where event.actor.isHuman: try await complete(event)
        default: break
        }
        return .done
    }

    /// Only what a person says teaches anything: what was closed by itself would confirm itself for ever. The event says
    /// of which kind the case is, so a tenant with years of cases is remembered without reading one of them.
    private func learn(from event: Event) async throws {
        guard let id = event.caseID, Self.memory.contains(where: { $0 == event.kind }) else { return }
        verdicts { all in
            if event.kind == .caseReopened {
                for kind in all.keys { all[kind]?.remove(id) }
            } else if event.kind == .caseClosed, event.actor.isHuman, let kind = event.data["kind"]?.stringValue,
                let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:))
            {
                all[kind, default: Verdicts()].add(verdict, of: id)
            }
        }
        try await verdicts.noted(event.position)
    }

    private func complete(_ event: Event) async throws {
        guard let id = event.caseID else { return }
        let newest = try await bench.cases.log.latest(
            of: [EventType.reviewRequested.rawValue, EventType.reviewCompleted.rawValue], streams: [id],
            tenant: bench.tenant)[id]
        // None was asked for, or the last one has its answer.
        guard let request = newest, request.kind == .reviewRequested else { return }
        let review: ReviewRequested = try request.payload()
        try await bench.update(for: event, as: Self.name, salt: "review") { record in
            AutomaticClosing.complete(record, suggested: review.suggestedVerdict)
        }
    }
}
