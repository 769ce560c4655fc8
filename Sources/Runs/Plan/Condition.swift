package import JSON

/// A condition that Docket can evaluate from observed values.
///
/// `REFERENCE OPERATOR JSON`, joined by `AND` and `OR` (`AND` binds tighter, no parentheses), for example
/// `step:action--…:observed:/isolated = true AND step:action--…:output:/count >= 3`. Operators: `= != < <= > >=`;
/// the last four compare numbers only. The literal after the operator is JSON; a text in single quotes is one too, as
/// STIX patterns write it. A reference that leads nowhere makes the condition unknown, which is neither true nor false.
package struct Condition: Sendable, Hashable {
    private enum Comparison: String {
        case equal = "=", notEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    }

    private struct Term: Hashable {
        var reference: ValueReference
        var comparison: Comparison
        var literal: JSONValue
    }

    /// Any of these, of which all.
    private var alternatives: [[Term]]

    package init?(_ text: String) {
        alternatives = []
        for alternative in Self.split(text, at: "OR") {
            var terms: [Term] = []
            for part in Self.split(alternative, at: "AND") {
                guard let term = Self.term(part) else { return nil }
                terms.append(term)
            }
            alternatives.append(terms)
        }
    }

    /// - Returns: `nil` where a value that decides is not there or of a type that cannot be compared.
    package func evaluate(_ lookup: (ValueReference) -> JSONValue?) -> Bool? {
        var isUnknown = false
        for terms in alternatives {
            let results = terms.map { Self.evaluate($0, lookup) }
            if results.contains(false) { continue }
            if results.contains(nil) { isUnknown = true } else { return true }
        }
        return isUnknown ? nil : false
    }

    private static func evaluate(_ term: Term, _ lookup: (ValueReference) -> JSONValue?) -> Bool? {
        guard let found = lookup(term.reference) else { return nil }
        switch term.comparison {
        case .equal: return found == term.literal
        case .notEqual: return found != term.literal
        default: break
        }
        guard let left = found.doubleValue, let right = term.literal.doubleValue else { return nil }
        return switch term.comparison {
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        default: left >= right
        }
    }

    private static func term(_ words: [Substring]) -> Term? {
        guard words.count >= 3, let reference = ValueReference(String(words[0])),
            let comparison = Comparison(rawValue: String(words[1]))
        else { return nil }
        let text = words[2...].joined(separator: " ")
        if text.count >= 2, text.hasPrefix("'"), text.hasSuffix("'") {
            return Term(
                reference: reference, comparison: comparison, literal: .string(String(text.dropFirst().dropLast())))
        }
        do {
            return Term(reference: reference, comparison: comparison, literal: try JSONValue.parse(text))
        } catch {
            return nil
        }
    }

    private static func split(_ text: String, at keyword: Substring) -> [[Substring]] {
        split(text.split(separator: " "), at: keyword)
    }

    private static func split(_ words: [Substring], at keyword: Substring) -> [[Substring]] {
        words.split(separator: keyword, omittingEmptySubsequences: false).map(Array.init)
    }
}
