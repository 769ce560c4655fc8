import Expressions

/// The modifiers behind a field's name, and what they make of its values (Sigma modifiers appendix 2.1.0).
struct FieldModifiers {
    let field: String
    /// In the order in which they stand, without `all`, `neq`, `cased` and `expand`.
    let names: [String]
    let isAll: Bool
    let isNegated: Bool
    let isCased: Bool
    let isExpanded: Bool

    private static let known: Set<String> = [
        "contains", "startswith", "endswith", "all", "exists", "cased", "neq", "windash", "re", "i", "m", "s", "base64",
        "base64offset", "wide", "utf16le", "utf16be", "utf16", "lt", "lte", "gt", "gte", "cidr", "fieldref", "expand",
        "minute", "hour", "day", "week", "month", "year",
    ]

    init(_ key: String) throws(Refusal) {
        let parts = key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        field = parts[0]
        let all = Array(parts.dropFirst())
        if let name = all.first(where: { !Self.known.contains($0) }) {
            throw Refusal("the modifier '\(name)' is not known")
        }
        if let name = all.first(where: { name in all.filter { $0 == name }.count > 1 }) {
            throw Refusal("the modifier '\(name)' stands twice")
        }
        isAll = all.contains("all")
        isNegated = all.contains("neq")
        isCased = all.contains("cased")
        isExpanded = all.contains("expand")
        names = all.filter { !["all", "neq", "cased", "expand"].contains($0) }
        if isCased, let name = names.first(where: { !Self.textual.contains($0) }) {
            throw Refusal("'cased' does not go with '\(name)'")
        }
        if field.isEmpty, let name = names.first, ["exists", "fieldref"].contains(name) {
            throw Refusal("'\(name)' needs a field")
        }
    }

    private static let textual: Set<String> = [
        "contains", "startswith", "endswith", "windash", "base64", "base64offset", "wide", "utf16le", "utf16be",
        "utf16", "fieldref",
    ]

    /// The question that a list of values (`nil` is null) asks.
    ///
    /// Where a value has a placeholder, its values are alternatives, also under `all`.
    func test(_ values: [String?], placeholders: PlaceholderValues) throws(Refusal) -> FieldTest {
        guard !values.isEmpty else { throw Refusal("'\(field)' has an empty list of values") }
        var tests: [FieldTest] = []
        for value in values {
            guard isExpanded, let value else {
                tests.append(try test(value))
                continue
            }
            var alternatives: [FieldTest] = []
            for text in try placeholders.expand(value) { alternatives.append(try test(text)) }
            tests.append(alternatives.count == 1 ? alternatives[0] : .any(alternatives))
        }
        let test: FieldTest = tests.count == 1 ? tests[0] : isAll ? .all(tests) : .any(tests)
        return isNegated ? .not(test) : test
    }

    private func test(_ value: String?) throws(Refusal) -> FieldTest {
        guard let value else {
            guard names.isEmpty, !field.isEmpty else { throw Refusal("null goes with no modifier and no keyword") }
            return .isNull(field)
        }
        switch names.first {
        case "exists": return try exists(value)
        case "fieldref":
            try nothing(after: 1)
            return .sameAs(field, other: value, isCased: isCased)
        case "re": return wrap(.expression(try expression(value)))
        case "cidr":
            try nothing(after: 1)
            guard let range = NetworkRange(value) else { throw Refusal("'\(value)' is no network in CIDR notation") }
            return wrap(.network(range))
        case "lt", "lte", "gt", "gte":
            try nothing(after: 1)
            guard let comparison = NumberTest.Comparison(rawValue: names[0]), let bound = Double(value) else {
                throw Refusal("'\(value)' is no number")
            }
            return wrap(.number(NumberTest(comparison: comparison, bound: bound)))
        case .some(let name):
            if let part = TimePart(rawValue: name) { return wrap(.time(try time(part, value))) }
            return try text(value)
        case nil: return try text(value)
        }
    }

    func wrap(_ test: ValueTest) -> FieldTest { field.isEmpty ? .keyword(test) : .field(field, test) }

    private func nothing(after count: Int) throws(Refusal) {
        if names.count > count { throw Refusal("'\(names[count])' does not go after '\(names[count - 1])'") }
    }

    private func exists(_ value: String) throws(Refusal) -> FieldTest {
        try nothing(after: 1)
        switch value.lowercased() {
        case "true", "yes": return .exists(field)
        case "false", "no": return .not(.exists(field))
        default: throw Refusal("'exists' takes true or false")
        }
    }

    /// The part itself, or behind a comparison's name what it is compared with.
    private func time(_ part: TimePart, _ value: String) throws(Refusal) -> TimeTest {
        var comparison: NumberTest.Comparison?
        if names.count > 1 {
            comparison = NumberTest.Comparison(rawValue: names[1])
            if comparison == nil { try nothing(after: 1) }
            try nothing(after: 2)
        }
        guard let bound = Int(value) else { throw Refusal("'\(part.rawValue)' takes a whole number, not '\(value)'") }
        return TimeTest(part: part, comparison: comparison, bound: bound)
    }

    private func expression(_ value: String) throws(Refusal) -> RegularExpression {
        var options: RegularExpression.Options = []
        for name in names.dropFirst() {
            switch name {
            case "i": options.insert(.caseInsensitive)
            case "m": options.insert(.multiline)
            case "s": options.insert(.dotMatchesNewline)
            default: throw Refusal("'\(name)' does not go after 're'")
            }
        }
        do {
            return try RegularExpression(value, options: options)
        } catch {
            throw Refusal(error.reason)
        }
    }
}
