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

    func holds(_ text: EventText) -> Bool {
        guard let value = Double(String(decoding: text.raw, as: UTF8.self)) else { return false }
        switch comparison {
        case .lt: return value < bound
        case .lte: return value <= bound
        case .gt: return value > bound
        case .gte: return value >= bound
        }
    }
}

extension FieldTest {
    /// A field that is missing holds for nothing but `null`, so a negated test of it is true (Sigma 2.1, traps).
    func holds(_ event: DetectionEvent) -> Bool {
        switch self {
        case .all(let tests):
            for test in tests where !test.holds(event) { return false }
            return true
        case .any(let tests):
            for test in tests where test.holds(event) { return true }
            return false
        case .not(let test): return !test.holds(event)
        case .field(let name, let test):
            guard let field = event.fields[name] else { return false }
            for text in field.texts where test.holds(text) { return true }
            for text in field.objectTexts where test.holds(text) { return true }
            return false
        case .isNull(let name): return event.fields[name]?.isNull ?? true
        case .exists(let name): return event.fields[name] != nil
        case .sameAs(let name, let other, let isCased):
            guard let left = event.fields[name]?.texts, let right = event.fields[other]?.texts else { return false }
            return left.contains { one in right.contains { isCased ? $0.raw == one.raw : $0.folded == one.folded } }
        case .keyword(let test):
            for field in event.fields.values {
                for text in field.texts where test.holds(text) { return true }
            }
            return false
        }
    }
}

extension ValueTest {
    func holds(_ text: EventText) -> Bool {
        switch self {
        case .text(let box): box.matcher.matches(box.isCased ? text.raw : text.folded)
        case .expression(let expression): expression.matches(text.raw)
        case .network(let range): range.contains(text)
        case .number(let test): test.holds(text)
        case .time(let test): test.holds(text)
        }
    }
}
