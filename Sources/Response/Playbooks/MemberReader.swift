import JSON

/// Reads members of one object and notes, with its pointer, each that is not as it should be.
struct MemberReader {
    let value: JSONValue
    let pointer: JSONPointer
    var problems: [PlaybookProblem] = []

    init(_ value: JSONValue, _ pointer: JSONPointer) {
        self.value = value
        self.pointer = pointer
        if value.objectValue == nil {
            problems.append(
                PlaybookProblem(
                    pointer: pointer.description, code: value.isNull ? "required" : "type",
                    detail: "an object is expected"))
        }
    }

    mutating func note(_ member: String, _ code: String, _ detail: String) {
        problems.append(
            PlaybookProblem(pointer: pointer.appending(member).description, code: code, detail: detail))
    }

    private mutating func read<Value>(
        _ member: String, _ required: Bool, _ expected: String, _ convert: (JSONValue) -> Value?
    ) -> Value? {
        guard value.objectValue != nil else { return nil }
        guard let found = value[member] else {
            if required { note(member, "required", "\(expected) is required") }
            return nil
        }
        guard let converted = convert(found) else {
            note(member, "type", "\(expected) is expected")
            return nil
        }
        return converted
    }

    mutating func string(_ member: String, required: Bool = true) -> String? {
        read(member, required, "a text", \.stringValue)
    }

    mutating func bool(_ member: String, required: Bool = true) -> Bool? {
        read(member, required, "true or false", \.boolValue)
    }

    mutating func integer(_ member: String, in range: ClosedRange<Int64>, required: Bool = true) -> Int64? {
        guard let number = read(member, required, "an integer", \.int64Value) else { return nil }
        guard range.contains(number) else {
            note(member, "range", "outside \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func strings(_ member: String, required: Bool = true) -> [String]? {
        read(member, required, "an array of texts") { value in
            guard let elements = value.arrayValue else { return nil }
            let texts = elements.compactMap(\.stringValue)
            return texts.count == elements.count ? texts : nil
        }
    }

    /// An id `type--uuid` (CACAO §10.10), of one of these types if any are named.
    mutating func identifier(_ member: String, required: Bool = true, types: Set<String> = []) -> String? {
        guard let text = string(member, required: required) else { return nil }
        guard let type = CACAOIdentifier.type(of: text) else {
            note(member, "format", "'\(text)' is no CACAO identifier")
            return nil
        }
        guard types.isEmpty || types.contains(type) else {
            note(member, "format", "an identifier of \(types.sorted().joined(separator: ", ")) is expected")
            return nil
        }
        return text
    }
}

enum CACAOIdentifier {
    /// The type in `type--uuid`, or `nil` where the text is no identifier (CACAO §10.10; UUID versions 1 to 5).
    static func type(of text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count > 38 else { return nil }
        let uuid = bytes.suffix(36)
        let type = bytes.dropLast(36)
        guard type.suffix(2) == ArraySlice("--".utf8) else { return nil }
        let name = type.dropLast(2)
        let isLower = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard name.count >= 3, let first = name.first, isLower(first), let last = name.last,
            isLower(last) || isDigit(last),
            name.allSatisfy({ isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        for (index, byte) in uuid.enumerated() {
            switch index {
            case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return nil }
            case 14: guard (UInt8(ascii: "1")...UInt8(ascii: "5")).contains(byte) else { return nil }
            case 19: guard "89abAB".utf8.contains(byte) else { return nil }
            default:
                guard isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20) else { return nil }
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
