/// Finds where a JSON value ends, checking its grammar (RFC 8259) on the way and building nothing: several times cheaper
/// than parsing, for whoever may not need the value at all.
///
/// It accepts exactly what `JSONValue.parseEvidence` reads without an error, limits aside.
package enum JSONSkimmer {
    /// - Returns: the index behind the value that begins at `start`, or `nil` where there is none, or one nested deeper
    ///   than `depth`.
    package static func end(ofValueAt start: Int, in bytes: Span<UInt8>, depth: Int) -> Int? {
        var skimmer = Skimming(index: start)
        return skimmer.value(bytes, depth: depth) ? skimmer.index : nil
    }
}

private struct Skimming {
    var index: Int

    mutating func value(_ bytes: Span<UInt8>, depth: Int) -> Bool {
        space(bytes)
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "\""): return string(bytes)
        case UInt8(ascii: "{"): return depth > 0 && object(bytes, depth: depth - 1)
        case UInt8(ascii: "["): return depth > 0 && array(bytes, depth: depth - 1)
        case UInt8(ascii: "t"): return word(bytes, "true")
        case UInt8(ascii: "f"): return word(bytes, "false")
        case UInt8(ascii: "n"): return word(bytes, "null")
        default: return number(bytes)
        }
    }

    private mutating func object(_ bytes: Span<UInt8>, depth: Int) -> Bool {
        index += 1
        space(bytes)
        if take(bytes, UInt8(ascii: "}")) { return true }
        while true {
            space(bytes)
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\""), string(bytes) else { return false }
            space(bytes)
            guard take(bytes, UInt8(ascii: ":")), value(bytes, depth: depth) else { return false }
            space(bytes)
            if take(bytes, UInt8(ascii: ",")) { continue }
            return take(bytes, UInt8(ascii: "}"))
        }
    }

    private mutating func array(_ bytes: Span<UInt8>, depth: Int) -> Bool {
        index += 1
        space(bytes)
        if take(bytes, UInt8(ascii: "]")) { return true }
        while true {
            guard value(bytes, depth: depth) else { return false }
            space(bytes)
            if take(bytes, UInt8(ascii: ",")) { continue }
            return take(bytes, UInt8(ascii: "]"))
        }
    }

    private mutating func string(_ bytes: Span<UInt8>) -> Bool {
        let start = index + 1
        var at = start
        var seen: UInt8 = 0
        while at < bytes.count {
            let byte = bytes[at]
            seen |= byte
            at += 1
            if byte == UInt8(ascii: "\"") {
                index = at
                return seen < 0x80 || Self.text(bytes, start..<(at - 1)) != nil
            }
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\\") {
                guard at < bytes.count else { return false }
                switch bytes[at] {
                case UInt8(ascii: "u"):
                    guard at + 4 < bytes.count, (1...4).allSatisfy({ Self.isHex(bytes[at + $0]) }) else { return false }
                    at += 5
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                    UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                    at += 1
                default: return false
                }
            }
        }
        return false
    }

    private mutating func number(_ bytes: Span<UInt8>) -> Bool {
        let start = index
        _ = take(bytes, UInt8(ascii: "-"))
        guard take(bytes, UInt8(ascii: "0")) || digits(bytes) else { return false }
        if take(bytes, UInt8(ascii: ".")), !digits(bytes) { return false }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if !take(bytes, UInt8(ascii: "+")) { _ = take(bytes, UInt8(ascii: "-")) }
            return digits(bytes) && isFinite(bytes, from: start)
        }
        // Up to here a double takes any number of so few digits.
        return index - start <= 300 || isFinite(bytes, from: start)
    }

    /// A long integer is kept as text, whatever its size.
    private func isFinite(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        guard let text = Self.text(bytes, start..<index) else { return false }
        return text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 || $0 == UInt8(ascii: "-") }
            || Double(text)?.isFinite == true
    }

    /// `nil` when it is not UTF-8.
    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
        unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
    }

    private mutating func digits(_ bytes: Span<UInt8>) -> Bool {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        return index > start
    }

    private mutating func word(_ bytes: Span<UInt8>, _ word: StaticString) -> Bool {
        for offset in 0..<word.utf8CodeUnitCount {
            guard unsafe take(bytes, word.utf8Start[offset]) else { return false }
        }
        return true
    }

    private mutating func take(_ bytes: Span<UInt8>, _ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func space(_ bytes: Span<UInt8>) {
        while index < bytes.count, bytes[index] <= 0x20,
            bytes[index] == 0x20 || bytes[index] == 0x0A || bytes[index] == 0x0D || bytes[index] == 0x09
        {
            index += 1
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 6
    }
}
