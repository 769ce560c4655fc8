/// A recursive-descent parser of untrusted JSON (RFC 8259) over bytes.
///
/// Depth is bounded before it recurses, so no input can exhaust the stack. It is safe code throughout: every access is
/// bounds-checked. The fast path for telemetry lives with detection, not here.
struct JSONParser {
    /// What to do with text and numbers that JSON allows but PostgreSQL or other readers cannot keep.
    enum Tolerance {
        /// Refuse: for commands, where the sender is there to be told.
        case strict
        /// Repair and say so: for evidence, where refusing would lose it.
        case evidence
    }

    private let bytes: [UInt8]
    private let limits: JSONLimits
    private let tolerance: Tolerance
    private var index = 0
    private var path: [Step] = []
    private(set) var warnings: [String] = []

    init(bytes: [UInt8], limits: JSONLimits, tolerance: Tolerance) {
        self.bytes = bytes
        self.limits = limits
        self.tolerance = tolerance
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard index == bytes.count else { throw failure(.syntax, "text after the end of the document") }
        return value
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        guard index < bytes.count else { throw failure(.syntax, "the document ends where a value should be") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try parseObject(depth: depth + 1)
        case UInt8(ascii: "["): return try parseArray(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw failure(.syntax, "no JSON value begins like this")
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONValue {
        try checkDepth(depth)
        index += 1
        var members: [String: JSONValue] = [:]
        skipWhitespace()
        if consume(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipWhitespace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw failure(.syntax, "a member name in quotes is expected")
            }
            let name = try parseString()
            skipWhitespace()
            guard consume(UInt8(ascii: ":")) else { throw failure(.syntax, "':' is expected after a member name") }
            skipWhitespace()
            path.append(.name(name))
            let value = try parseValue(depth: depth)
            if members.updateValue(value, forKey: name) != nil {
                guard tolerance == .evidence else { throw failure(.duplicate, "this member stands twice") }
                warn("member stands twice, the last one counts")
            }
            path.removeLast()
            guard members.count <= limits.members else {
                throw failure(.members, "more than \(limits.members) members in one object")
            }
            skipWhitespace()
            if consume(UInt8(ascii: ",")) { continue }
            guard consume(UInt8(ascii: "}")) else { throw failure(.syntax, "',' or '}' is expected") }
            return .object(members)
        }
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSONValue {
        try checkDepth(depth)
        index += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if consume(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            skipWhitespace()
            path.append(.index(elements.count))
            elements.append(try parseValue(depth: depth))
            path.removeLast()
            skipWhitespace()
            if consume(UInt8(ascii: ",")) { continue }
            guard consume(UInt8(ascii: "]")) else { throw failure(.syntax, "',' or ']' is expected") }
            return .array(elements)
        }
    }

    private mutating func parseString() throws(JSONError) -> String {
        index += 1
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                let text = try decode(bytes[start..<index])
                index += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
            guard byte >= 0x20 else { throw failure(.syntax, "a control character must be escaped") }
            index += 1
        }
        throw failure(.syntax, "the document ends inside a string")
    }

    /// The slow path: from the first escape on, the text is put together piece by piece.
    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try decode(text[...])
            case UInt8(ascii: "\\"): text.append(contentsOf: String(try parseEscape()).utf8)
            case ..<0x20: throw failure(.syntax, "a control character must be escaped")
            default: text.append(byte)
            }
        }
        throw failure(.syntax, "the document ends inside a string")
    }

    private mutating func parseEscape() throws(JSONError) -> Unicode.Scalar {
        guard index < bytes.count else { throw failure(.syntax, "the document ends inside an escape") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try parseUnicodeEscape()
        default: throw failure(.syntax, "no such escape")
        }
    }

    private mutating func parseUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let unit = try parseHexQuad()
        if unit == 0 { return try replaced("U+0000") }
        if (0xD800...0xDBFF).contains(unit), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        {
            let back = index
            index += 2
            let low = try parseHexQuad()
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            {
                return scalar
            }
            index = back
        }
        guard let scalar = Unicode.Scalar(unit) else { return try replaced("an unpaired surrogate") }
        return scalar
    }

    private mutating func replaced(_ what: String) throws(JSONError) -> Unicode.Scalar {
        guard tolerance == .evidence else { throw failure(.encoding, "\(what) cannot be stored as text") }
        warn("\(what) stands as U+FFFD")
        return "\u{FFFD}"
    }

    private mutating func parseHexQuad() throws(JSONError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw failure(.syntax, "the document ends inside an escape") }
        var unit: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch bytes[index] {
            case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): digit = byte - UInt8(ascii: "0")
            case let byte where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte):
                digit = byte - UInt8(ascii: "a") + 10
            case let byte where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte):
                digit = byte - UInt8(ascii: "A") + 10
            default: throw failure(.syntax, "four hexadecimal digits are expected after \\u")
            }
            unit = unit << 4 | UInt32(digit)
            index += 1
        }
        return unit
    }

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = index
        var isInteger = true
        _ = consume(UInt8(ascii: "-"))
        if !consume(UInt8(ascii: "0")) { try digits() }
        if consume(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if !consume(UInt8(ascii: "+")) { _ = consume(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger {
            if let value = Int64(text), !JSONValue.integer(value).isIntegerBeyondExactness { return .integer(value) }
            return try inexact(text)
        }
        guard let value = Double(text), value.isFinite else { throw failure(.range, "this number is too large") }
        let number = JSONValue(value)
        return number.isIntegerBeyondExactness ? try inexact(text) : number
    }

    /// What evidence keeps as it is written.
    private func inexact(_ text: String) throws(JSONError) -> JSONValue {
        guard tolerance == .evidence else {
            throw failure(.range, "an integer beyond ±2^53 cannot be kept exactly; send it as a string")
        }
        return .string(text)
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        guard index > start else { throw failure(.syntax, "a digit is expected") }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in text.description.utf8 {
            guard consume(byte) else { throw failure(.syntax, "'\(text)' is expected") }
        }
        return value
    }

    private func decode(_ slice: ArraySlice<UInt8>) throws(JSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw failure(.encoding, "this is not UTF-8")
        }
        return text
    }

    private mutating func consume(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    private func checkDepth(_ depth: Int) throws(JSONError) {
        guard depth <= limits.depth else { throw failure(.depth, "nested deeper than \(limits.depth)") }
    }

    /// Bounded: a hostile document must not make a megabyte of warnings.
    private mutating func warn(_ text: String) {
        if warnings.count < 20 { warnings.append("\(pointer): \(text)") }
    }

    private func failure(_ code: JSONError.Code, _ message: String) -> JSONError {
        JSONError(code, message, pointer: pointer.description, offset: index)
    }

    /// Written out only when something is told: nearly always nothing is.
    private var pointer: JSONPointer {
        JSONPointer(
            tokens: path.map { step in
                switch step {
                case .name(let name): name
                case .index(let index): String(index)
                }
            })
    }

    private enum Step {
        case name(String)
        case index(Int)
    }
}
