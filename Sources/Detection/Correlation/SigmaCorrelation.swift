import Yams

/// A Sigma correlation: what several matches mean together (correlation rules specification 2.1).
///
/// Here only as read; `CorrelationSet` resolves what it refers to and `CorrelationEngine` evaluates it.
package struct SigmaCorrelation: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// So many matches of one of the rules, in any order.
        case eventCount([Bound])
        /// So many different values of a field; of several fields so many different combinations.
        case valueCount(fields: [String], [Bound])
        /// A match of every rule, in any order.
        case temporal
        /// A match of every rule, in the order in which the rules stand, each by another record.
        case temporalOrdered
    }

    /// One line of a condition; two make a range.
    package struct Bound: Sendable, Hashable {
        package enum Comparison: String, Sendable, Hashable { case gt, gte, lt, lte, eq, neq }
        package let comparison: Comparison
        package let count: Int

        package init(comparison: Comparison, count: Int) {
            self.comparison = comparison
            self.count = count
        }

        package func holds(_ value: Int) -> Bool {
            switch comparison {
            case .gt: value > count
            case .gte: value >= count
            case .lt: value < count
            case .lte: value <= count
            case .eq: value == count
            case .neq: value != count
            }
        }
    }

    package let id: String
    package let name: String?
    package let title: String
    package let level: SigmaLevel?
    package let tags: [String]
    package let author: String?
    package let description: String?
    package let kind: Kind
    /// Ids or names of rules or of other correlations.
    package let rules: [String]
    /// Fields, or aliases, that must agree; empty means that all matches belong together.
    package let groupBy: [String]
    /// Alias to rule reference to field name.
    package let aliases: [String: [String: String]]
    /// Length of the sliding window in seconds.
    package let timespanSeconds: Int
    /// Whether the referenced rules alert on their own too.
    package let generate: Bool
    package let docket: DocketHints?
    package let file: String
    package let line: Int

    init(document: Node, file: String) throws(Refusal) {
        guard let node = document.mapping?["correlation"], let body = node.mapping else {
            throw Refusal("'correlation' is not a map", line: document.line)
        }
        (id, name, title) = try SigmaRule.identity(document, kind: "correlation")
        level = try SigmaRule.level(document)
        tags = document.mapping?["tags"]?.texts ?? []
        author = document.text("author")
        description = document.text("description")
        let known: Set = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"]
        for (key, _) in body where !known.contains(key.scalar?.string ?? "") {
            throw Refusal("'\(key.scalar?.string ?? "?")' in a correlation is not supported", line: key.line)
        }
        rules = body["rules"]?.texts ?? []
        guard !rules.isEmpty else { throw Refusal("the correlation names no rules", line: node.line) }
        kind = try Self.kind(body, ruleCount: rules.count, line: node.line)
        groupBy = body["group-by"]?.texts ?? []
        timespanSeconds = try Self.seconds(node.text("timespan"), line: body["timespan"]?.line ?? node.line)
        aliases = try Self.aliases(body["aliases"])
        generate = try Self.flag(node.text("generate") ?? document.text("generate"), line: body["generate"]?.line)
        docket = try DocketHints.read(document)
        self.file = file
        line = document.line ?? 1
    }

    /// Rules at most in one correlation over time.
    package static let stepLimit = 32

    private static func kind(_ body: Node.Mapping, ruleCount: Int, line: Int?) throws(Refusal) -> Kind {
        let condition = body["condition"]
        switch body["type"]?.scalar?.string {
        case "event_count":
            guard let condition else { throw Refusal("event_count needs a condition", line: line) }
            return .eventCount(try bounds(condition))
        case "value_count":
            guard let condition else { throw Refusal("value_count needs a condition", line: line) }
            let fields = condition.mapping?["field"]?.texts ?? []
            guard !fields.isEmpty else { throw Refusal("value_count needs a field in its condition", line: line) }
            return .valueCount(fields: fields, try bounds(condition, besides: "field"))
        case .some(let type) where type == "temporal" || type == "temporal_ordered":
            if condition != nil { throw Refusal("\(type) with a condition is not supported", line: line) }
            if ruleCount < 2 { throw Refusal("\(type) needs at least two rules", line: line) }
            if ruleCount > stepLimit { throw Refusal("\(type) takes at most \(stepLimit) rules", line: line) }
            return type == "temporal" ? .temporal : .temporalOrdered
        case .some(let type):
            throw Refusal("the correlation type '\(type)' is not supported", line: body["type"]?.line ?? line)
        case nil: throw Refusal("the correlation has no type", line: line)
        }
    }

    /// Conditions that hold for no event at all are refused: they would need an alarm clock for what did not happen.
    private static func bounds(_ node: Node, besides other: String? = nil) throws(Refusal) -> [Bound] {
        guard let mapping = node.mapping, !mapping.isEmpty else {
            throw Refusal("a correlation's condition is a map such as 'gte: 10'", line: node.line)
        }
        var bounds: [Bound] = []
        for (key, value) in mapping where key.scalar?.string != other {
            guard let comparison = Bound.Comparison(rawValue: key.scalar?.string ?? ""),
                let count = Int(value.scalar?.string ?? ""), count >= 0
            else {
                throw Refusal("a correlation's condition takes gt, gte, lt, lte, eq, neq and a count", line: key.line)
            }
            bounds.append(Bound(comparison: comparison, count: count))
        }
        guard !bounds.isEmpty else { throw Refusal("the condition compares with nothing", line: node.line) }
        if bounds.allSatisfy({ $0.holds(0) }) {
            throw Refusal("a condition that holds for no event at all is not supported", line: node.line)
        }
        return bounds
    }

    private static func seconds(_ text: String?, line: Int?) throws(Refusal) -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let text, let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()), count > 0,
            count <= 366 * 86_400 / unit
        else { throw Refusal("a timespan is a number and one of s, m, h, d, at most a year", line: line) }
        return count * unit
    }

    private static func aliases(_ node: Node?) throws(Refusal) -> [String: [String: String]] {
        guard let node, !node.isNull else { return [:] }
        guard let mapping = node.mapping else { throw Refusal("'aliases' is not a map", line: node.line) }
        var result: [String: [String: String]] = [:]
        for (alias, fields) in mapping {
            guard let name = alias.scalar?.string, let fields = fields.mapping else {
                throw Refusal("an alias is a map of rule to field", line: alias.line)
            }
            for (rule, field) in fields {
                guard let rule = rule.scalar?.string, let field = field.scalar?.string else {
                    throw Refusal("an alias is a map of rule to field", line: alias.line)
                }
                result[name, default: [:]][rule] = field
            }
        }
        return result
    }

    private static func flag(_ text: String?, line: Int?) throws(Refusal) -> Bool {
        switch text {
        case nil, "false": return false
        case "true": return true
        case .some: throw Refusal("'generate' takes true or false", line: line)
        }
    }
}
