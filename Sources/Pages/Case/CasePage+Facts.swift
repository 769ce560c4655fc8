import Cases
import Events
import JSON

/// Where the case stands, what it is about, and what is not known about it.
extension CasePage {
    var phases: JSONValue {
        let all = ["detect", "analyze", "contain", "eradicate", "recover", "learn"]
        let current = all.firstIndex(of: view["phase"]?.stringValue ?? "") ?? 0
        return .array(
            all.enumerated().map { index, name in
                [
                    "label": .string(Words.sentence(name)), "is_current": .bool(index == current),
                    "is_done": .bool(index < current),
                ]
            })
    }

    var facts: JSONValue {
        func fact(_ label: String, _ value: String?) -> JSONValue? {
            value.map { ["label": .string(label), "value": .string($0)] }
        }
        let facts: [JSONValue?] = [
            fact("Owner", record.assignee?.subject ?? "Nobody"), fact("Pattern", record.pattern ?? "Novel"),
            fact("Confidence", record.confidenceScore.map { "\($0) of 100" } ?? "Not given"),
            fact("Environment", Words.sentence(record.environment.rawValue)), fact("Region", record.region),
            fact("Queue", "\(record.queue), tier \(record.tier)"), fact("Alerts", "\(record.alerts.count)"),
            fact("Verdict", record.verdict.map { Words.sentence($0.rawValue) }),
            fact("Closed by", record.closedBy?.subject), fact("Hold", record.onHold ? record.holdReason ?? "Yes" : nil),
            fact(
                "Learning",
                record.learning.open + record.learning.accepted + record.learning.declined == 0
                    ? nil : "\(record.learning.open) open, \(record.learning.accepted) accepted"),
            fact("Case id", record.id.lowercased),
        ]
        return .array(facts.compactMap { $0 })
    }

    var times: JSONValue {
        let anchors = record.anchors
        let all: [(String, Instant?)] = [
            ("First seen", anchors.firstOccurredAt), ("Opened", anchors.openedAt), ("Escalated", anchors.escalatedAt),
            ("Acknowledged", anchors.acknowledgedAt), ("Decided", anchors.decidedAt),
            ("Contained", anchors.containedAt), ("Recovered", anchors.recoveredAt), ("Closed", anchors.closedAt),
            ("Last change", anchors.updatedAt),
        ]
        return .array(
            all.compactMap { label, instant in
                instant.map { ["label": .string(label), "at": PageTime.json($0)] }
            })
    }

    var techniques: JSONValue {
        .array(
            record.attackTechniques.map {
                [
                    "uid": .string($0.uid), "name": $0.name.map(JSONValue.string) ?? .null,
                    "version": .string($0.attackVersion), "citations": citations.links($0.eventIDs),
                ]
            })
    }

    /// The entities, each with what the inventory knows.
    var people: JSONValue {
        .array(
            record.entities.map { entity in
                let asset = entity.asset
                let known = asset.map {
                    [
                        $0.owner.map { "owned by \($0)" }, "\($0.criticality.rawValue) criticality",
                        $0.sensitivity.rawValue, Words.inline($0.environment.rawValue),
                        $0.exposure == .internet ? "reachable from the internet" : "internal",
                    ].compactMap { $0 }.joined(separator: ", ")
                }
                return [
                    "type": .string(Words.inline(entity.type.rawValue)), "role": .string(entity.role.rawValue),
                    "value": .string(entity.value ?? "(erased)"),
                    "href": entity.value.map {
                        .string(
                            "/?" + Address.query([("show", "all"), ("entity", "\(entity.type.rawValue):\($0)")]))
                    } ?? .null,
                    "asset": known.map(JSONValue.string) ?? .null, "citations": citations.links(entity.eventIDs),
                ]
            })
    }

    /// Gaps of one kind for one reason are one line.
    var gaps: JSONValue {
        var order: [String] = []
        var groups: [String: (gap: MissingContext, entities: [String])] = [:]
        for gap in record.missingContext {
            let key = "\(gap.kind)|\(gap.reason)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: (gap, [])].entities += gap.entity.map { [$0] } ?? []
        }
        return .array(
            order.compactMap { groups[$0] }.map { group in
                [
                    "kind": .string(Words.sentence(group.gap.kind)),
                    "entity": .string(group.entities.joined(separator: ", ")), "reason": .string(group.gap.reason),
                ]
            })
    }
}
