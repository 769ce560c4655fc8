import Cases
package import Events
package import JSON

/// The audit trail: every event of the tenant as a line, to be searched, now or as of a moment.
package struct HistoryPage: Sendable {
    /// What the reader searches by, as it stood in the address.
    package struct Filter: Sendable, Hashable {
        package var type: String?
        package var actor: String?
        package var caseID: String?
        package var text: String?
        package var asOf: String?

        package init(type: String?, actor: String?, caseID: String?, text: String?, asOf: String?) {
            self.type = type
            self.actor = actor
            self.caseID = caseID
            self.text = text
            self.asOf = asOf
        }

        private var pairs: [(String, String)] {
            [("type", type), ("actor", actor), ("case", caseID), ("text", text), ("as_of", asOf)].compactMap {
                name, value in value.map { (name, $0) }
            }
        }

        var isNarrow: Bool { !pairs.isEmpty }
        func query(cursor: String) -> String { Address.query(pairs + [("cursor", cursor)]) }
    }

    private let filter: Filter
    private let items: [JSONValue]
    private let nextCursor: String?
    private let moment: Instant?

    /// - Parameter items: lines of the audit trail, newest first.
    package init(filter: Filter, items: [JSONValue], nextCursor: String?, moment: Instant?) {
        self.filter = filter
        self.items = items
        self.nextCursor = nextCursor
        self.moment = moment
    }

    /// What the template `history` shows.
    package var model: JSONValue {
        [
            "types": .array(
                EventType.allCases.map {
                    [
                        "value": .string($0.rawValue), "label": .string(Words.event($0.rawValue)),
                        "is_chosen": .bool($0.rawValue == filter.type),
                    ]
                }),
            "actor": filter.actor.map(JSONValue.string) ?? .null, "case": filter.caseID.map(JSONValue.string) ?? .null,
            "text": filter.text.map(JSONValue.string) ?? .null, "as_of": filter.asOf.map(JSONValue.string) ?? .null,
            "moment": PageTime.json(moment), "is_narrow": .bool(filter.isNarrow),
            "lines": .array(items.map(line)), "has_lines": .bool(!items.isEmpty),
            "next": nextCursor.map { .string("/history?" + filter.query(cursor: $0)) } ?? .null,
        ]
    }

    private func line(_ entry: JSONValue) -> JSONValue {
        let type = entry["type"]?.stringValue ?? ""
        let caseID = entry["case_id"]?.stringValue
        let position = entry["position"]?.int64Value ?? 0
        return [
            "position": .integer(position), "json_href": .string("/v1/events?after=\(position - 1)&limit=1"),
            "at": PageTime.json(entry["recorded_at"]), "what": .string(Words.event(type)), "type": .string(type),
            "who": entry.at("/actor/kind") == "playbook" ? "playbook" : entry.at("/actor/subject") ?? .null,
            "kind": entry.at("/actor/kind") ?? .null,
            "is_person": .bool(entry.at("/actor/kind") == "person"), "text": entry["text"] ?? .null,
            "case_href": caseID.map { .string("/cases/\($0)?as_of_position=\(position)") } ?? .null,
            "case_short": caseID.map { .string(Words.shortID($0)) } ?? .null,
            "stream": .string(Words.inline(entry["stream_kind"]?.stringValue ?? "")),
        ]
    }
}
