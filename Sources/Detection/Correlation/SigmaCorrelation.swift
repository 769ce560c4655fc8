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
        /// A number made of the numbers in a field.
        case measure(Statistic, field: String, [Bound])
        /// Matches of so many of the rules, of all where no bound says otherwise, in any order.
        case temporal([Bound])
        /// A match of every rule, in the order in which the rules stand, each by another record.
        case temporalOrdered
    }

    package enum Statistic: Sendable, Hashable {
        case sum
        case average
        /// The nearest rank: the least number that so many of a hundred do not exceed. The rank is above 0 and at most
        /// 100.
        case percentile(Quantity)
    }

    /// One line of a condition; two make a range.
    package struct Bound: Sendable, Hashable {
        package enum Comparison: String, Sendable, Hashable { case gt, gte, lt, lte, eq, neq }
        package let comparison: Comparison
        package let limit: Quantity

        package init(comparison: Comparison, count: Int) {
            self.init(comparison: comparison, limit: Quantity(count))
        }

        package init(comparison: Comparison, limit: Quantity) {
            self.comparison = comparison
            self.limit = limit
        }

        package func holds(_ count: Int) -> Bool { holds(Quantity(count).millionths, among: 1) }

        /// - Parameter millionths: the sum of so many numbers, of which the average is meant.
        func holds(_ millionths: Int128, among numbers: Int) -> Bool {
            let bound = limit.millionths &* Int128(numbers)
            return switch comparison {
            case .gt: millionths > bound
            case .gte: millionths >= bound
            case .lt: millionths < bound
            case .lte: millionths <= bound
            case .eq: millionths == bound
            case .neq: millionths != bound
            }
        }
    }

    /// What the condition compares with; empty where there is none.
    var bounds: [Bound] {
        switch kind {
        case .eventCount(let bounds), .valueCount(_, let bounds), .measure(_, _, let bounds), .temporal(let bounds):
            bounds
        case .temporalOrdered: []
        }
    }

    /// Whether it counts numbers, so that a record without one does not count.
    var isMeasured: Bool { if case .measure = kind { true } else { false } }

    /// Whether it holds for what does not happen: its windows are over by time, not by a record.
    ///
    /// An average or a percentile of nothing is no number, so no condition on it holds.
    package var isAbsence: Bool {
        switch kind {
        case .measure(.average, _, _), .measure(.percentile, _, _): false
        default: !bounds.isEmpty && bounds.allSatisfy { $0.holds(0) }
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
            return .valueCount(fields: fields, try bounds(condition, besides: ["field"]))
        case .some(let type) where ["value_sum", "value_avg", "value_percentile"].contains(type):
            guard let condition else { throw Refusal("\(type) needs a condition", line: line) }
            let fields = condition.mapping?["field"]?.texts ?? []
            guard fields.count == 1 else { throw Refusal("\(type) needs one field in its condition", line: line) }
            if type != "value_percentile" {
                return .measure(
                    type == "value_sum" ? .sum : .average, field: fields[0],
                    try bounds(condition, besides: ["field"], isWhole: false))
            }
            return .measure(
                .percentile(try rank(condition)), field: fields[0],
                try bounds(condition, besides: ["field", "percentile"], isWhole: false))
        case .some(let type) where type == "temporal" || type == "temporal_ordered":
            if condition != nil, type == "temporal_ordered" {
                throw Refusal(
                    "temporal_ordered with a condition is not supported: it wants all of its rules", line: line)
            }
            if ruleCount < 2 { throw Refusal("\(type) needs at least two rules", line: line) }
            if ruleCount > stepLimit { throw Refusal("\(type) takes at most \(stepLimit) rules", line: line) }
            return type == "temporal"
                ? .temporal(try condition.map { node throws(Refusal) in try bounds(node) } ?? [])
                : .temporalOrdered
        case .some(let type):
            throw Refusal("the correlation type '\(type)' is not supported", line: body["type"]?.line ?? line)
        case nil: throw Refusal("the correlation has no type", line: line)
        }
    }

    /// Sigma names no key for the rank that a percentile is of; this one is an extension.
    private static func rank(_ condition: Node) throws(Refusal) -> Quantity {
        guard let text = condition.text("percentile") else {
            throw Refusal(
                "value_percentile does not say which: name it in the condition, such as 'percentile: 95'",
                line: condition.line)
        }
        guard let rank = Quantity(text), rank > Quantity(0), rank <= Quantity(100) else {
            throw Refusal("'percentile' is a number above 0 and at most 100", line: condition.line)
        }
        return rank
    }

    /// - Parameter isWhole: a count, which is compared with whole numbers.
    private static func bounds(
        _ node: Node, besides others: Set<String> = [], isWhole: Bool = true
    ) throws(Refusal) -> [Bound] {
        guard let mapping = node.mapping, !mapping.isEmpty else {
            throw Refusal("a correlation's condition is a map such as 'gte: 10'", line: node.line)
        }
        var bounds: [Bound] = []
        for (key, value) in mapping where !others.contains(key.scalar?.string ?? "") {
            let text = value.scalar?.string ?? ""
            guard let comparison = Bound.Comparison(rawValue: key.scalar?.string ?? ""),
                let limit = Quantity(text), limit.millionths.magnitude < Quantity.limit.magnitude * 1_000_000
            else {
                throw Refusal("a correlation's condition takes gt, gte, lt, lte, eq, neq and a number", line: key.line)
            }
            if isWhole, Int(text).map({ $0 < 0 }) ?? true {
                throw Refusal("a count is compared with a whole number, not with '\(text)'", line: key.line)
            }
            bounds.append(Bound(comparison: comparison, limit: limit))
        }
        guard !bounds.isEmpty else { throw Refusal("the condition compares with nothing", line: node.line) }
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
