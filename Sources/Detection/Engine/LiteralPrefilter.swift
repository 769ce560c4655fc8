/// The first bytes of many literals, three by three, as bits by a hash of them: where a text has none of these, no
/// literal begins.
///
/// The automaton needs each byte's state before it can look at the next byte; this needs nothing but the text, so the
/// processor works on several places at once. It may say yes for nothing, never no for something. Of long literals more
/// than the first three bytes are known, so that only every second or fourth place has to be looked at (as in the
/// algorithm of Wu and Manber, 1994).
struct LiteralPrefilter: Sendable {
    /// Bytes that are looked at together.
    static let length = 3
    private static let bitCount = 1 << 16
    /// Bits at most that literals too short for a step may cost: what follows them may be any byte.
    private static let shortLimit = 64 * 256

    private var bits = [UInt64](repeating: 0, count: bitCount / 64)
    /// One of so many places is looked at.
    let step: Int

    /// `nil` where there would be little to pass over.
    init?(_ literals: [[UInt8]]) {
        for (step, density) in [(4, 0.08), (2, 0.12), (1, 0.25)] {
            if let made = LiteralPrefilter(literals, step: step, density: density) {
                self = made
                return
            }
        }
        return nil
    }

    /// - Parameter density: share of the bits that may be set.
    private init?(_ literals: [[UInt8]], step: Int, density: Double) {
        self.step = step
        var short = 0
        for literal in literals {
            for offset in 0..<step {
                let known = literal.dropFirst(offset).prefix(Self.length)
                guard known.count > 1 else { return nil }
                var head: UInt32 = 0
                for (place, byte) in known.enumerated() { head |= UInt32(byte) << UInt32(8 * place) }
                if known.count == Self.length {
                    set(head)
                } else {
                    short += 256
                    guard short <= Self.shortLimit else { return nil }
                    for byte in UInt32(0)..<256 { set(head | byte << 16) }
                }
            }
        }
        let used = bits.reduce(0) { $0 + $1.nonzeroBitCount }
        if Double(used) > Double(Self.bitCount) * density { return nil }
    }

    private mutating func set(_ bytes: UInt32) {
        let place = Self.place(bytes)
        bits[place >> 6] |= 1 << UInt64(place & 63)
    }

    @inline(__always)
    private static func place(_ bytes: UInt32) -> Int { Int((bytes &* 0x9E37_79B1) >> 16) }

    /// Where to go on: a literal that begins at or after `from` begins at or after `start`, and what is known of it has
    /// been read at `least`.
    struct Next {
        var start: Int
        var least: Int
    }

    /// The first place from which on a literal may begin. Where the text ends before anything is known, its last bytes.
    @inline(__always)
    func next(_ text: Span<UInt8>, from: Int, to end: Int) -> Next {
        var place = from + step - 1
        let bits = self.bits.span
        if step == 4 {
            while place + 4 <= end {
                if has(HalfWord(text, at: place).bits & 0xFF_FFFF, bits) { return found(place, from, end) }
                place += 4
            }
        } else {
            while place + Word.width <= end {
                let word = Word(text, at: place).bits
                var offset = 0
                while offset <= Word.width - Self.length {
                    if has(
                        UInt32(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: offset &* 8)) & 0xFF_FFFF, bits)
                    {
                        return found(place + offset, from, end)
                    }
                    offset += step
                }
                place += offset
            }
        }
        while place + Self.length <= end {
            let bytes = UInt32(text[place]) | UInt32(text[place + 1]) << 8 | UInt32(text[place + 2]) << 16
            if has(bytes, bits) { return found(place, from, end) }
            place += step
        }
        return Next(start: min(max(from, place - step + 1), end), least: end)
    }

    @inline(__always)
    private func has(_ bytes: UInt32, _ bits: Span<UInt64>) -> Bool {
        let place = Self.place(bytes)
        return bits[place >> 6] & (1 &<< UInt64(truncatingIfNeeded: place)) != 0
    }

    @inline(__always)
    private func found(_ place: Int, _ from: Int, _ end: Int) -> Next {
        Next(start: max(from, place - step + 1), least: min(place + Self.length, end))
    }
}
