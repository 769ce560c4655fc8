/// All literals that rules look for in one field.
final class FieldMatcher: Sendable {
    /// One literal at one place, and a predicate that it makes true.
    private struct Use: Sendable {
        var place: Predicate.Literal.Place
        var predicate: Int32
    }

    private let whole: ByteTable
    /// Of no literals where there are none.
    private let automaton: Automaton
    /// Lengths of the automaton's literals.
    private let lengths: [Int32]
    // Uses of each literal, flat: of the whole texts first, then of the automaton's.
    private let uses: [Use]
    private let useStart: [Int32]
    /// Short literals at the beginning or the end of a text, tried one by one: in the automaton they would be met all
    /// the time, in the middle.
    private let edges: [(text: [UInt8], use: Use)]

    private static let shortEdge = 2

    /// For the literals of the automaton as JSON writes them; `nil` where it could not rule anything out.
    private let screen: LiteralPrefilter?
    private let longestWhole: Int
    /// Whether to rule out is as quick as to find out whether a text is known.
    let isQuicklyRuledOut: Bool

    init(_ literals: [(literal: Predicate.Literal, predicate: Int32)]) {
        var wholes: [[UInt8]: [Use]] = [:]
        var parts: [[UInt8]: [Use]] = [:]
        var edges: [(text: [UInt8], use: Use)] = []
        for (literal, predicate) in literals {
            let use = Use(place: literal.place, predicate: predicate)
            if literal.place != .anywhere, literal.place != .whole, literal.text.count <= Self.shortEdge {
                edges.append((literal.text, use))
            } else if literal.place == .whole {
                wholes[literal.text, default: []].append(use)
            } else {
                parts[literal.text, default: []].append(use)
            }
        }
        let wholeTexts = wholes.keys.sorted { $0.lexicographicallyPrecedes($1) }
        let partTexts = parts.keys.sorted { $0.lexicographicallyPrecedes($1) }
        whole = ByteTable(wholeTexts)
        automaton = Automaton(partTexts)
        lengths = partTexts.map { Int32($0.count) }
        screen = edges.isEmpty ? Self.screen(partTexts) : nil
        longestWhole = wholeTexts.map(\.count).max() ?? 0
        isQuicklyRuledOut = screen?.step == 4
        var uses: [Use] = []
        var start: [Int32] = [0]
        for list in wholeTexts.map({ wholes[$0] ?? [] }) + partTexts.map({ parts[$0] ?? [] }) {
            uses += list
            start.append(Int32(uses.count))
        }
        self.edges = edges
        self.uses = uses
        useStart = start
    }

    private static func screen(_ literals: [[UInt8]]) -> LiteralPrefilter? {
        LiteralPrefilter(literals.compactMap(Self.written))
    }

    /// A text as it stands in JSON; `nil` where that takes an escape by number.
    private static func written(_ text: [UInt8]) -> [UInt8]? {
        var written: [UInt8] = []
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): written += [UInt8(ascii: "\\"), byte]
            case 0x08: written += Array("\\b".utf8)
            case 0x09: written += Array("\\t".utf8)
            case 0x0A: written += Array("\\n".utf8)
            case 0x0C: written += Array("\\f".utf8)
            case 0x0D: written += Array("\\r".utf8)
            case ..<0x20: return nil
            default: written.append(byte)
            }
        }
        return written
    }

    /// Whether none of the literals is in a text, judged by how JSON writes it; only for texts that can be written in no
    /// other way (`EventTable.Entry.isUnambiguous`).
    func isRuledOut(_ record: Span<UInt8>, _ range: Range<Int>) -> Bool {
        // An escape takes two bytes for one.
        guard let screen, range.count > 2 * longestWhole else { return false }
        return screen.next(record, from: range.lowerBound, to: range.upperBound).start >= range.upperBound
    }

    /// Marks the predicates that a text makes true.
    func scan(_ buffer: [UInt8], _ range: Range<Int>, _ marks: inout PredicateMarks, _ engine: EventEngine) {
        let text = buffer.span
        if !whole.texts.isEmpty {
            let number = whole.number(of: text, range)
            if number >= 0 {
                for use in Int(useStart[number])..<Int(useStart[number + 1]) {
                    marks.mark(uses[use].predicate, engine)
                }
            }
        }
        for place in edges.indices where stands(place, text, range) { marks.mark(edges[place].use.predicate, engine) }
        if lengths.isEmpty { return }
        // What a class holds is borrowed through variables.
        let (cellsHeld, columnsHeld) = (automaton.cells, automaton.columns)
        let (cells, columns) = (cellsHeld.span, columnsHeld.span)
        var row: UInt32 = 0
        var index = range.lowerBound
        let end = range.upperBound
        guard let prefilter = automaton.prefilter else {
            while index < end {
                let cell = cells[Int(row | UInt32(columns[Int(text[index])]))]
                index += 1
                row = cell & ~Automaton.hit
                if cell & Automaton.hit != 0 { found(automaton, row, index, range, &marks, engine) }
            }
            return
        }
        while index < end {
            // Of no literal more is behind than the prefilter looks at: goes on where the next one may begin.
            let next = prefilter.next(text, from: index - automaton.depth(at: row), to: end)
            index = next.start
            if index >= end { return }
            row = 0
            repeat {
                let cell = cells[Int(row | UInt32(columns[Int(text[index])]))]
                index += 1
                row = cell & ~Automaton.hit
                if cell & Automaton.hit != 0 { found(automaton, row, index, range, &marks, engine) }
            } while index < next.least || index < end && row >= automaton.deepRow
        }
    }

    private func stands(_ place: Int, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let count = edges[place].text.count
        guard count <= range.count else { return false }
        let start = edges[place].use.place == .start ? range.lowerBound : range.upperBound - count
        for offset in 0..<count where edges[place].text[offset] != text[start + offset] { return false }
        return true
    }

    private func found(
        _ automaton: Automaton, _ row: UInt32, _ end: Int, _ range: Range<Int>, _ marks: inout PredicateMarks,
        _ engine: EventEngine
    ) {
        for output in automaton.outputs(at: row) {
            let literal = Int(automaton.outputs[output])
            let number = whole.texts.count + literal
            for place in Int(useStart[number])..<Int(useStart[number + 1]) {
                let use = uses[place]
                switch use.place {
                case .anywhere: break
                case .start: if end - Int(lengths[literal]) != range.lowerBound { continue }
                case .end: if end != range.upperBound { continue }
                case .whole: continue
                }
                marks.mark(use.predicate, engine)
            }
        }
    }
}
