import Cases
import Events
import JSON

/// The gate's three signals: value against threshold, what stands behind it, and what would change it.
extension CasePage {
    var gate: JSONValue {
        guard let gate = record.gate else { return .null }
        return [
            "decision": .string(Words.sentence(gate.decision.rawValue)),
            "level": .string(Words.inline(gate.level.rawValue)),
            "is_auto": .bool(gate.decision == .auto), "policy_version": .integer(Int64(gate.policyVersion)),
            "at": PageTime.json(gate.evaluatedAt), "signals": .array(gate.signals.map(signal)),
            "citations": citations.links(gate.eventID.map { [$0] } ?? []),
            "standing": gate.standingApprovalID.map { .string($0.lowercased) } ?? .null,
        ]
    }

    private func signal(_ signal: GateResult.Signal) -> JSONValue {
        let isCount = signal.name == .environment
        let digits = signal.name == .playbookAccuracy ? 5 : 2
        func number(_ value: Double) -> String { Words.decimal(value, digits: isCount ? 0 : digits) }
        let comparison =
            switch signal.operator {
            case ">=": "≥"
            case "==": "="
            default: signal.operator
            }
        return [
            "label": .string(Words.sentence(signal.name.rawValue)), "passed": .bool(signal.passed),
            "value": .string(signal.value.map(number) ?? "No value"),
            "against": .string(
                isCount
                    ? "\(signal.value == 1 ? "conflict" : "conflicts"), allowed: \(number(signal.threshold))"
                    : "\(comparison) \(number(signal.threshold))"),
            "explanation": .string(signal.explanation), "would_change": .string(signal.wouldChange),
            "citations": citations.links(signal.eventIDs),
            "conflicts": .array(
                (signal.conflicts ?? []).map { conflict in
                    [
                        "kind": .string(Words.sentence(conflict.kind.rawValue)),
                        "name": .string(conflict.name ?? "(erased)"), "from": PageTime.json(conflict.startsAt),
                        "to": PageTime.json(conflict.endsAt),
                        "citations": citations.links(conflict.eventID.map { [$0] } ?? []),
                    ]
                }),
            "n": signal.n.map { .string("n = \($0)") } ?? .null,
            "counts": signal.n.map { n in
                .string(
                    "\(signal.correct ?? 0) of \(n) right"
                        + ((signal.nImported ?? 0) > 0 ? ", \(signal.nImported ?? 0) of them imported" : ""))
            } ?? .null,
            "interval": signal.interval.map {
                .string("95 % interval \(number($0.lower)) to \(number($0.upper))")
            } ?? .null,
            "scale": isCount ? .null : scale(signal),
        ]
    }

    /// A piece of the line up to 1, with the threshold in it at four fifths, so that a near miss can be seen.
    private func scale(_ signal: GateResult.Signal) -> JSONValue {
        guard let value = signal.value else { return .null }
        let start = max(0, signal.threshold - 4 * (1 - signal.threshold))
        func place(_ value: Double) -> Int64 {
            Int64((min(max((value - start) / (1 - start), 0), 1) * 160).rounded())
        }
        let lower = place(signal.interval?.lower ?? value)
        let upper = place(signal.interval?.upper ?? value)
        return [
            "threshold_x": .integer(place(signal.threshold)), "x": .integer(lower),
            "width": .integer(max(upper - lower, 0)), "has_width": .bool(upper > lower),
            "value_x": .integer(place(value)),
            "label": .string(
                "\(Words.decimal(value, digits: 5)) on a scale from \(Words.decimal(start, digits: 3)) to 1; threshold \(Words.decimal(signal.threshold, digits: 3))"
            ),
        ]
    }
}
