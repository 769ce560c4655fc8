package import Expressions

/// One question to an event, the leaf of a rule.
package indirect enum FieldTest: Sendable {
    case all([FieldTest])
    case any([FieldTest])
    case not(FieldTest)
    /// A field that has a value for which the test holds.
    case field(String, ValueTest)
    case isNull(String)
    case exists(String)
    case sameAs(String, other: String, isCased: Bool)
    /// A keyword, anywhere in the event.
    case keyword(ValueTest)
}

/// A question to one value.
package enum ValueTest: Sendable {
    case text(TextMatcherBox)
    case expression(RegularExpression)
    case network(NetworkRange)
    case number(NumberTest)
    case time(TimeTest)
}

/// A text matcher and whether it looks at the text as it came.
package struct TextMatcherBox: Sendable {
    let matcher: TextMatcher
    let isCased: Bool
}

/// A comparison of numbers.
package struct NumberTest: Sendable {
    enum Comparison: String, Sendable { case lt, lte, gt, gte }
    let comparison: Comparison
    let bound: Double

    func holds(_ text: Span<UInt8>) -> Bool {
        guard text.count <= 64, let value = Double(String(copying: text)) else { return false }
        switch comparison {
        case .lt: return value < bound
        case .lte: return value <= bound
        case .gt: return value > bound
        case .gte: return value >= bound
        }
    }
}

extension FieldTest {
    /// The fields that it asks for.
    var fieldNames: [String] {
        switch self {
        case .all(let tests), .any(let tests): tests.flatMap(\.fieldNames)
        case .not(let test): test.fieldNames
        case .field(let name, _), .isNull(let name), .exists(let name): [name]
        case .sameAs(let name, let other, _): [name, other]
        case .keyword: []
        }
    }
}

extension ValueTest {
    /// Whether it looks at a text with its case folded; otherwise at the text as it came.
    var isAboutFoldedText: Bool { if case .text(let box) = self { !box.isCased } else { false } }

    func holds(_ text: EventText) -> Bool { isAboutFoldedText ? holds(text.folded.span) : holds(text.raw.span) }

    /// - Parameter text: valid UTF-8, its case folded or not as `isAboutFoldedText` says.
    func holds(_ text: Span<UInt8>) -> Bool {
        switch self {
        case .text(let box): box.matcher.matches(text)
        case .expression(let expression): expression.search(text) == .matches
        case .network(let range): range.contains(text)
        case .number(let test): test.holds(text)
        case .time(let test): test.holds(text)
        }
    }
}
