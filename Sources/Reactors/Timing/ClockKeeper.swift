package import Cases
package import Events
import Foundation

/// Starts a case's clocks and stops those whose end has come. Breaches are the timer's business.
package struct ClockKeeper: Reactor {
    package static let name = "clocks"
    package static let interests: Set<EventType> = [
        .caseOpened, .caseReopened, .caseAlertLinked, .gateAutoApproved, .caseAssigned, .caseCommented,
        .approvalGranted, .approvalDenied,
        .caseHeld, .evidenceAdded, .approvalRequested, .caseRetitled, .caseSeverityChanged, .stepVerified,
        .caseRecovered, .caseClosed, .rollbackRequested, .ownerAcknowledged,
    ]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name) { record in
            if event.kind == .caseOpened { return record.clocksOfOpening(policy: registry.policy) }
            if event.kind == .caseReopened {
                return record.startingClocks(policy: registry.policy, at: event.recordedAt)
            }
            let ending = record.endingClocks()
            guard event.kind == .caseSeverityChanged || event.kind == .caseAlertLinked else { return ending }
            return ending + (ending.isEmpty ? record.retargetedClocks(policy: registry.policy) : [])
        }
        return .done
    }
}
