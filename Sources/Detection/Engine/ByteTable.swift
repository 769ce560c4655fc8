/// Texts by number, found by their bytes without making anything of them.
struct ByteTable: Sendable {
    private(set) var texts: [[UInt8]] = []
    private var slots: [Int32]

    /// - Parameter texts: each at most once.
    init(_ texts: [[UInt8]]) {
        self.texts = texts
        var size = 8
        while size < texts.count * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        for (number, text) in texts.enumerated() {
            var slot = Int(truncatingIfNeeded: WordHash.of(text.span, from: 0, count: text.count, seed: 0)) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(number)
        }
    }

    /// The number of a text, or -1.
    @inline(__always)
    func number(of text: Span<UInt8>, _ range: Range<Int>) -> Int {
        let hash = WordHash.of(text, from: range.lowerBound, count: range.count, seed: 0)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let number = Int(slots[slot])
            if isSame(number, text, range) { return number }
            slot = (slot + 1) & (slots.count - 1)
        }
        return -1
    }

    private func isSame(_ number: Int, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard texts[number].count == range.count else { return false }
        for offset in 0..<range.count where texts[number][offset] != text[range.lowerBound + offset] { return false }
        return true
    }
}
