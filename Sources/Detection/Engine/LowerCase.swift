/// Unicode's lower case of single characters, as `String.lowercased()` has it: context does not count.
enum LowerCase {
    /// What needs more than one character of the Basic Multilingual Plane.
    static let special: UInt16 = 0xFFFF

    /// By character of the Basic Multilingual Plane.
    private static let table: [UInt16] = (0..<0x10000).map { value in
        guard let scalar = Unicode.Scalar(UInt32(value)) else { return UInt16(value) }
        let mapped = scalar.properties.lowercaseMapping.unicodeScalars
        guard mapped.count == 1, let first = mapped.first, first.value < 0xFFFF else { return special }
        return UInt16(first.value)
    }

    /// Writes a character's lower case as UTF-8; twelve bytes at most.
    /// - Returns: the place behind it.
    static func write(_ value: UInt32, into bytes: inout MutableSpan<UInt8>, at place: Int) -> Int {
        if value < 0x10000 {
            let mapped = table[Int(value)]
            if mapped != special { return encode(UInt32(mapped), into: &bytes, at: place) }
        } else if !hasLetters.contains(value) {
            return encode(value, into: &bytes, at: place)
        }
        guard let scalar = Unicode.Scalar(value) else { return encode(0xFFFD, into: &bytes, at: place) }
        var end = place
        for mapped in scalar.properties.lowercaseMapping.unicodeScalars {
            end = encode(mapped.value, into: &bytes, at: end)
        }
        return end
    }

    /// Where characters beyond the Basic Multilingual Plane have a case; emoji are not among them.
    private static let hasLetters: Range<UInt32> = 0x10400..<0x1EA00

    /// Writes a character as UTF-8. - Returns: the place behind it.
    static func encode(_ value: UInt32, into bytes: inout MutableSpan<UInt8>, at place: Int) -> Int {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (value >> shift) & 0x3F) }
        switch value {
        case ..<0x80:
            bytes[place] = UInt8(value)
            return place + 1
        case ..<0x800:
            bytes[place] = UInt8(0xC0 | value >> 6)
            bytes[place + 1] = tail(0)
            return place + 2
        case ..<0x10000:
            bytes[place] = UInt8(0xE0 | value >> 12)
            bytes[place + 1] = tail(6)
            bytes[place + 2] = tail(0)
            return place + 3
        default:
            bytes[place] = UInt8(0xF0 | value >> 18)
            bytes[place + 1] = tail(12)
            bytes[place + 2] = tail(6)
            bytes[place + 3] = tail(0)
            return place + 4
        }
    }
}
