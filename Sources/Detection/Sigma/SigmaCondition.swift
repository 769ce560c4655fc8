/// What a rule's `condition` says about its search identifiers.
///
/// Grammar (Sigma rules specification 2.1, "Condition"), weakest first: `or`, `and`, `not`, `1 of`/`all of`, brackets.
package indirect enum SigmaCondition: Sendable, Hashable {
    case identifier(String)
    case not(SigmaCondition)
    case all([SigmaCondition])
    case any([SigmaCondition])

    /// Reads one condition against the identifiers that the rule defines.
    ///
    /// A name or a pattern that no identifier answers to is refused: as "true" it would alert on everything, as "false"
    /// on nothing.
    init(_ text: String, identifiers: [String]) throws(Refusal) {
        var parser = Parser(tokens: try Self.tokens(text), identifiers: identifiers)
        self = try parser.parse()
    }

    private static func tokens(_ text: String) throws(Refusal) -> [String] {
        var tokens: [String] = []
        var word = ""
        for character in text {
            switch character {
            case "(", ")":
                if !word.isEmpty { tokens.append(word) }
                tokens.append(String(character))
                word = ""
            case "|":
                throw Refusal(
                    "aggregations in a condition ('|') were replaced by correlations in Sigma 2 and are refused")
            case _ where character.isWhitespace:
                if !word.isEmpty { tokens.append(word) }
                word = ""
            default: word.append(character)
            }
        }
        if !word.isEmpty { tokens.append(word) }
        return tokens
    }
}

private struct Parser {
    let tokens: [String]
    let identifiers: [String]
    var position = 0
    var depth = 0

    init(tokens: [String], identifiers: [String]) {
        self.tokens = tokens
        self.identifiers = identifiers
    }

    mutating func parse() throws(Refusal) -> SigmaCondition {
        let condition = try or()
        if let token = next { throw Refusal("the condition does not end at '\(token)'") }
        return condition
    }

    private var next: String? { position < tokens.count ? tokens[position] : nil }

    private mutating func accept(_ token: String) -> Bool {
        guard next == token else { return false }
        position += 1
        return true
    }

    private mutating func or() throws(Refusal) -> SigmaCondition {
        var parts = [try and()]
        while accept("or") { parts.append(try and()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func and() throws(Refusal) -> SigmaCondition {
        var parts = [try not()]
        while accept("and") { parts.append(try not()) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func not() throws(Refusal) -> SigmaCondition {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw Refusal("the condition is nested deeper than 100") }
        return accept("not") ? .not(try not()) : try operand()
    }

    private mutating func operand() throws(Refusal) -> SigmaCondition {
        guard let token = next else { throw Refusal("the condition ends too early") }
        position += 1
        if token == "(" {
            let inner = try or()
            if !accept(")") { throw Refusal("'(' without ')' in the condition") }
            return inner
        }
        if next == "of", !identifiers.contains(token) {
            position += 1
            return try quantified(token)
        }
        guard identifiers.contains(token) else {
            throw Refusal("the condition names '\(token)', which the rule does not define")
        }
        return .identifier(token)
    }

    private mutating func quantified(_ quantity: String) throws(Refusal) -> SigmaCondition {
        guard let pattern = next else { throw Refusal("the condition ends after '\(quantity) of'") }
        position += 1
        let chosen = identifiers.filter {
            pattern == "them" ? !$0.hasPrefix("_") : Self.matches(Substring($0), Substring(pattern))
        }
        guard !chosen.isEmpty else { throw Refusal("no search identifier answers to '\(pattern)'") }
        switch quantity {
        case "1", "any": return .any(chosen.map { .identifier($0) })
        case "all": return .all(chosen.map { .identifier($0) })
        default: throw Refusal("'\(quantity) of' is not supported, only '1 of' and 'all of'")
        }
    }

    /// `*` at arbitrary positions stands for any number of characters. A name that begins with an underscore is left
    /// out unless the pattern asks for it, as in `them`.
    private static func matches(_ name: Substring, _ pattern: Substring) -> Bool {
        if name.hasPrefix("_"), !pattern.hasPrefix("_") { return false }
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return name == pattern }
        guard name.hasPrefix(parts[0]) else { return false }
        var rest = name.dropFirst(parts[0].count)
        for part in parts[1..<(parts.count - 1)] where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(parts[parts.count - 1])
    }
}
