import Expressions

/// The modifiers behind a field's name, and what they make of its values (Sigma modifiers appendix 2.1.0).
struct FieldModifiers {
    let field: String
    private var names: [String]
    private let isAll: Bool
    private let isNegated: Bool
    private let isCased: Bool

    private static let known: Set<String> = [
        "contains", "startswith", "endswith", "all", "exists", "cased", "neq", "windash", "re", "i", "m", "s", "base64",
        "base64offset", "wide", "utf16le", "utf16be", "utf16", "lt", "lte", "gt", "gte", "cidr", "fieldref",
    ]

    init(_ key: String) throws(Refusal) {
        let parts = key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        field = parts[0]
        let all = Array(parts.dropFirst())
        for name in all where !Self.known.contains(name) {
            switch name {
            case "expand": throw Refusal("placeholders (modifier 'expand') have no value source here")
            case "minute", "hour", "day", "week", "month", "year":
                throw Refusal("the time modifier '\(name)' is not supported")
            default: throw Refusal("the modifier '\(name)' is not known")
            }
        }
        if let name = all.first(where: { name in all.filter { $0 == name }.count > 1 }) {
            throw Refusal("the modifier '\(name)' stands twice")
        }
        isAll = all.contains("all")
        isNegated = all.contains("neq")
        isCased = all.contains("cased")
        names = all.filter { !["all", "neq", "cased"].contains($0) }
    }

    /// The question that a list of values (`nil` is null) asks.
    func test(_ values: [String?]) throws(Refusal) -> FieldTest {
        guard !values.isEmpty else { throw Refusal("'\(field)' has an empty list of values") }
        var tests: [FieldTest] = []
        for value in values { tests.append(try test(value)) }
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
            try nothingAfterFirst()
            return .sameAs(field, other: value, isCased: isCased)
        case "re": return wrap(.expression(try expression(value)))
        case "cidr":
            try nothingAfterFirst()
            guard let range = NetworkRange(value) else { throw Refusal("'\(value)' is no network in CIDR notation") }
            return wrap(.network(range))
        case "lt", "lte", "gt", "gte":
            try nothingAfterFirst()
            guard let comparison = NumberTest.Comparison(rawValue: names[0]), let bound = Double(value) else {
                throw Refusal("'\(value)' is no number")
            }
            return wrap(.number(NumberTest(comparison: comparison, bound: bound)))
        default: return try text(value)
        }
    }

    private func wrap(_ test: ValueTest) -> FieldTest { field.isEmpty ? .keyword(test) : .field(field, test) }

    private func nothingAfterFirst() throws(Refusal) {
        if names.count > 1 { throw Refusal("'\(names[1])' does not go after '\(names[0])'") }
    }

    private func exists(_ value: String) throws(Refusal) -> FieldTest {
        try nothingAfterFirst()
        switch value.lowercased() {
        case "true", "yes": return .exists(field)
        case "false", "no": return .not(.exists(field))
        default: throw Refusal("'exists' takes true or false")
        }
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

    /// Applies the modifiers in the order in which they stand; one value may become several (`base64offset`).
    private func text(_ value: String) throws(Refusal) -> FieldTest {
        var patterns = [TextPattern(value)]
        var isWide = false
        for name in names {
            switch name {
            case "contains": for index in patterns.indices { patterns[index].unanchor(start: true, end: true) }
            case "startswith": for index in patterns.indices { patterns[index].unanchor(start: false, end: true) }
            case "endswith": for index in patterns.indices { patterns[index].unanchor(start: true, end: false) }
            case "windash": for index in patterns.indices { patterns[index].allowAnyDash() }
            case "wide", "utf16le", "utf16be", "utf16":
                isWide = true
                patterns = [TextPattern(literal: Self.utf16(try plain(patterns[0], name), as: name))]
            case "base64":
                isWide = false
                patterns = [TextPattern(literal: Base64Text.encode(try plain(patterns[0], name)))]
            case "base64offset":
                isWide = false
                let bytes = try plain(patterns[0], name)
                patterns = Base64Text.encodeAtEveryOffset(bytes).map { TextPattern(literal: $0) }
            default: throw Refusal("the modifier '\(name)' does not go there")
            }
        }
        if isWide { throw Refusal("UTF-16 is only supported before 'base64' and 'base64offset'") }
        if field.isEmpty { for index in patterns.indices { patterns[index].unanchor(start: true, end: true) } }
        let tests = patterns.map {
            wrap(.text(TextMatcherBox(matcher: TextMatcher($0, isCased: isCased), isCased: isCased)))
        }
        return tests.count == 1 ? tests[0] : .any(tests)
    }

    private func plain(_ pattern: TextPattern, _ modifier: String) throws(Refusal) -> [UInt8] {
        guard let bytes = pattern.literal else { throw Refusal("'\(modifier)' does not go with wildcards") }
        return bytes
    }

    private static func utf16(_ bytes: [UInt8], as name: String) -> [UInt8] {
        let units = String(decoding: bytes, as: UTF8.self).utf16
        let isBig = name == "utf16be"
        let mark: [UInt8] = name == "utf16" ? [0xFF, 0xFE] : []
        return mark
            + units.flatMap { unit -> [UInt8] in
                let pair = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
                return isBig ? pair.reversed() : pair
            }
    }
}
