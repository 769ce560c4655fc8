package import Cases
package import Events
import Foundation
import JSON
import Response

/// Confirms recovery after a run whose every step was verified, when the playbook says that no service was lost.
package struct CaseRecoverer: Reactor {
    package static let name = "recover"
    package static let interests: Set<EventType> = [.runCompleted]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name) { record in
            let built = try PlanBuilder(registry: registry).rebuild(for: try await bench.cases.withEvidence(record))
            // Unknown is not "no": without the playbook's word a person confirms.
            return record.recover(serviceWasLost: built?.losesService ?? true)
        }
        return .done
    }
}
