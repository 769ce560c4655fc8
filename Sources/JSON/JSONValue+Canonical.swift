extension JSONValue {
    /// The JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 code units, ECMAScript numbers, minimal
    /// escapes. The same value always gives the same bytes, so they can be hashed.
    package func canonicalBytes() -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    package func canonicalString() -> String {
        String(decoding: canonicalBytes(), as: UTF8.self)
    }

    private func write(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value):
            if value.magnitude <= Self.exactIntegerLimit.magnitude {
                output.append(contentsOf: String(value).utf8)
            } else {
                output.append(contentsOf: ECMAScriptNumber.text(of: Double(value)).utf8)
            }
        case .number(let value):
            output.append(contentsOf: (value.isFinite ? ECMAScriptNumber.text(of: value) : "null").utf8)
        case .string(let value): Self.write(value, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            // Places are sorted, because members are heavy to move.
            let places = members.indices.sorted { Self.utf16Order(members[$0].key, members[$1].key) }
            for (index, place) in places.enumerated() {
                let member = members[place]
                if index > 0 { output.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.write(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// UTF-8 order is UTF-16 order except between the surrogate range and U+E000…U+FFFF, so ASCII takes the short way.
    private static func utf16Order(_ left: String, _ right: String) -> Bool {
        for (a, b) in zip(left.utf8, right.utf8) where a != b {
            // Up to the first difference both are the same; only a lead byte from 0xEE on can stand in the other order.
            return a < 0xEE && b < 0xEE ? a < b : left.utf16.lexicographicallyPrecedes(right.utf16)
        }
        return left.utf8.count < right.utf8.count
    }

    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        if !text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            output.append(contentsOf: text.utf8)
            output.append(UInt8(ascii: "\""))
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): output.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): output.append(contentsOf: "\\\\".utf8)
            case 0x08: output.append(contentsOf: "\\b".utf8)
            case 0x09: output.append(contentsOf: "\\t".utf8)
            case 0x0A: output.append(contentsOf: "\\n".utf8)
            case 0x0C: output.append(contentsOf: "\\f".utf8)
            case 0x0D: output.append(contentsOf: "\\r".utf8)
            case ..<0x20:
                let hex = String(byte, radix: 16)
                output.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).utf8)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}

/// Number to text as ECMAScript's `Number.prototype.toString` does it, which RFC 8785 §3.2.2.3 prescribes.
enum ECMAScriptNumber {
    static func text(of value: Double) -> String {
        if value == 0 { return "0" }
        let (digits, exponent) = shortestDigits(of: value.magnitude)
        let sign = value < 0 ? "-" : ""
        let count = digits.count
        // `point` is where the decimal point stands, counted from the first digit.
        let point = exponent
        if point > 21 || point <= -6 {
            let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            let power = point - 1
            return sign + mantissa + "e" + (power < 0 ? "-" : "+") + String(power.magnitude)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if point >= count { return sign + digits + String(repeating: "0", count: point - count) }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// The shortest digits that read back to the same double, and the power of ten so that 0.digits × 10^exponent is
    /// the value. Swift's `description` prints shortest digits too; only its layout differs.
    private static func shortestDigits(of value: Double) -> (digits: String, exponent: Int) {
        let parts = value.description.split(separator: "e")
        var exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = mantissa.count == 2 ? mantissa[1] : ""
        var digits = String(mantissa[0]) + fraction
        exponent += mantissa[0].count
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }
}
