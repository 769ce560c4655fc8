/// The first bytes of many literals as bits by a hash of them: where a text has none of these, no literal begins.
///
/// The automaton needs each byte's state before it can look at the next byte; this needs nothing but the text, so the
/// processor works on several places at once. It may say yes for nothing, never no for something. Of long literals more
/// is known than the bytes that are looked at together, so that only every second or fourth place has to be looked at (as
/// in the algorithm of Wu and Manber, 1994). Case does not count, and neither do other bits of that place in a byte: a
/// text can be asked about before its case is folded.
struct LiteralPrefilter: Sendable {
    /// Bytes that are looked at together, at least and at most.
    private static let lengths = 3...Word.width
    private static let bitCount = 1 << 16
    /// Bits at most that literals too short for a step may cost: what follows them may be any byte.
    private static let shortLimit = 64 * 256
    /// The bit by which ASCII's cases differ.
    private static let caseBits: UInt64 = 0x2020_2020_2020_2020

    private var bits = [UInt64](repeating: 0, count: bitCount / 64)
    /// One of so many places is looked at.
    let step: Int
    /// Bytes that are looked at together.
    let length: Int
    private let mask: UInt64
    /// Whether every literal is long enough to be seen wherever a text ends.
    private let seesAll: Bool

    /// `nil` where there would be little to pass over.
    /// - Parameter seeingAll: wherever a text ends, it has to be known whether a literal may begin.
    init?(_ literals: [[UInt8]], seeingAll: Bool = false) {
        for (step, density) in [(4, 0.08), (2, 0.12), (1, 0.25)] {
            if let made = LiteralPrefilter(literals, step: step, density: density), made.seesAll || !seeingAll {
                self = made
                return
            }
        }
        return nil
    }

    /// - Parameter density: share of the bits that may be set.
    private init?(_ literals: [[UInt8]], step: Int, density: Double) {
        guard let shortest = literals.map(\.count).min() else { return nil }
        self.step = step
        length = max(Self.lengths.lowerBound, min(Self.lengths.upperBound, shortest - step + 1))
        mask = ~0 >> UInt64(8 * (Word.width - length))
        seesAll = length + step - 1 <= shortest
        var short = 0
        for literal in literals {
            for offset in 0..<step {
                let known = literal.dropFirst(offset).prefix(length)
                guard known.count > 1 else { return nil }
                var head: UInt64 = 0
                for (place, byte) in known.enumerated() { head |= UInt64(byte) << UInt64(8 * place) }
                if known.count == length {
                    set(head)
                } else {
                    // Only three bytes are looked at where a literal is that short, so one is left.
                    short += 256
                    guard short <= Self.shortLimit else { return nil }
                    for byte in UInt64(0)..<256 { set(head | byte << 16) }
                }
            }
        }
        let used = bits.reduce(0) { $0 + $1.nonzeroBitCount }
        if Double(used) > Double(Self.bitCount) * density { return nil }
    }

    private mutating func set(_ bytes: UInt64) {
        let place = Self.place((bytes | Self.caseBits) & mask)
        bits[place >> 6] |= 1 << UInt64(place & 63)
    }

    @inline(__always)
    private static func place(_ bytes: UInt64) -> Int {
        Int(truncatingIfNeeded: (bytes &* 0x9E37_79B9_7F4A_7C15) &>> 48)
    }

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
        let last = end - length
        let lastWord = min(last, text.count - Word.width)
        while place <= lastWord {
            if has(Word(text, at: place).bits, bits) { return found(place, from, end) }
            place += step
        }
        while place <= last {
            var bytes: UInt64 = 0
            for offset in 0..<length { bytes |= UInt64(text[place + offset]) << UInt64(8 * offset) }
            if has(bytes, bits) { return found(place, from, end) }
            place += step
        }
        return Next(start: seesAll ? end : min(max(from, place - step + 1), end), least: end)
    }

    @inline(__always)
    private func has(_ bytes: UInt64, _ bits: Span<UInt64>) -> Bool {
        let place = Self.place((bytes | Self.caseBits) & mask)
        return bits[place >> 6] & (1 &<< UInt64(truncatingIfNeeded: place)) != 0
    }

    @inline(__always)
    private func found(_ place: Int, _ from: Int, _ end: Int) -> Next {
        Next(start: max(from, place - step + 1), least: min(place + length, end))
    }
}
