/// Base64 (RFC 4648, section 4) as rules need it.
enum Base64Text {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let chunk = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in chunk { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - chunk.count))
            for index in 0..<4 {
                result.append(
                    index <= chunk.count ? alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return result
    }

    /// The part of the encoding that is the same whatever stands before and after, for each of the three positions.
    static func encodeAtEveryOffset(_ bytes: [UInt8]) -> [[UInt8]] {
        (0..<3).map { offset in
            let encoded = encode(Array(repeating: 0x20, count: offset) + bytes)
            let tail = [0, 3, 2][(bytes.count + offset) % 3]
            return Array(encoded.dropFirst([0, 2, 3][offset]).dropLast(tail))
        }
    }
}
