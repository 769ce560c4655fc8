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

    private let screen: LiteralScreen
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
        screen = LiteralScreen(wholes: wholeTexts, parts: partTexts, hasEdges: !edges.isEmpty)
        isQuicklyRuledOut = screen.isQuick
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

    /// Whether none of the literals is in a value, judged by its bytes in the record.
    @inline(__always)
    func isRuledOut(_ entry: EventTable.Entry, _ record: Span<UInt8>) -> Bool {
        entry.isPlain && !entry.isFree
            && screen.rulesOut(record, entry.range, isObject: entry.kind == .objectText)
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
