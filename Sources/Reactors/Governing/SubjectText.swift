import Events
import Foundation

/// Whether a text mentions a subject, however it is written there.
///
/// Found are the value as it was given and as it is normalized, in any case of letters, as a whole word: neither a letter
/// nor a digit stands beside it, so that erasing `al` leaves `alert` alone and `10.0.0.1` leaves `10.0.0.10`. Escapes of
/// JSON and of URLs are undone, layer by layer, since raw input nests them. An address is found in every spelling. From
/// six bytes on, the value is also found encoded, as hexadecimal, base64 or UTF-16, wherever it stands.
struct SubjectText: Sendable {
    private static let encodedBytesMinimum = 6
    private static let layersMaximum = 8

    private let type: Entity.EntityType
    private let value: String
    /// In lower case; to be found as whole words.
    private let words: [[UInt8]]
    /// In lower case; to be found anywhere.
    private let digits: [[UInt8]]
    /// To be found anywhere in the bytes as they are.
    private let encodings: [[UInt8]]

    init(_ key: EntityKey, asGiven given: String) {
        type = key.type
        value = key.value
        let trimmed = given.trimmingCharacters(in: .whitespacesAndNewlines)
        let spellings = Set(
            [trimmed, key.value].flatMap { [$0, $0.lowercased(), $0.uppercased()] }.filter { !$0.isEmpty })
        words = Set(spellings.map { Array(Self.folded($0).utf8) }).sorted { $0.count > $1.count }
        let long = spellings.filter { $0.utf8.count >= Self.encodedBytesMinimum }
        let bytes = long.flatMap { text in
            [Array(text.utf8), text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }]
        }
        digits = Array(Set(bytes.map { Array($0.hexadecimal.utf8) }))
        encodings = Array(
            Set(
                bytes.flatMap(Self.base64)
                    + long.flatMap { text in
                        [
                            text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
                            text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] },
                        ]
                    }))
    }

    func isMentioned(in bytes: [UInt8]) -> Bool {
        if encodings.contains(where: { !bytes.places(of: $0, isFirstOnly: true).isEmpty }) { return true }
        var text = Self.folded(String(decoding: bytes, as: UTF8.self))
        for _ in 0..<Self.layersMaximum {
            let plain = Array(text.utf8)
            if words.contains(where: { Self.isWord($0, in: plain) })
                || digits.contains(where: { !plain.places(of: $0, isFirstOnly: true).isEmpty })
                || (type == .ip && namesAddress(text))
            {
                return true
            }
            guard let next = Self.unescaped(plain) else { return false }
            text = Self.folded(next)
        }
        return false
    }

    /// Case and composition of letters make no difference.
    private static func folded(_ text: String) -> String {
        let lower = text.lowercased()
        return lower.utf8.allSatisfy { $0 < 0x80 } ? lower : lower.precomposedStringWithCanonicalMapping
    }

    private static func isWord(_ word: [UInt8], in text: [UInt8]) -> Bool {
        text.places(of: word).contains { start in
            let before = String(decoding: text[max(0, start - 4)..<start], as: UTF8.self).unicodeScalars.last
            let end = start + word.count
            let after = String(decoding: text[end..<min(text.count, end + 4)], as: UTF8.self).unicodeScalars.first
            return !continues(before) && !continues(after)
        }
    }

    private static func continues(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar, scalar != "\u{FFFD}" else { return false }
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    /// `2001:DB8:0::1` is `2001:db8::1`.
    private func namesAddress(_ text: String) -> Bool {
        text.split { !($0.isHexDigit || $0 == ":" || $0 == ".") }
            .contains { $0.utf8.count >= 3 && IPAddress(String($0))?.text == value }
    }

    /// What stands in base64 of any text that holds these bytes, whatever stands before and behind them.
    private static func base64(_ bytes: [UInt8]) -> [[UInt8]] {
        (0..<3).flatMap { shift -> [[UInt8]] in
            let whole = Data(repeating: 0, count: shift) + Data(bytes)
            let bits = whole.count * 8
            let text = whole.base64EncodedString().prefix(bits / 6).dropFirst([0, 2, 3][shift])
            let safe = text.replacing("+", with: "-").replacing("/", with: "_")
            return [Array(text.utf8), Array(safe.utf8)]
        }
    }

    /// One layer of escapes undone (JSON's `\n`, `\"`, `\u00e4`; a URL's `%2e`); `nil` when there is none.
    private static func unescaped(_ text: [UInt8]) -> String? {
        guard text.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "%") }) else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var units: [UInt16] = []
        var hasChanged = false
        var index = 0
        func hex(_ start: Int, _ count: Int) -> UInt16? {
            guard start + count <= text.count else { return nil }
            return UInt16(String(decoding: text[start..<(start + count)], as: UTF8.self), radix: 16)
        }
        func flush() {
            guard !units.isEmpty else { return }
            out += Array(String(decoding: units, as: UTF16.self).utf8)
            units = []
        }
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "\\"), index + 1 < text.count {
                let next = text[index + 1]
                if next == UInt8(ascii: "u"), let unit = hex(index + 2, 4) {
                    units.append(unit)
                    hasChanged = true
                    index += 6
                    continue
                }
                let plain: [UInt8: UInt8] = [
                    UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "b"): 8,
                    UInt8(ascii: "f"): 12, UInt8(ascii: "\""): UInt8(ascii: "\""),
                    UInt8(ascii: "\\"): UInt8(ascii: "\\"),
                    UInt8(ascii: "/"): UInt8(ascii: "/"),
                ]
                if let character = plain[next] {
                    flush()
                    out.append(character)
                    hasChanged = true
                    index += 2
                    continue
                }
            }
            flush()
            if byte == UInt8(ascii: "%"), let code = hex(index + 1, 2) {
                out.append(UInt8(code))
                hasChanged = true
                index += 3
                continue
            }
            out.append(byte)
            index += 1
        }
        flush()
        return hasChanged ? String(decoding: out, as: UTF8.self) : nil
    }
}

extension [UInt8] {
    /// Where a pattern begins, each place of it.
    fileprivate func places(of pattern: [UInt8], isFirstOnly: Bool = false) -> [Int] {
        guard let first = pattern.first, pattern.count <= count else { return [] }
        return unsafe withUnsafeBytes { text in
            unsafe pattern.withUnsafeBytes { pattern in
                guard let base = text.baseAddress, let sought = pattern.baseAddress else { return [] }
                let end = text.count - pattern.count
                var places: [Int] = []
                var start = 0
                while start <= end, let found = unsafe memchr(base + start, Int32(first), end - start + 1) {
                    let place = unsafe UnsafeRawPointer(found) - base
                    if unsafe memcmp(base + place, sought, pattern.count) == 0 {
                        places.append(place)
                        if isFirstOnly { break }
                    }
                    start = place + 1
                }
                return places
            }
        }
    }
}
