import Cases
import Events
import JSON
import Runs

/// What is known and from where, what is demanded and missing, and what has grown old.
extension CasePage {
    var evidence: JSONValue {
        get throws {
            let list = record.evidenceList(
                plan: record.approval?.plan ?? record.plan, demands: record.approval?.demands ?? record.demands)
            let order: [EvidenceStatus] = [.missing, .stale, .present]
            let sorted = list.enumerated().sorted { left, right in
                let ranks = [left, right].map { order.firstIndex(of: $0.element.status) ?? 0 }
                let demanded = [left, right].map { $0.element.requiredBy.isEmpty ? 1 : 0 }
                return (ranks[0], demanded[0], left.offset) < (ranks[1], demanded[1], right.offset)
            }
            let pressing = sorted.filter { $0.element.status != .present || !$0.element.requiredBy.isEmpty }
            let rest = sorted.filter { $0.element.status == .present && $0.element.requiredBy.isEmpty }
            return [
                "items": .array(pressing.map { item($0.element) }), "has_pressing": .bool(!pressing.isEmpty),
                "rest": .array(rest.map { item($0.element) }), "has_rest": .bool(!rest.isEmpty),
                "rest_label": .string(Words.plural(rest.count, "piece") + " that no action demands"),
                "has_items": .bool(!list.isEmpty),
                "present": .integer(Int64(list.count { $0.status == .present })),
                "missing": .integer(Int64(list.count { $0.status == .missing })),
                "stale": .integer(Int64(list.count { $0.status == .stale })),
            ]
        }
    }

    private func item(_ item: EvidenceView) -> JSONValue {
        let isFresh = item.status == .present
        return [
            "kind": .string(Words.sentence(item.kind.rawValue)),
            "status": .string(Words.sentence(item.status.rawValue)),
            "tone": .string(isFresh ? "good" : item.status == .stale ? "waiting" : "bad"),
            "source": item.source.map(JSONValue.string) ?? .null,
            "summary": item.summary.map(JSONValue.string) ?? .null,
            "observed": PageTime.json(item.observedAt), "stale_after": PageTime.json(item.staleAfter),
            "required_by": .string(item.requiredBy.map { Words.inline($0.rawValue) }.joined(separator: ", ")),
            "citations": citations.links(item.eventIDs),
        ]
    }
}
