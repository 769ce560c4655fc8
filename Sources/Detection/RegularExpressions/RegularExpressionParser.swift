/// Reads a pattern of the PCRE flavour that the Sigma specification allows, and the few common additions to it.
///
/// Additions: `\d \w \s \b` and their opposites, `(?:…)`, `(?i)`, lazy quantifiers (the same for a yes-or-no answer).
struct RegularExpressionParser {
    private typealias Node = RegularExpressionNode
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var options: RegularExpression.Options
    private var depth = 0

    init(_ pattern: String, options: RegularExpression.Options) {
        scalars = Array(pattern.unicodeScalars)
        self.options = options
    }

    mutating func parse() throws(RegularExpression.Problem) -> RegularExpressionNode {
        let node = try choice()
        if position < scalars.count { throw problem("')' without '('") }
        return node
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func problem(_ reason: String) -> RegularExpression.Problem {
        RegularExpression.Problem(reason: "regular expression: \(reason) (character \(position + 1))")
    }

    private mutating func accept(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func choice() throws(RegularExpression.Problem) -> RegularExpressionNode {
        depth += 1
        defer { depth -= 1 }
        if depth > 50 { throw problem("groups nested deeper than 50") }
        var alternatives = [try sequence()]
        while accept("|") { alternatives.append(try sequence()) }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws(RegularExpression.Problem) -> RegularExpressionNode {
        var parts: [RegularExpressionNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let part = try atom()
            parts.append(try quantified(part))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func quantified(_ part: RegularExpressionNode) throws(RegularExpression.Problem)
        -> RegularExpressionNode
    {
        var node = part
        while let (least, most) = try quantifier() {
            if case .assertion = node { throw problem("a quantifier after an anchor") }
            node = .repeated(node, least: least, most: most)
            if accept("+") { throw problem("possessive quantifiers are not supported") }
            _ = accept("?")
        }
        return node
    }

    private mutating func quantifier() throws(RegularExpression.Problem) -> (Int, Int?)? {
        switch next {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{":
            let start = position
            position += 1
            let least = number()
            var most = least
            if accept(",") { most = number() }
            let isOpen = scalars[position - 1] == ","
            guard accept("}"), least != nil || most != nil else {
                position = start
                return nil
            }
            if let most, most < least ?? 0 { throw problem("a quantifier with its bounds the wrong way round") }
            return (least ?? 0, isOpen ? nil : most)
        default: return nil
        }
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 48), 1_000_000)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(RegularExpression.Problem) -> RegularExpressionNode {
        guard let scalar = next else { throw problem("the pattern ends too early") }
        position += 1
        switch scalar {
        case ".": return .any(newline: options.contains(.dotMatchesNewline))
        case "^": return .assertion(options.contains(.multiline) ? .lineStart : .textStart)
        case "$": return .assertion(options.contains(.multiline) ? .lineEnd : .textEnd)
        case "(": return try group()
        case "[": return .set(try bracket())
        case "\\": return try escape()
        case "*", "+", "?": throw problem("nothing to repeat")
        default: return literal(scalar.value)
        }
    }

    private func literal(_ value: UInt32) -> RegularExpressionNode {
        guard options.contains(.caseInsensitive) else { return .scalar(value) }
        let other = ScalarSet.swappedCase(value)
        return other == value ? .scalar(value) : .set(ScalarSet(ranges: [value...value, other...other]))
    }

    private mutating func group() throws(RegularExpression.Problem) -> RegularExpressionNode {
        let before = options
        if accept("?") {
            for refused in ["=", "!", "<=", "<!", ">", "#", "R", "&", "(", "|"] where accept(refused) {
                throw problem("look-around, atomic groups and the like (\"(?\(refused)\") are not supported")
            }
            if accept("P<") || accept("<") {
                while let scalar = next, scalar != ">" {
                    _ = scalar
                    position += 1
                }
                if !accept(">") { throw problem("a group name that does not end") }
            } else if try inlineOptions() {
                return .empty
            }
        }
        let node = try choice()
        if !accept(")") { throw problem("'(' without ')'") }
        options = before  // an inline option holds until its group ends
        return node
    }

    /// Reads `i`, `-i`, … up to `:` or `)`; true when the group is over with that and the options hold from here on.
    private mutating func inlineOptions() throws(RegularExpression.Problem) -> Bool {
        var adding = true
        while let scalar = next {
            position += 1
            let option: RegularExpression.Options
            switch scalar {
            case ":": return false
            case ")": return true
            case "-":
                adding = false
                continue
            case "i": option = .caseInsensitive
            case "m": option = .multiline
            case "s": option = .dotMatchesNewline
            default: throw problem("the inline option '\(scalar)' is not supported")
            }
            if adding { options.insert(option) } else { options.remove(option) }
        }
        throw problem("'(' without ')'")
    }

    private mutating func escape() throws(RegularExpression.Problem) -> RegularExpressionNode {
        guard let scalar = next else { throw problem("the pattern ends with a backslash") }
        if let set = Self.namedSet(scalar) {
            position += 1
            return .set(set)
        }
        switch scalar {
        case "b", "B":
            position += 1
            return .assertion(.wordBoundary(scalar == "b"))
        case "A":
            position += 1
            return .assertion(.textStart)
        case "Z", "z":
            position += 1
            return .assertion(.textEnd)
        default: return literal(try escapedScalar())
        }
    }

    private static func namedSet(_ scalar: Unicode.Scalar) -> ScalarSet? {
        switch scalar {
        case "d": ScalarSet(ranges: [48...57])
        case "D": ScalarSet(ranges: [48...57], isNegated: true)
        case "w": ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122])
        case "W": ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122], isNegated: true)
        case "s": ScalarSet(ranges: [9...13, 32...32])
        case "S": ScalarSet(ranges: [9...13, 32...32], isNegated: true)
        default: nil
        }
    }

    private mutating func escapedScalar() throws(RegularExpression.Problem) -> UInt32 {
        guard let scalar = next else { throw problem("the pattern ends with a backslash") }
        position += 1
        switch scalar {
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "f": return 12
        case "v": return 11
        case "e": return 27
        case "0": return 0
        case "x": return try hexadecimal(digits: 2)
        case "u": return try hexadecimal(digits: 4)
        case "1"..."9": throw problem("back references are not supported")
        case "a"..."z", "A"..."Z": throw problem("the escape \\\(scalar) is not supported")
        default: return scalar.value
        }
    }

    private mutating func hexadecimal(digits: Int) throws(RegularExpression.Problem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let scalar = next, let digit = Character(scalar).hexDigitValue else {
                throw problem("a hexadecimal escape with too few digits")
            }
            value = value * 16 + UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func bracket() throws(RegularExpression.Problem) -> ScalarSet {
        var set = ScalarSet(ignoresCase: options.contains(.caseInsensitive))
        set.isNegated = accept("^")
        var isFirst = true
        while let scalar = next, isFirst || scalar != "]" {
            isFirst = false
            if scalar == "[", position + 1 < scalars.count, scalars[position + 1] == ":" {
                throw problem("POSIX classes are not supported")
            }
            guard let low = try bracketScalar(into: &set) else { continue }
            guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                set.ranges.append(low...low)
                continue
            }
            position += 1
            guard let high = try bracketScalar(into: &set) else {
                set.ranges += [low...low, 45...45]  // "[a-\d]": the hyphen stands for itself
                continue
            }
            guard low <= high else { throw problem("a range with its bounds the wrong way round") }
            set.ranges.append(low...high)
        }
        if !accept("]") { throw problem("'[' without ']'") }
        return set
    }

    /// One character, or `nil` when a class such as `\d` was added to the set.
    private mutating func bracketScalar(into set: inout ScalarSet) throws(RegularExpression.Problem) -> UInt32? {
        guard let scalar = next else { throw problem("'[' without ']'") }
        position += 1
        guard scalar == "\\" else { return scalar.value }
        guard let escaped = next else { throw problem("the pattern ends with a backslash") }
        if let named = Self.namedSet(escaped) {
            position += 1
            set.ranges += named.isNegated ? Self.complement(named.ranges) : named.ranges
            return nil
        }
        if escaped == "b" {
            position += 1
            return 8
        }
        return try escapedScalar()
    }

    private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in ranges {
            if range.lowerBound > start { result.append(start...(range.lowerBound - 1)) }
            start = range.upperBound + 1
        }
        result.append(start...0x10FFFF)
        return result
    }
}
