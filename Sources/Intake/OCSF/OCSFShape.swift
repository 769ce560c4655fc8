import Events
import JSON

/// The type of an OCSF attribute.
indirect enum OCSFShape: Sendable {
    case text, email, ip, mac, port, uuid
    case integer, number, boolean, timestamp, json
    case identifier(OCSFEnumeration)
    /// An object by its OCSF name, because some hold themselves (a process has a parent process).
    case object(String)
    case list(OCSFShape)

    /// Epoch milliseconds from 1970 to the end of the year 9999: what RFC 3339 can write too.
    static let timestamps: ClosedRange<Int64> = 0...253_402_300_799_999

    /// Splits a value into its valid part and the rest.
    ///
    /// A whole number where text is wanted becomes its digits, a single value where a list is wanted becomes a list of
    /// one: both are common and lose nothing. The rest of a list keeps the places of its elements, `null` for the ones
    /// that fit.
    func fit(_ value: JSONValue, profiles: Set<String>) -> OCSFFit {
        switch self {
        case .object(let name):
            return OCSFObject.named[name]?.fit(value, profiles: profiles) ?? OCSFFit(kept: nil, rest: value)
        case .list(let element):
            let fits = (value.arrayValue ?? [value]).map { element.fit($0, profiles: profiles) }
            let isWhole = fits.allSatisfy { $0.rest == nil }
            let kept = JSONValue.array(fits.compactMap(\.kept))
            return OCSFFit(kept: kept, rest: isWhole ? Optional.none : .array(fits.map { $0.rest ?? .null }))
        default:
            if let kept = scalar(value) { return OCSFFit(kept: kept, rest: nil) }
            return OCSFFit(kept: nil, rest: value)
        }
    }

    private func scalar(_ value: JSONValue) -> JSONValue? {
        switch (self, value) {
        case (.text, .integer(let number)): .string(String(number))
        case (.ip, .string(let text)): IPAddress(text).map { .string($0.text) }
        case _ where isValid(value): value
        default: Optional.none
        }
    }

    private func isValid(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.json, _), (.text, .string), (.boolean, .bool): true
        case (.integer, .integer), (.number, .integer), (.number, .number): true
        case (.email, .string(let text)): Self.isEmail(text)
        case (.mac, .string(let text)): Self.isMAC(text)
        case (.uuid, .string(let text)): Self.isUUID(text)
        case (.port, .integer(let number)): (0...65_535).contains(number)
        case (.timestamp, .integer(let number)): Self.timestamps.contains(number)
        default: false
        }
    }

    /// The schema's own pattern of `email_t`, narrower than RFC 5322.
    private static func isEmail(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { return false }
        let marks = Set("!#$%&'*+,-./=?^_`{|}~".utf8)
        let labels = parts[1].split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        return parts[0].allSatisfy { $0.isLetterOrDigit || marks.contains($0) }
            && labels.count == 2 && labels.allSatisfy { !$0.isEmpty }
            && labels[0].allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }
            && labels[1].allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    private static func isMAC(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 17
            && bytes.enumerated().allSatisfy { place, byte in
                place % 3 == 2 ? byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-") : byte.isHexadecimalDigit
            }
    }

    private static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 36
            && bytes.enumerated().allSatisfy { place, byte in
                [8, 13, 18, 23].contains(place) ? byte == UInt8(ascii: "-") : byte.isHexadecimalDigit
            }
    }
}
