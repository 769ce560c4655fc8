import Crypto
import Events
import Foundation
import JSON

/// Strict reading of fixed texts, by index into bytes that stay where they are.
///
/// `at` moves on only past what was accepted; `end` is never crossed.
enum Scan {
    static func byte(_ byte: UInt8, _ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard at < end, b[at] == byte else { return false }
        at += 1
        return true
    }

    static func take(_ literal: [UInt8], _ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard end - at >= literal.count, same(literal, 0, b, at, literal.count) else { return false }
        at += literal.count
        return true
    }

    /// A decimal integer without leading zeroes, of at most 19 digits.
    static func integer(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Int64? {
        let negative = at < end && b[at] == UInt8(ascii: "-")
        var index = negative ? at + 1 : at
        let start = index
        var value: Int64 = 0
        while index < end, b[index] &- 48 < 10 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.subtractingReportingOverflow(Int64(b[index] &- 48))
            guard !overflow, !overflow2 else { return nil }
            value = sum  // negative, so that the least Int64 is read, too
            index += 1
        }
        guard index > start, b[start] != 48 || (index == start + 1 && !negative), negative || value != .min else {
            return nil
        }
        at = index
        return negative ? value : -value
    }

    /// 36 characters, hexadecimal digits in lower case.
    static func uuid(_ b: [UInt8], _ at: inout Int, _ end: Int, into bytes: inout [UInt8], at offset: Int) -> Bool {
        guard end - at >= 36 else { return false }
        var index = at
        for byte in 0..<16 {
            if byte == 4 || byte == 6 || byte == 8 || byte == 10 {
                guard b[index] == UInt8(ascii: "-") else { return false }
                index += 1
            }
            let value = nibble(b[index]) << 4 | nibble(b[index + 1])
            guard value < 256 else { return false }
            bytes[offset + byte] = UInt8(value)
            index += 2
        }
        at = index
        return true
    }

    static func uuidOrNull(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        null(b, &at, end) || quotedUUID(b, &at, end)
    }

    static func quotedUUID(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard end - at >= 38, b[at] == UInt8(ascii: "\""), b[at + 37] == UInt8(ascii: "\"") else { return false }
        for index in 1...36 {
            let dash = index == 9 || index == 14 || index == 19 || index == 24
            guard dash ? b[at + index] == UInt8(ascii: "-") : nibble(b[at + index]) < 16 else { return false }
        }
        at += 38
        return true
    }

    /// 64 hexadecimal digits in lower case.
    static func hash(_ b: [UInt8], _ at: inout Int, _ end: Int) -> TreeHash? {
        guard end - at >= 64 else { return nil }
        guard let hash = TreeHash(hexadecimal: b, at: at) else { return nil }
        at += 64
        return hash
    }

    /// The value of a lower-case hexadecimal digit, else something beyond a byte.
    @inline(__always) static func nibble(_ byte: UInt8) -> UInt32 {
        let digit = byte &- 48
        if digit < 10 { return UInt32(digit) }
        let letter = byte &- 97
        return letter < 6 ? UInt32(letter) + 10 : 0x1000
    }

    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, in microseconds since 1970.
    static func time(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Int64? {
        guard end - at >= 27, b[at + 4] == UInt8(ascii: "-"), b[at + 7] == UInt8(ascii: "-"),
            b[at + 10] == UInt8(ascii: "T"), b[at + 13] == UInt8(ascii: ":"), b[at + 16] == UInt8(ascii: ":"),
            b[at + 19] == UInt8(ascii: "."), b[at + 26] == UInt8(ascii: "Z"), let year = digits(b, at, 4),
            let month = digits(b, at + 5, 2), let day = digits(b, at + 8, 2), let hour = digits(b, at + 11, 2),
            let minute = digits(b, at + 14, 2), let second = digits(b, at + 17, 2),
            let fraction = digits(b, at + 20, 6), (1...12).contains(month), day >= 1,
            day <= daysInMonth(month, year), hour < 24, minute < 60, second < 60
        else { return nil }
        at += 27
        // Days from the civil date, by Howard Hinnant's algorithm: years begin in March.
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + fraction
    }

    private static func daysInMonth(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    @inline(__always) private static func digits(_ b: [UInt8], _ at: Int, _ count: Int) -> Int64? {
        var value: Int64 = 0
        for index in at..<(at + count) {
            let digit = b[index] &- 48
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return value
    }

    static func null(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool { take(nullText, b, &at, end) }
    private static let nullText = Array("null".utf8)

    /// A JSON string with its quotes; escapes are stepped over, control characters refused.
    static func string(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard at < end, b[at] == UInt8(ascii: "\"") else { return false }
        var index = at + 1
        while index < end {
            switch b[index] {
            case UInt8(ascii: "\""):
                at = index + 1
                return true
            case UInt8(ascii: "\\"): index += 2
            case ..<0x20: return false
            default: index += 1
            }
        }
        return false
    }

    /// A JSON object from brace to brace; what is in between is looked at only for strings and brackets.
    static func object(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard at < end, b[at] == UInt8(ascii: "{") else { return false }
        var index = at
        var depth = 0
        while index < end {
            switch b[index] {
            case UInt8(ascii: "\""):
                guard string(b, &index, end) else { return false }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    at = index + 1
                    return true
                }
            default: break
            }
            index += 1
        }
        return false
    }

    /// The bytes that a JSON string stands for.
    static func unescaped(_ b: [UInt8], _ string: Range<Int>) -> ArraySlice<UInt8>? {
        let inside = (string.lowerBound + 1)..<(string.upperBound - 1)
        guard b[inside].contains(where: { $0 == UInt8(ascii: "\\") || $0 >= 0x80 }) else { return b[inside] }
        do {
            return try JSONValue.parse(Array(b[string])).stringValue.map { Array($0.utf8)[...] }
        } catch {
            return nil
        }
    }

    // MARK: Backwards, and comparing within one buffer

    static func takeLast(_ byte: UInt8, _ b: [UInt8], _ end: inout Int, _ start: Int) -> Bool {
        guard end > start, b[end - 1] == byte else { return false }
        end -= 1
        return true
    }

    static func takeLast(_ literal: [UInt8], _ b: [UInt8], _ end: inout Int, _ start: Int) -> Bool {
        guard end - start >= literal.count, same(literal, 0, b, end - literal.count, literal.count) else {
            return false
        }
        end -= literal.count
        return true
    }

    static func takeLast(_ b: [UInt8], _ range: Range<Int>, _ end: inout Int, _ start: Int) -> Bool {
        guard end - start >= range.count, same(b, range.lowerBound, b, end - range.count, range.count) else {
            return false
        }
        end -= range.count
        return true
    }

    static func equal(_ b: [UInt8], _ range: Range<Int>, _ other: Int) -> Bool {
        same(b, range.lowerBound, b, other, range.count)
    }

    private static func same(_ a: [UInt8], _ from: Int, _ b: [UInt8], _ other: Int, _ count: Int) -> Bool {
        precondition(from >= 0 && other >= 0 && from + count <= a.count && other + count <= b.count)
        guard count > 0 else { return true }
        return unsafe a.withUnsafeBytes { left in
            unsafe b.withUnsafeBytes { right in
                guard let l = left.baseAddress, let r = right.baseAddress else { return false }
                return unsafe memcmp(l + from, r + other, count) == 0
            }
        }
    }

    static func sha256(_ b: [UInt8], _ range: Range<Int>) -> TreeHash {
        precondition(range.lowerBound >= 0 && range.upperBound <= b.count)
        var hasher = SHA256()
        unsafe b.withUnsafeBytes { unsafe hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return TreeHash(hasher.finalize())
    }

    /// The next newline from an index.
    static func newline(_ b: [UInt8], from: Int) -> Int? {
        precondition(from >= 0 && from <= b.count)
        return unsafe b.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, from < buffer.count,
                let found = unsafe memchr(base + from, 0x0A, buffer.count - from)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}

extension TreeHash {
    /// 64 lower-case digits from an offset, which must be there.
    fileprivate init?(hexadecimal b: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + 64 <= b.count)
        var invalid: UInt64 = 0
        let words = unsafe b.withUnsafeBytes { buffer -> (UInt64, UInt64, UInt64, UInt64) in
            func word(_ start: Int) -> UInt64 {
                let high = unsafe UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                let low = unsafe UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
                return UInt64(Self.bytes(ofDigits: high, &invalid)) << 32 | UInt64(Self.bytes(ofDigits: low, &invalid))
            }
            return (word(offset), word(offset + 16), word(offset + 32), word(offset + 48))
        }
        guard invalid == 0 else { return nil }
        self.init(words: words)
    }

    /// Eight digits at once, each in its byte; none above 15, and written back they are what was read.
    @inline(__always) private static func bytes(ofDigits digits: UInt64, _ invalid: inout UInt64) -> UInt32 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let letters = (digits >> 6) & ones
        let nibbles = (digits & (ones &* 15)) &+ letters &* 9
        let overNine = ((nibbles &+ ones &* 6) >> 4) & ones
        invalid |= ((nibbles &+ ones &* 0x30 &+ overNine &* 0x27) ^ digits) | (nibbles & (ones &* 0xF0))
        var bytes = (nibbles << 4 | nibbles >> 8) & 0x00FF_00FF_00FF_00FF
        bytes = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: bytes | bytes >> 16).byteSwapped
    }
}
