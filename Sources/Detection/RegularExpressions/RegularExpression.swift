/// A regular expression that answers in time linear in its input.
///
/// Rules come from outside and so do the strings they are held against. The engines at hand (NSRegularExpression,
/// Swift's Regex) backtrack and have no step limit, so one rule with `(a+)+$` could stop a server. This one runs all
/// alternatives side by side (Thompson 1968): at most `instructionLimit` steps for each character of at most
/// `inputLimit` bytes. What needs backtracking (look-around, back references, possessive groups) is refused, and the
/// Sigma specification does not have it either (Modifiers 2.1.0, "Regular Expression").
///
/// The search is unanchored and case-sensitive unless asked otherwise. `\d`, `\w`, `\s`, `\b` are ASCII.
/// - Note: input beyond `inputLimit` is not looked at.
package struct RegularExpression: Sendable {
    package struct Options: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let caseInsensitive = Options(rawValue: 1)
        /// `^` and `$` also match at line ends.
        package static let multiline = Options(rawValue: 2)
        /// `.` also matches a newline.
        package static let dotMatchesNewline = Options(rawValue: 4)
    }

    /// Why a pattern is refused.
    package struct Problem: Error, Sendable, Hashable {
        package var reason: String
    }

    /// Instructions at most in one compiled expression.
    package static let instructionLimit = 5_000
    /// Bytes of input looked at.
    package static let inputLimit = 65_536

    enum Instruction: Sendable {
        case scalar(UInt32)
        case set(Int)
        case any, anyButNewline
        case split(Int, Int)
        case jump(Int)
        case textStart, textEnd, lineStart, lineEnd
        case wordBoundary(Bool)
        case match
    }

    let program: [Instruction]
    let sets: [ScalarSet]
    /// Characters that every match has at least: shorter inputs need no run.
    let shortest: Int

    package init(_ pattern: String, options: Options = []) throws(Problem) {
        var parser = RegularExpressionParser(pattern, options: options)
        let tree = try parser.parse()
        var emitter = Emitter()
        try emitter.emit(tree)
        emitter.program.append(.match)
        program = emitter.program
        sets = emitter.sets
        shortest = tree.shortest
    }
}

/// A part of a pattern, with the options that held where it stood.
indirect enum RegularExpressionNode {
    case empty
    case scalar(UInt32)
    case set(ScalarSet)
    case any(newline: Bool)
    case sequence([RegularExpressionNode])
    case choice([RegularExpressionNode])
    case repeated(RegularExpressionNode, least: Int, most: Int?)
    case assertion(RegularExpression.Instruction)

    var shortest: Int {
        switch self {
        case .empty, .assertion: 0
        case .scalar, .set, .any: 1
        case .sequence(let parts): parts.reduce(0) { min($0 + $1.shortest, 1_000_000) }
        case .choice(let parts): parts.map(\.shortest).min() ?? 0
        case .repeated(let part, let least, _): min(part.shortest * least, 1_000_000)
        }
    }
}

/// Characters of a bracket expression or of `\d`, `\w`, `\s`.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    var ignoresCase = false

    func contains(_ scalar: UInt32) -> Bool {
        var found = holds(scalar)
        if !found, ignoresCase {
            let other = Self.swappedCase(scalar)
            found = other != scalar && holds(other)
        }
        return found != isNegated
    }

    private func holds(_ scalar: UInt32) -> Bool {
        for range in ranges where range.contains(scalar) { return true }
        return false
    }

    /// The other case of a character that has exactly one.
    static func swappedCase(_ value: UInt32) -> UInt32 {
        switch value {
        case 65...90: return value + 32
        case 97...122: return value - 32
        case ..<128: return value
        default:
            guard let scalar = Unicode.Scalar(value) else { return value }
            let properties = scalar.properties
            let mapped = properties.isUppercase ? properties.lowercaseMapping : properties.uppercaseMapping
            let scalars = mapped.unicodeScalars
            return scalars.count == 1 ? (scalars.first?.value ?? value) : value
        }
    }
}

private struct Emitter {
    var program: [RegularExpression.Instruction] = []
    var sets: [ScalarSet] = []

    mutating func emit(_ node: RegularExpressionNode) throws(RegularExpression.Problem) {
        guard program.count < RegularExpression.instructionLimit else {
            throw RegularExpression.Problem(
                reason: "the regular expression is too large (more than \(RegularExpression.instructionLimit) steps)")
        }
        switch node {
        case .empty: break
        case .scalar(let value): program.append(.scalar(value))
        case .set(let set):
            program.append(.set(sets.count))
            sets.append(set)
        case .any(let newline): program.append(newline ? .any : .anyButNewline)
        case .assertion(let instruction): program.append(instruction)
        case .sequence(let parts): for part in parts { try emit(part) }
        case .choice(let parts): try emitChoice(parts)
        case .repeated(let part, let least, let most): try emitRepeat(part, least: least, most: most)
        }
    }

    private mutating func emitChoice(_ parts: [RegularExpressionNode]) throws(RegularExpression.Problem) {
        var ends: [Int] = []
        for (index, part) in parts.enumerated() {
            guard index < parts.count - 1 else {
                try emit(part)
                break
            }
            let split = program.count
            program.append(.match)
            try emit(part)
            ends.append(program.count)
            program.append(.match)
            program[split] = .split(split + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }

    private mutating func emitRepeat(
        _ part: RegularExpressionNode, least: Int, most: Int?
    ) throws(RegularExpression.Problem) {
        for _ in 0..<least { try emit(part) }
        guard let most else {
            let split = program.count
            program.append(.match)
            try emit(part)
            program.append(.jump(split))
            program[split] = .split(split + 1, program.count)
            return
        }
        var splits: [Int] = []
        for _ in 0..<max(0, most - least) {
            splits.append(program.count)
            program.append(.match)
            try emit(part)
        }
        for split in splits { program[split] = .split(split + 1, program.count) }
    }
}
