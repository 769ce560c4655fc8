/// The first three bytes of many literals, as bits by a hash of them: where a text has none of these, no literal
/// begins.
///
/// The automaton needs each byte's state before it can look at the next byte; this needs nothing but the text, so the
/// processor works on several places at once. It may say yes for nothing, never no for something.
struct Beginnings: Sendable {
    static let length = 3
    private static let bitCount = 1 << 16
    /// A literal of two bytes may be followed by any byte: that many bits each.
    private static let shortLimit = 64

    private var bits = [UInt64](repeating: 0, count: bitCount / 64)

    /// `nil` where there would be little to pass over.
    init?(_ literals: [[UInt8]]) {
        guard literals.allSatisfy({ $0.count > 1 }), literals.count(where: { $0.count == 2 }) <= Self.shortLimit
        else { return nil }
        for literal in literals {
            let head = UInt32(literal[0]) | UInt32(literal[1]) << 8
            if literal.count > 2 {
                set(head | UInt32(literal[2]) << 16)
            } else {
                for byte in UInt32(0)..<256 { set(head | byte << 16) }
            }
        }
        // A quarter of all bits: then hardly anything is passed over.
        if bits.reduce(0, { $0 + $1.nonzeroBitCount }) > Self.bitCount / 4 { return nil }
    }

    private mutating func set(_ bytes: UInt32) {
        let place = Self.place(bytes)
        bits[place >> 6] |= 1 << UInt64(place & 63)
    }

    @inline(__always)
    private static func place(_ bytes: UInt32) -> Int { Int((bytes &* 0x9E37_79B1) >> 16) }

    /// The first place from `start` on at which a literal may begin; where fewer than three bytes are left, that place.
    @inline(__always)
    func next(_ text: Span<UInt8>, from start: Int, to end: Int) -> Int {
        let bits = self.bits.span
        var index = start
        // What is read beyond the end of this text belongs to no three bytes that are asked for.
        while index + Word.width <= end {
            let word = Word(text, at: index).bits
            for offset in 0..<(Word.width - Self.length + 1) {
                let place = Self.place(UInt32(truncatingIfNeeded: word >> UInt64(offset * 8)) & 0xFF_FFFF)
                if bits[place >> 6] & (1 << UInt64(truncatingIfNeeded: place & 63)) != 0 { return index + offset }
            }
            index += Word.width - Self.length + 1
        }
        while index + Self.length <= end {
            let bytes = UInt32(text[index]) | UInt32(text[index + 1]) << 8 | UInt32(text[index + 2]) << 16
            let place = Self.place(bytes)
            if bits[place >> 6] & (1 << UInt64(truncatingIfNeeded: place & 63)) != 0 { return index }
            index += 1
        }
        return index
    }
}
