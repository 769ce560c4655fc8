/// A question that many rules may share, with one answer for each record.
struct Predicate: Sendable {
    /// How its answer is found.
    enum Finding: Sendable {
        /// It is true when one of its literals was found, and only then.
        case byLiterals
        /// By a test, when a rule asks; if there are literals it cannot be true without one of them.
        case byTest(TableTest)
    }

    /// A literal whose presence in a field's text is looked for in the course of reading it.
    struct Literal: Sendable, Hashable {
        enum Place: UInt8, Sendable { case whole, start, end, anywhere }

        /// Number of the field, or `Predicate.anyField`.
        var field: Int32
        var place: Place
        /// With its case folded.
        var text: [UInt8]
    }

    static let anyField: Int32 = -1

    var finding: Finding
    /// Empty: nothing can be said without the test.
    var literals: [Literal]
}

extension Predicate {
    /// Variants at most that a pattern with dashes is written out in.
    private static let variantLimit = 25

    /// The predicate of a leaf.
    init(_ test: FieldTest, names: FieldNames) {
        finding = .byTest(TableTest(test, names: names))
        literals = []
        switch test {
        case .field(let name, let value):
            if let number = names.number(of: name) { find(value, in: number) }
        case .keyword(let value): find(value, in: Self.anyField)
        default: break
        }
    }

    private mutating func find(_ value: ValueTest, in field: Int32) {
        switch value {
        case .text(let box): find(box, in: field)
        case .expression(let expression):
            if let text = RequiredLiteral.of(expression) {
                literals = [Literal(field: field, place: .anywhere, text: text)]
            }
        default: break
        }
    }

    private mutating func find(_ box: TextMatcherBox, in field: Int32) {
        var exact = true
        switch box.matcher {
        case .equals(let text): literals = [Literal(field: field, place: .whole, text: text)]
        case .begins(let text): literals = [Literal(field: field, place: .start, text: text)]
        case .ends(let text): literals = [Literal(field: field, place: .end, text: text)]
        case .contains(let text): literals = [Literal(field: field, place: .anywhere, text: text)]
        case .anything: exact = false
        case .glob(let elements):
            if let variants = Self.variants(of: elements) {
                literals = variants.map { Literal(field: field, place: $0.place, text: $0.text) }
            } else {
                exact = false
                let longest = elements.split { $0.byte == nil }.map { $0.compactMap(\.byte) }.max {
                    $0.count < $1.count
                }
                if let longest { literals = [Literal(field: field, place: .anywhere, text: longest)] }
            }
        }
        if box.isCased {
            // What the text has as it came, its folded form has folded; beyond ASCII that depends on what stands beside.
            exact = false
            if literals.contains(where: { $0.text.contains { $0 >= 0x80 } }) { literals = [] }
            for place in literals.indices { literals[place].text = EventText.folded(literals[place].text) }
        }
        // What is nearly everywhere anchors nothing, and would keep the automaton busy: it is tried when a rule asks.
        if literals.contains(where: {
            $0.text.isEmpty && $0.place != .whole || $0.text.count == 1 && $0.place == .anywhere
        }) {
            exact = false
            literals = []
        }
        if exact { finding = .byLiterals }
    }

    /// A pattern whose only wildcards are dashes and open ends, as the literals that it stands for.
    private static func variants(of elements: [TextPattern.Element]) -> [(place: Literal.Place, text: [UInt8])]? {
        let startsOpen = elements.first == .many
        let endsOpen = elements.count > 1 && elements.last == .many
        var texts: [[UInt8]] = [[]]
        for element in elements.dropFirst(startsOpen ? 1 : 0).dropLast(endsOpen ? 1 : 0) {
            switch element {
            case .byte(let byte): for place in texts.indices { texts[place].append(byte) }
            case .dash:
                guard texts.count * TextPattern.dashes.count <= variantLimit else { return nil }
                texts = texts.flatMap { text in TextPattern.dashes.map { text + $0 } }
            case .one, .many: return nil
            }
        }
        let place: Literal.Place =
            switch (startsOpen, endsOpen) {
            case (false, false): .whole
            case (false, true): .start
            case (true, false): .end
            case (true, true): .anywhere
            }
        return texts.map { (place, $0) }
    }
}
