import Expressions

/// A leaf of a rule with its fields by number: what is asked of an `EventTable` where literals do not tell.
enum TableTest: Sendable {
    case field(Int32, ValueTest)
    case isNull(Int32)
    case exists(Int32)
    case sameAs(Int32, other: Int32, isCased: Bool)
    /// Anywhere in the record.
    case keyword(ValueTest)
    /// What has no fields; leaves do.
    case never

    init(_ test: FieldTest, names: FieldNames) {
        switch test {
        case .field(let name, let value): self = names.number(of: name).map { .field($0, value) } ?? .never
        case .isNull(let name): self = names.number(of: name).map { .isNull($0) } ?? .never
        case .exists(let name): self = names.number(of: name).map { .exists($0) } ?? .never
        case .sameAs(let name, let other, let isCased):
            if let name = names.number(of: name), let other = names.number(of: other) {
                self = .sameAs(name, other: other, isCased: isCased)
            } else {
                self = .never
            }
        case .keyword(let value): self = .keyword(value)
        case .all, .any, .not: self = .never
        }
    }
}

extension EventTable {
    /// Whether a test holds for the record.
    mutating func holds(_ test: TableTest, in record: Span<UInt8>) -> Bool {
        switch test {
        case .field(let field, let value):
            var place = first[Int(field)]
            while place >= 0 {
                let entry = entries[Int(place)]
                if entry.kind == .text || entry.kind == .objectText, holds(value, at: Int(place), in: record) {
                    return true
                }
                place = entry.next
            }
            return false
        case .isNull(let field):
            var place = first[Int(field)]
            while place >= 0 {
                let entry = entries[Int(place)]
                if entry.kind != .present { return false }
                place = entry.next
            }
            return true
        case .exists(let field): return first[Int(field)] >= 0
        case .sameAs(let field, let other, let isCased):
            return pairs(field, other) { table, left, right in
                let one = isCased ? table.raw(left, in: record) : table.folded(left, in: record)
                let two = isCased ? table.raw(right, in: record) : table.folded(right, in: record)
                return table.text[one] == table.text[two]
            }
        case .keyword(let value):
            var place = 0
            while place < entries.count {
                if entries[place].kind == .text, holds(value, at: place, in: record) { return true }
                place += 1
            }
            return false
        case .never: return false
        }
    }

    private mutating func holds(_ test: ValueTest, at place: Int, in record: Span<UInt8>) -> Bool {
        let range = test.isAboutFoldedText ? folded(place, in: record) : raw(place, in: record)
        guard case .expression(let expression) = test else { return test.holds(text.span.extracting(range)) }
        let outcome = expression.search(text.span.extracting(range))
        if outcome == .exceeded { exceeded += 1 }
        return outcome == .matches
    }

    private mutating func pairs(
        _ field: Int32, _ other: Int32, _ holds: (inout EventTable, Int, Int) -> Bool
    ) -> Bool {
        var left = first[Int(field)]
        while left >= 0 {
            var right = first[Int(other)]
            while right >= 0 {
                if entries[Int(left)].kind == .text, entries[Int(right)].kind == .text,
                    holds(&self, Int(left), Int(right))
                {
                    return true
                }
                right = entries[Int(right)].next
            }
            left = entries[Int(left)].next
        }
        return false
    }
}
