package import Cases
package import Events
import Foundation
import Runs

/// Passes each recommendation through the gate: it may run by itself, or people are asked and told why.
package struct GateKeeper: Reactor {
    package static let name = "gate"
    package static let interests: Set<EventType> = [.caseRecommended]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        let registry = try await bench.registry()
        // The plan may rest on the clocks, which another stage starts: a gate that came first would ask people for want of
        // evidence that Docket makes itself.
        try await bench.update(for: event, as: Self.name, salt: "clocks") { record in
            record.clocksOfOpening(policy: registry.policy)
        }
        try await bench.update(for: event, as: Self.name) { record in
            let gate = Gate.evaluate(
                Gate.Input(
                    record: record, plan: record.plan, playbookMode: record.recommendation?.playbook?.mode,
                    registry: registry, now: event.recordedAt))
            return record.pass(gate, narrative: Self.narrative(record, gate))
        }
        return .done
    }

    /// The full account for the person who is asked: what happened, what is suggested, what fell short and why.
    static func narrative(_ record: CaseRecord, _ gate: GateResult) -> String {
        var lines = [record.recommendation?.summary.text ?? record.title ?? "A case."]
        if let hypothesis = record.recommendation?.hypothesis.text { lines.append(hypothesis) }
        let actions = record.recommendation?.actions ?? []
        if actions.isEmpty {
            lines.append("No playbook answers this case, so a person has to decide what to do.")
        } else {
            let names = actions.map { "\($0.name) (\($0.actionClass.rawValue))" }.joined(separator: ", ")
            lines.append("Recommended: \(names).")
        }
        for signal in gate.signals where !signal.passed {
            lines.append("\(signal.explanation) What would change it: \(signal.wouldChange)")
        }
        if gate.fellShort.isEmpty, gate.requiredApprovals > 0 {
            lines.append("All three signals pass; the approval matrix asks for \(gate.requiredApprovals) people.")
        }
        let missing = record.missingEvidence(plan: record.plan, demands: record.demands)
        if !missing.isEmpty {
            lines.append("Missing evidence: \(missing.map(\.kind.rawValue).joined(separator: ", ")).")
        }
        return lines.joined(separator: "\n")
    }
}
