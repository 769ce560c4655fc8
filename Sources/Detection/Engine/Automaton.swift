/// Finds all of many literals in one pass over a text (Aho and Corasick, 1975), as a dense table: one load for each
/// byte, whatever the number of literals.
///
/// Bytes that no literal has share one column. States are numbered in the order of their depth, so the shallow ones, in
/// which nearly all of the time is spent, lie together.
struct Automaton: Sendable {
    /// The high bit of a cell: the state that it leads to ends a literal.
    static let hit: UInt32 = 1 << 31

    /// `state << shift | column` leads to the place of the next row, and perhaps `hit`.
    let cells: [UInt32]
    /// Column of each byte.
    let columns: [UInt8]
    let shift: UInt32
    /// Of each state the literals that end there: places in `outputs`.
    private let outputStart: [UInt32]
    /// Numbers of literals.
    let outputs: [Int32]
    let prefilter: LiteralPrefilter?
    /// The place of the first row whose state has as many bytes of a literal behind it as the prefilter looks at.
    let deepRow: UInt32

    /// - Parameter literals: each at most once, none of them empty; a literal's number is its place.
    init(_ literals: [[UInt8]]) {
        var used = [Bool](repeating: false, count: 256)
        for literal in literals { for byte in literal { used[Int(byte)] = true } }
        var columns = [UInt8](repeating: 0, count: 256)
        // With all 256 bytes in use there is no byte left for column 0, and no need of it.
        var next = used.allSatisfy { $0 } ? 0 : 1
        for byte in 0..<256 where used[byte] {
            columns[byte] = UInt8(next)
            next += 1
        }
        var shift: UInt32 = 0
        while 1 << shift < next { shift += 1 }
        self.columns = columns
        self.shift = shift
        let tree = Trie(literals, columns: columns, width: 1 << Int(shift))
        let built = tree.automaton(shift: shift)
        (cells, outputStart, outputs) = (built.cells, built.outputStart, built.outputs)
        prefilter = LiteralPrefilter(literals)
        let deep = UInt32(prefilter?.length ?? 0)
        deepRow = UInt32(built.depths.firstIndex { $0 >= deep } ?? built.depths.count) << shift
        depths = built.depths
    }

    /// How many bytes of a literal a state has behind it.
    private let depths: [UInt32]

    @inline(__always)
    func depth(at row: UInt32) -> Int { Int(depths[Int(row >> shift)]) }

    /// The literals that end in a state, by the place of its row.
    @inline(__always)
    func outputs(at row: UInt32) -> Range<Int> {
        let state = Int(row >> shift)
        return Int(outputStart[state])..<Int(outputStart[state + 1])
    }
}

/// The literals as a tree of their bytes, on the way to the automaton.
private struct Trie {
    private let width: Int
    /// Rows of children by column; 0 is none, since nothing leads to the root.
    private var children: [UInt32]
    private var ends: [[Int32]] = [[]]

    init(_ literals: [[UInt8]], columns: [UInt8], width: Int) {
        self.width = width
        children = [UInt32](repeating: 0, count: width)
        for (number, literal) in literals.enumerated() {
            var state = 0
            for byte in literal {
                let cell = state * width + Int(columns[Int(byte)])
                if children[cell] == 0 {
                    children[cell] = UInt32(ends.count)
                    ends.append([])
                    children.append(contentsOf: repeatElement(0, count: width))
                }
                state = Int(children[cell])
            }
            ends[state].append(Int32(number))
        }
    }

    /// Breadth first: a state's failure is shallower, so its row is complete when it is copied.
    func automaton(
        shift: UInt32
    ) -> (cells: [UInt32], outputStart: [UInt32], outputs: [Int32], depths: [UInt32]) {
        let count = ends.count
        var depths = [UInt32](repeating: 0, count: count)
        var order = [Int](repeating: 0, count: count)
        var numbers = [UInt32](repeating: 0, count: count)
        var filled = 1
        var at = 0
        while at < filled {
            for column in 0..<width {
                let child = Int(children[order[at] * width + column])
                guard child > 0 else { continue }
                numbers[child] = UInt32(filled)
                order[filled] = child
                filled += 1
            }
            at += 1
        }
        var cells = [UInt32](repeating: 0, count: count * width)
        var failure = [Int](repeating: 0, count: count)
        // By new number: the next state on the way of failures, itself included, that ends a literal; -1 for none.
        var found: [[Int32]] = Array(repeating: [], count: count)
        for state in 0..<count {
            let old = order[state]
            found[state] = state == 0 ? ends[0] : ends[old] + found[failure[state]]
            for column in 0..<width {
                let child = Int(children[old * width + column])
                let fallback = state == 0 ? 0 : cells[failure[state] * width + column]
                guard child > 0 else {
                    cells[state * width + column] = fallback
                    continue
                }
                let number = Int(numbers[child])
                failure[number] = Int(fallback >> shift)
                depths[number] = depths[state] + 1
                cells[state * width + column] = UInt32(number) << shift
            }
        }
        for cell in cells.indices where !found[Int(cells[cell] >> shift)].isEmpty { cells[cell] |= Automaton.hit }
        var start: [UInt32] = [0]
        var outputs: [Int32] = []
        for list in found {
            outputs += list
            start.append(UInt32(outputs.count))
        }
        return (cells, start, outputs, depths)
    }
}
