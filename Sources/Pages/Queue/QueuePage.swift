package import Cases
package import Events
package import JSON

/// The queue: what there is to do, most pressing first.
package struct QueuePage: Sendable {
    /// Which cases are shown, as the page's own words; each is a set of states.
    package enum Selection: String, Sendable, Hashable, CaseIterable {
        case open, waiting, moving, closed, all

        /// Empty: every state.
        package var states: [CaseState] {
            switch self {
            case .open: CaseState.allCases.filter { !$0.isClosed }
            case .waiting: [.escalated]
            case .moving: [.approved, .executing, .rollingBack]
            case .closed: [.closed, .learned]
            case .all: []
            }
        }

        var label: String {
            switch self {
            case .open: "Open"
            case .waiting: "Waiting for a person"
            case .moving: "Being acted on"
            case .closed: "Closed"
            case .all: "All"
            }
        }
    }

    /// Whose cases are shown.
    package enum Owner: String, Sendable, Hashable, CaseIterable { case anyone, me, nobody }

    /// What the reader asked for, as it stood in the address.
    package struct Filter: Sendable, Hashable {
        package var selection: Selection
        package var severities: [Severity]
        package var owner: Owner
        /// `breached`, `at_risk`, or `nil`.
        package var sla: String?
        package var entity: String?
        package var sort: String

        package init(
            selection: Selection, severities: [Severity], owner: Owner, sla: String?, entity: String?, sort: String
        ) {
            self.selection = selection
            self.severities = severities
            self.owner = owner
            self.sla = sla
            self.entity = entity
            self.sort = sort
        }

        var isNarrow: Bool { !severities.isEmpty || owner != .anyone || sla != nil || entity != nil }

        func query(_ extra: [String: String] = [:]) -> String {
            var pairs = [("show", selection.rawValue)]
            pairs += severities.map { ("severity", $0.rawValue) }
            if owner != .anyone { pairs.append(("owner", owner.rawValue)) }
            if let sla { pairs.append(("sla", sla)) }
            if let entity { pairs.append(("entity", entity)) }
            pairs.append(("sort", sort))
            return Address.query(pairs + extra.sorted { $0.key < $1.key })
        }
    }

    /// Cases by state, and how many of the open ones are late.
    package struct Counts: Sendable, Hashable {
        package var byState: [CaseState: Int]
        package var breached: Int
        package var atRisk: Int

        package init(byState: [CaseState: Int], breached: Int, atRisk: Int) {
            self.byState = byState
            self.breached = breached
            self.atRisk = atRisk
        }

        func count(_ selection: Selection) -> Int {
            selection == .all
                ? byState.values.reduce(0, +) : selection.states.reduce(0) { $0 + (byState[$1] ?? 0) }
        }
    }

    private let filter: Filter
    private let counts: Counts
    private let items: [JSONValue]
    private let nextCursor: String?
    private let isFirstPage: Bool
    private let now: Instant

    package init(
        filter: Filter, counts: Counts, items: [JSONValue], nextCursor: String?, isFirstPage: Bool, now: Instant
    ) {
        self.filter = filter
        self.counts = counts
        self.items = items
        self.nextCursor = nextCursor
        self.isFirstPage = isFirstPage
        self.now = now
    }

    /// What the template `queue` shows.
    package var model: JSONValue {
        [
            "tabs": .array(
                Selection.allCases.map { selection in
                    var filter = filter
                    filter.selection = selection
                    return [
                        "label": .string(selection.label), "href": .string("/?" + filter.query()),
                        "count": .integer(Int64(counts.count(selection))),
                        "is_current": .bool(selection == self.filter.selection),
                    ]
                }),
            "breached": .integer(Int64(counts.breached)), "has_breached": .bool(counts.breached > 0),
            "at_risk": .integer(Int64(counts.atRisk)), "has_at_risk": .bool(counts.atRisk > 0),
            "breached_href": .string(address(sla: "breached")), "at_risk_href": .string(address(sla: "at_risk")),
            "show": .string(filter.selection.rawValue), "entity": filter.entity.map(JSONValue.string) ?? .null,
            "severities": .array(
                [Severity.fatal, .critical, .high, .medium, .low, .informational].map {
                    option($0.rawValue, Words.sentence($0.rawValue), filter.severities.contains($0))
                }),
            "owners": [
                option("anyone", "Anyone", filter.owner == .anyone), option("me", "Me", filter.owner == .me),
                option("nobody", "Nobody", filter.owner == .nobody),
            ],
            "slas": [
                option("", "Any", filter.sla == nil), option("breached", "Breached", filter.sla == "breached"),
                option("at_risk", "At risk", filter.sla == "at_risk"),
            ],
            "sorts": [
                option("severity", "Severity", filter.sort == "severity"),
                option("due_at", "Deadline", filter.sort == "due_at"),
                option("opened_at", "Newest", filter.sort == "opened_at"),
                option("updated_at", "Last change", filter.sort == "updated_at"),
            ],
            "cases": .array(items.map { CaseCard.json($0, now: now) }),
            "has_cases": .bool(!items.isEmpty),
            "is_narrow": .bool(filter.isNarrow), "is_open": .bool(filter.selection == .open),
            "reset": .string("/?show=\(filter.selection.rawValue)"),
            "next": nextCursor.map { .string("/?" + filter.query(["cursor": $0])) } ?? .null,
            "first": isFirstPage ? .null : .string("/?" + filter.query()),
        ]
    }

    private func address(sla: String) -> String {
        var filter = filter
        filter.selection = .open
        filter.sla = sla
        return "/?" + filter.query()
    }

    private func option(_ value: String, _ label: String, _ isChosen: Bool) -> JSONValue {
        ["value": .string(value), "label": .string(label), "is_chosen": .bool(isChosen)]
    }
}
