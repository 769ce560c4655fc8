/// Eight bytes at a time: what the scanner and the folding of case do to a word instead of to a byte.
///
/// Bytes of a word stand in it as in memory on a little-endian machine; loads are checked against the bounds.
struct Word {
    var bits: UInt64

    static let width = 8
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    init(_ bytes: Span<UInt8>, at index: Int) {
        // Any eight bytes are a UInt64.
        bits = unsafe UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    @inline(__always)
    func store(into bytes: inout MutableSpan<UInt8>, at index: Int) {
        var raw = unsafe bytes.mutableBytes
        raw.storeBytes(of: bits.littleEndian, toByteOffset: index, as: UInt64.self)
    }

    /// A bit in the high place of each byte that equals `byte`; those above the first may be wrong.
    @inline(__always)
    private func equals(_ byte: UInt8) -> UInt64 {
        let difference = bits ^ (UInt64(byte) &* Self.ones)
        return (difference &- Self.ones) & ~difference & Self.highs
    }

    /// How many bytes come before the first that ends plain text inside a JSON string: a quotation mark, a backslash or
    /// a control character; 8 where there is none.
    @inline(__always)
    var plainPrefix: Int {
        let controls = (bits &- (0x20 &* Self.ones)) & ~bits & Self.highs
        return (equals(UInt8(ascii: "\"")) | equals(UInt8(ascii: "\\")) | controls).trailingZeroBitCount >> 3
    }

    /// Whether its first bytes are all ASCII.
    @inline(__always)
    func isASCII(first count: Int) -> Bool { bits & Self.highs & ~(~0 &<< UInt64(truncatingIfNeeded: 8 &* count)) == 0 }

    /// How many bytes come before the first backslash or byte beyond ASCII; 8 where there is none.
    @inline(__always)
    var asciiPrefixBeforeBackslash: Int {
        (equals(UInt8(ascii: "\\")) | bits & Self.highs).trailingZeroBitCount >> 3
    }

    @inline(__always)
    var hasDotOrBlank: Bool { equals(UInt8(ascii: ".")) | equals(UInt8(ascii: " ")) != 0 }

    @inline(__always)
    var isASCII: Bool { bits & Self.highs == 0 }

    /// Its ASCII letters in lower case.
    @inline(__always)
    var lowercased: Word {
        let low = bits & ~Self.highs
        let isAfterZ = low &+ ((0x7F - 0x5A) &* Self.ones)
        let isFromA = low &+ ((0x80 - 0x41) &* Self.ones)
        var word = self
        word.bits |= ((isFromA ^ isAfterZ) & ~bits & Self.highs) >> 2
        return word
    }
}

/// A number for bytes by which a table finds them; it only has to be quick and well spread, since what is found is
/// compared.
struct WordHash {
    private var state: UInt64

    @inline(__always)
    init(seed: Int, count: Int) {
        state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: count)
    }

    @inline(__always)
    mutating func add(_ word: UInt64) {
        let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        state = product.high ^ product.low
    }

    @inline(__always)
    var value: UInt64 { state }

    /// The hash of a stretch of bytes.
    @inline(__always)
    static func of(_ bytes: Span<UInt8>, from start: Int, count: Int, seed: Int) -> UInt64 {
        var hash = WordHash(seed: seed, count: count)
        var index = start
        let end = start + count
        while index + Word.width <= end {
            hash.add(Word(bytes, at: index).bits)
            index += Word.width
        }
        if index < end {
            if index + Word.width <= bytes.count {
                hash.add(Word(bytes, at: index).bits & ((1 &<< UInt64(truncatingIfNeeded: (end - index) &* 8)) &- 1))
            } else {
                var rest: UInt64 = 0
                var shift: UInt64 = 0
                while index < end {
                    rest |= UInt64(bytes[index]) << shift
                    shift += 8
                    index += 1
                }
                hash.add(rest)
            }
        }
        return hash.value
    }
}
