/// Finds where JSON values begin and end in raw bytes, without building them, and checks the grammar (RFC 8259) on the
/// way.
///
/// It does not recurse: depth costs a byte of memory a level, so no input can exhaust the stack. UTF-8 and limits are
/// the parser's business.
struct JSONBoundaryScanner {
    let bytes: [UInt8]
    var index: Int
    /// The array element in which the scanner stands, for errors.
    var item: Int?

    init(_ bytes: [UInt8], at index: Int = 0) {
        self.bytes = bytes
        self.index = index
    }

    var isAtEnd: Bool { index >= bytes.count }

    mutating func skipWhitespace() {
        while index < bytes.count, bytes[index].isJSONWhitespace { index += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// The places of the elements of an array that is a member of the object at which the scanner stands; of members with
    /// the same name the last one counts, as for whoever reads the values.
    mutating func elements(ofMember name: String) throws(IntakeError) -> [Range<Int>] {
        var found: [Range<Int>] = []
        skipWhitespace()
        guard take(UInt8(ascii: "{")) else { throw failure("an object is expected") }
        skipWhitespace()
        if take(UInt8(ascii: "}")) { return found }
        let quoted = Array("\"\(name)\"".utf8)
        repeat {
            let key = try skipValue()
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw failure("':' is expected") }
            skipWhitespace()
            if bytes[key].elementsEqual(quoted), index < bytes.count, bytes[index] == UInt8(ascii: "[") {
                found = try elements()
            } else {
                _ = try skipValue()
            }
            skipWhitespace()
        } while take(UInt8(ascii: ","))
        return found
    }

    /// The places of the elements of an array that is the whole text.
    mutating func arrayAlone() throws(IntakeError) -> [Range<Int>] {
        skipWhitespace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else {
            throw failure("an array of items is expected")
        }
        let places = try elements()
        skipWhitespace()
        guard isAtEnd else { throw failure("text after the end of the array") }
        return places
    }

    /// The places of the elements of the array at which the scanner stands.
    private mutating func elements() throws(IntakeError) -> [Range<Int>] {
        var places: [Range<Int>] = []
        index += 1
        skipWhitespace()
        if take(UInt8(ascii: "]")) { return places }
        repeat {
            places.append(try skipValue())
            skipWhitespace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("',' or ']' is expected") }
        return places
    }

    /// Moves behind one whole value. - Returns: its place.
    mutating func skipValue() throws(IntakeError) -> Range<Int> {
        skipWhitespace()
        let start = index
        var closers: [UInt8] = []
        while true {
            skipWhitespace()
            var isComplete = true
            switch index < bytes.count ? bytes[index] : 0 {
            case UInt8(ascii: "{"):
                index += 1
                skipWhitespace()
                if !take(UInt8(ascii: "}")) {
                    closers.append(UInt8(ascii: "}"))
                    try skipName()
                    isComplete = false
                }
            case UInt8(ascii: "["):
                index += 1
                skipWhitespace()
                if !take(UInt8(ascii: "]")) {
                    closers.append(UInt8(ascii: "]"))
                    isComplete = false
                }
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "t"): try skipLiteral("true")
            case UInt8(ascii: "f"): try skipLiteral("false")
            case UInt8(ascii: "n"): try skipLiteral("null")
            default: try skipNumber()
            }
            if isComplete, try closeContainers(&closers) { return start..<index }
        }
    }

    /// After a value: closes what ends here, else moves to the next value. - Returns: whether nothing is open.
    private mutating func closeContainers(_ closers: inout [UInt8]) throws(IntakeError) -> Bool {
        while let closer = closers.last {
            skipWhitespace()
            if take(closer) {
                closers.removeLast()
                continue
            }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or '\(Unicode.Scalar(closer))' is expected") }
            if closer == UInt8(ascii: "}") { try skipName() }
            return false
        }
        return true
    }

    private mutating func skipName() throws(IntakeError) {
        skipWhitespace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
            throw failure("a member name in quotes is expected")
        }
        try skipString()
        skipWhitespace()
        guard take(UInt8(ascii: ":")) else { throw failure("':' is expected after a member name") }
    }

    private mutating func skipString() throws(IntakeError) {
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try skipEscape()
            case ..<0x20: throw failure("a control character must be escaped")
            default: break
            }
        }
        throw failure("the body ends inside a string")
    }

    private mutating func skipEscape() throws(IntakeError) {
        guard index < bytes.count else { throw failure("the body ends inside an escape") }
        let byte = bytes[index]
        index += 1
        if byte == UInt8(ascii: "u") {
            guard index + 4 <= bytes.count, bytes[index..<index + 4].allSatisfy(\.isHexadecimalDigit) else {
                throw failure("four hexadecimal digits are expected after \\u")
            }
            index += 4
        } else if !"\"\\/bfnrt".utf8.contains(byte) {
            throw failure("no such escape")
        }
    }

    private mutating func skipLiteral(_ text: StaticString) throws(IntakeError) {
        for byte in text.description.utf8 {
            guard take(byte) else { throw failure("'\(text)' is expected") }
        }
    }

    private mutating func skipNumber() throws(IntakeError) {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try skipDigits() }
        if take(UInt8(ascii: ".")) { try skipDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(IntakeError) {
        let start = index
        while index < bytes.count, bytes[index].isDigit { index += 1 }
        guard index > start else { throw failure("no JSON value stands here") }
    }

    func failure(_ message: String) -> IntakeError {
        IntakeError(.syntax, message, item: item, offset: index)
    }
}
