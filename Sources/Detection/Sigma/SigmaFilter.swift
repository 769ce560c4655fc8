import Yams

/// A Sigma filter: events that certain rules are not to tell (filters specification 2.1).
///
/// Where its condition holds the rules do not: a rule with filters is `rule and not filter`. That is the polarity of the
/// specification's purpose ("suppress matches") and of its example (`condition: selection`); see decision 0013.
package struct SigmaFilter: Sendable {
    /// In lower case; the name or the title where there is none.
    package let id: String
    package let name: String?
    package let title: String
    package let description: String?
    package let logsource: Logsource
    /// Ids or names of rules.
    package let rules: [String]
    package let file: String
    package let line: Int
    let detection: SigmaDetection

    init(document: Node, file: String, placeholders: PlaceholderValues) throws(Refusal) {
        (id, name, title) = try SigmaRule.identity(document, kind: "filter")
        description = document.text("description")
        logsource = try SigmaRule.logsource(document, kind: "filter")
        guard let node = document.mapping?["filter"], let members = node.mapping else {
            throw Refusal("'filter' is not a map", line: document.line)
        }
        rules = members["rules"]?.texts ?? []
        guard !rules.isEmpty else { throw Refusal("the filter names no rules", line: node.line) }
        detection = try SigmaDetection(node, called: "filter", besides: ["rules"], placeholders: placeholders)
        self.file = file
        line = document.line ?? 1
    }
}

/// Rules with the filters that apply to them, as plain rules.
package struct FilteredRules: Sendable {
    package private(set) var rules: [SigmaRule]
    /// Filters that name what is not there, or what another log source is about: they hold for the rest of their rules.
    package private(set) var problems: [SigmaProblem] = []

    /// A filter applies to the rules it names, by id without regard to case or by name exactly, whose log source is
    /// covered by its own.
    package init(_ rules: [SigmaRule], filters: [SigmaFilter]) {
        self.rules = rules
        var byID: [String: [Int]] = [:]
        var byName: [String: [Int]] = [:]
        if !filters.isEmpty {
            for (place, rule) in rules.enumerated() {
                byID[rule.id.lowercased(), default: []].append(place)
                if let name = rule.name { byName[name, default: []].append(place) }
            }
        }
        for filter in filters {
            for reference in filter.rules {
                let places = Set(byID[reference.lowercased()] ?? []).union(byName[reference] ?? []).sorted()
                if places.isEmpty { tell("no rule is called '\(reference)'", of: filter) }
                for place in places {
                    guard filter.logsource.covers(rules[place].logsource) else {
                        tell(
                            "the rule '\(reference)' is about \(rules[place].logsource), not \(filter.logsource)",
                            of: filter)
                        continue
                    }
                    self.rules[place] = self.rules[place].without(filter.detection.test)
                }
            }
        }
    }

    private mutating func tell(_ reason: String, of filter: SigmaFilter) {
        problems.append(
            SigmaProblem(
                file: filter.file, line: filter.line, reason: "\(reason); the filter does nothing there",
                ruleID: filter.id))
    }
}
