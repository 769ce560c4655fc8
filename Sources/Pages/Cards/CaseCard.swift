import Cases
import Events
import JSON

/// A case in few words: a row of the queue, and the head of the case's own page.
enum CaseCard {
    static func json(_ view: JSONValue, now: Instant) -> JSONValue {
        let id = view["id"]?.stringValue ?? ""
        let clocks = view["sla"]?.arrayValue ?? []
        let open = clocks.filter { $0["status"] != "ended" }
        let entities = view["entities"]?.arrayValue ?? []
        let missing = view["missing_context"]?.arrayValue ?? []
        let blocked = view["blocked_actions"]?.arrayValue ?? []
        let named = Array(entities.filter { $0["strong"] == true }.prefix(3))
        let evidence = view["evidence_summary"] ?? [:]
        return [
            "id": .string(id), "href": .string("/cases/\(id)"), "short_id": .string(Words.shortID(id)),
            "title": view["title"] ?? .null, "severity": severity(view["severity"]?.stringValue ?? "unknown"),
            "state": state(view["state"]?.stringValue ?? ""),
            "confidence": view["confidence_score"] ?? .null, "pattern": view["pattern"] ?? .null,
            "owner": view["assignee"]?["subject"] ?? .null,
            "flags": .array(flags(view)),
            "present": evidence["present"] ?? 0, "missing": evidence["missing"] ?? 0, "stale": evidence["stale"] ?? 0,
            "has_missing": .bool((evidence["missing"]?.int64Value ?? 0) > 0),
            "has_stale": .bool((evidence["stale"]?.int64Value ?? 0) > 0),
            "oldest": PageTime.json(evidence["oldest_observed_at"]),
            "missing_context": .string(missing.isEmpty ? "" : Words.plural(missing.count, "gap") + " in context"),
            "missing_context_text": .string(
                gapsText(missing)),
            "blocked": .string(blocked.isEmpty ? "" : Words.plural(blocked.count, "action")),
            "blocked_text": .string(blocked.first.map(Self.blockedText) ?? ""),
            "learning_open": (view["learning"]?["open"]?.int64Value).flatMap { $0 > 0 ? .integer($0) : nil } ?? .null,
            "clock": Clock.mostPressing(clocks).map { Clock.json($0, now: now) } ?? .null,
            "more_clocks": .string(open.count > 1 ? "\(open.count - 1) more" : ""),
            "entities": .array(named.map(entity)),
            "more_entities": .string(entities.count > named.count ? "+\(entities.count - named.count)" : ""),
            "opened": PageTime.json(view["opened_at"]), "updated": PageTime.json(view["updated_at"]),
        ]
    }

    /// What is not known, kind by kind, with the first few of what it is not known about.
    private static func gapsText(_ gaps: [JSONValue]) -> String {
        let kinds = Dictionary(grouping: gaps) { $0["kind"]?.stringValue ?? "" }
        return kinds.sorted { $0.key < $1.key }.map { kind, gaps in
            let entities = gaps.compactMap { $0["entity"]?.stringValue }
            let rest = entities.count > 3 ? " and \(entities.count - 3) more" : ""
            return Words.sentence(kind)
                + (entities.isEmpty ? "" : " of " + entities.prefix(3).joined(separator: ", ") + rest)
        }.joined(separator: "; ")
    }

    /// The reason in words and what it needs.
    static func blockedText(_ blocked: JSONValue) -> String {
        let reason = Words.sentence(blocked["reason"]?.stringValue ?? "")
        return "\(reason): \(blocked["detail"]?.stringValue ?? "")".replacing("_", with: " ")
    }

    /// Name, word, and how many of five bars are lit: never the colour alone.
    static func severity(_ name: String) -> JSONValue {
        let rank = Severity(rawValue: name)?.rank ?? 0
        return [
            "name": .string(name), "label": .string(Words.sentence(name)),
            "bars": .array((1...5).map { ["x": .integer(Int64(($0 - 1) * 4)), "lit": .bool($0 <= min(rank, 5))] }),
        ]
    }

    static func state(_ name: String) -> JSONValue {
        let tone: String =
            switch name {
            case "escalated": "waiting"
            case "approved", "executing", "rolling_back": "moving"
            case "executed", "rolled_back", "recovered": "done"
            case "closed", "learned": "closed"
            default: "working"
            }
        return ["name": .string(name), "label": .string(Words.sentence(name)), "tone": .string(tone)]
    }

    static func entity(_ entity: JSONValue) -> JSONValue {
        [
            "type": .string(Words.inline(entity["type"]?.stringValue ?? "other")),
            "value": .string(entity["value"]?.stringValue ?? "(erased)"), "role": entity["role"] ?? .null,
        ]
    }

    private static func flags(_ view: JSONValue) -> [JSONValue] {
        var flags: [JSONValue] = []
        if view["on_hold"] == true { flags.append("On hold") }
        if view["legal_hold"] == true { flags.append("Legal hold") }
        if view["shadow"] == true { flags.append("Shadow") }
        if let verdict = view["verdict"]?.stringValue { flags.append(.string("Verdict: " + Words.inline(verdict))) }
        if (view["reopen_count"]?.int64Value ?? 0) > 0 { flags.append("Reopened") }
        return flags
    }
}
