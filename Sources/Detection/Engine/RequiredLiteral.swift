import Expressions

/// A text that every match of a regular expression has, found by reading the pattern with great care: a wrong answer
/// would be a rule that silently never holds.
///
/// Only literal characters at the outermost level count, outside of groups, classes and alternatives, and only those
/// that no quantifier lets go. Whatever is not certainly understood ends the reading with no answer.
enum RequiredLiteral {
    /// The longest such text with its case folded, ASCII only; `nil` where there is none of at least three characters.
    static func of(_ expression: RegularExpression) -> [UInt8]? {
        var reader = Reader(expression)
        guard let runs = reader.runs() else { return nil }
        let longest = runs.max { $0.count < $1.count } ?? []
        return longest.count >= 3 ? EventText.folded(longest) : nil
    }

    private struct Reader {
        let pattern: [UInt8]
        /// Without regard to case `s` is also `ſ`, which no folding here makes an `s`.
        var isCaseless: Bool
        var index = 0

        init(_ expression: RegularExpression) {
            pattern = Array(expression.pattern.utf8)
            isCaseless = expression.options.contains(.caseInsensitive)
        }

        /// Runs of literal characters, or `nil`.
        mutating func runs() -> [[UInt8]]? {
            var runs: [[UInt8]] = []
            var run: [UInt8] = []
            func close() {
                if !run.isEmpty { runs.append(run) }
                run = []
            }
            while index < pattern.count {
                let byte = pattern[index]
                switch byte {
                case UInt8(ascii: "|"): return nil
                case UInt8(ascii: "("):
                    // Options such as (?x) change how the rest is read, (?i) does not: the text is folded anyway.
                    if isAt("(?i)") {
                        index += 4
                        isCaseless = true
                        continue
                    }
                    guard !isAt("(?") || isAt("(?:"), !isAt("(*"), skipGroup() else { return nil }
                    close()
                    guard skipQuantifier() != nil else { return nil }
                case UInt8(ascii: "["):
                    guard skipClass() else { return nil }
                    close()
                    guard skipQuantifier() != nil else { return nil }
                default:
                    guard let literal = character() else { return nil }
                    guard let quantifier = skipQuantifier() else { return nil }
                    guard let literal, !isCaseless || literal | 0x20 != UInt8(ascii: "s") else {
                        close()
                        continue
                    }
                    switch quantifier {
                    case .once: run.append(literal)
                    case .atLeastOnce:
                        run.append(literal)
                        close()
                    case .perhaps: close()
                    }
                }
            }
            close()
            return runs
        }

        private func isAt(_ text: String) -> Bool { pattern[index...].starts(with: text.utf8) }

        /// Reads one character or escape. - Returns: `nil` where it is not understood; an inner `nil` for what is no
        /// literal.
        private mutating func character() -> UInt8?? {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"): return .some(nil)
            case UInt8(ascii: "\\"):
                guard index < pattern.count else { return nil }
                let escaped = pattern[index]
                index += 1
                switch escaped {
                case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "s"),
                    UInt8(ascii: "S"), UInt8(ascii: "b"), UInt8(ascii: "B"):
                    return .some(nil)
                // Letters and digits have meanings, all other ASCII stands for itself (pcre2pattern, "Backslash").
                case 48...57, 65...90, 97...122, 128...: return nil
                default: return escaped
                }
            case UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"),
                128...:
                return nil
            default: return byte
            }
        }

        private enum Quantifier { case once, atLeastOnce, perhaps }

        private mutating func skipQuantifier() -> Quantifier? {
            guard index < pattern.count else { return .once }
            let found: Quantifier
            switch pattern[index] {
            case UInt8(ascii: "*"), UInt8(ascii: "?"):
                found = .perhaps
                index += 1
            case UInt8(ascii: "+"):
                found = .atLeastOnce
                index += 1
            case UInt8(ascii: "{"):
                let start = index + 1
                index = start
                while index < pattern.count, pattern[index] != UInt8(ascii: "}") { index += 1 }
                guard index < pattern.count else { return nil }
                let bounds = pattern[start..<index]
                index += 1
                guard let first = bounds.first, first &- UInt8(ascii: "0") < 10,
                    bounds.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 || $0 == UInt8(ascii: ",") })
                else { return nil }
                let least = Int(String(decoding: bounds.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self)) ?? 0
                found = least > 0 ? .atLeastOnce : .perhaps
            default: return .once
            }
            // Lazy or possessive: what must be there does not change.
            if index < pattern.count, pattern[index] == UInt8(ascii: "?") || pattern[index] == UInt8(ascii: "+") {
                index += 1
            }
            return found
        }

        private mutating func skipGroup() -> Bool {
            var depth = 0
            while index < pattern.count {
                switch pattern[index] {
                case UInt8(ascii: "\\"): index += 1
                case UInt8(ascii: "["):
                    guard skipClass() else { return false }
                    continue
                case UInt8(ascii: "("): depth += 1
                case UInt8(ascii: ")"):
                    depth -= 1
                    if depth == 0 {
                        index += 1
                        return true
                    }
                default: break
                }
                index += 1
            }
            return false
        }

        private mutating func skipClass() -> Bool {
            index += 1
            if index < pattern.count, pattern[index] == UInt8(ascii: "^") { index += 1 }
            // A bracket that stands first is one of the characters.
            if index < pattern.count, pattern[index] == UInt8(ascii: "]") { index += 1 }
            while index < pattern.count {
                switch pattern[index] {
                case UInt8(ascii: "\\"): index += 1
                case UInt8(ascii: "["):
                    if index + 1 < pattern.count, pattern[index + 1] == UInt8(ascii: ":") { return false }
                case UInt8(ascii: "]"):
                    index += 1
                    return true
                default: break
                }
                index += 1
            }
            return false
        }
    }
}
