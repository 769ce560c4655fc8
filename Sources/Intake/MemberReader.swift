import Events
import JSON

/// Takes the members of one JSON object one by one, checks each, and knows at the end which ones nobody asked for.
///
/// `null` and an absent member are the same, and so is an empty text where none is required.
struct MemberReader {
    let pointer: JSONPointer
    private var members: [String: JSONValue]

    /// - Returns: `nil`, with an error, when the value is no object.
    init?(_ value: JSONValue, at pointer: JSONPointer, report: inout IntakeReport) {
        guard let members = value.objectValue else {
            report.error(pointer, .type, "an object is expected, not \(value.typeName)")
            return nil
        }
        self.pointer = pointer
        self.members = members
    }

    mutating func take(_ name: String) -> JSONValue? {
        guard let value = members.removeValue(forKey: name), !value.isNull else { return nil }
        return value
    }

    mutating func text(
        _ name: String, upTo limit: Int, required: Bool = false, report: inout IntakeReport
    ) -> String? {
        guard let value = take(name) else {
            if required { report.error(pointer.appending(name), .required, "'\(name)' is required") }
            return nil
        }
        guard let text = value.stringValue else {
            wrongType(name, "a string", value, &report)
            return nil
        }
        if text.isEmpty, !required { return nil }
        guard text.characterCount <= limit, !required || !text.trimmed.isEmpty else {
            report.error(
                pointer.appending(name), .length,
                required ? "1 to \(limit) characters are expected" : "at most \(limit) characters are expected")
            return nil
        }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>, report: inout IntakeReport) -> Int? {
        guard let value = take(name) else { return nil }
        guard let number = value.int64Value else {
            wrongType(name, "an integer", value, &report)
            return nil
        }
        guard range.contains(number) else {
            report.error(
                pointer.appending(name), .range, "\(range.lowerBound) to \(range.upperBound) is expected, not \(number)"
            )
            return nil
        }
        return Int(number)
    }

    mutating func instant(_ name: String, required: Bool = false, report: inout IntakeReport) -> (Instant, String)? {
        guard let text = text(name, upTo: 100, required: required, report: &report) else { return nil }
        guard let instant = Instant(unboundedRFC3339: text) else {
            report.error(pointer.appending(name), .format, "an RFC 3339 time with offset is expected")
            return nil
        }
        guard Instant.writable.contains(instant) else {
            report.error(pointer.appending(name), .range, "a time in the years 1 to 9999 (UTC) is expected")
            return nil
        }
        return (instant, text)
    }

    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, of type: Choice.Type, required: Bool = false, report: inout IntakeReport
    ) -> Choice? {
        guard let value = take(name) else {
            if required {
                report.error(
                    pointer.appending(name), .required, "'\(name)' is required",
                    allowed: Choice.allCases.map(\.rawValue))
            }
            return nil
        }
        guard let text = value.stringValue else {
            wrongType(name, "a string", value, &report)
            return nil
        }
        guard let choice = Choice(rawValue: text) else {
            report.error(
                pointer.appending(name), .enum, "this is none of the allowed values",
                allowed: Choice.allCases.map(\.rawValue))
            return nil
        }
        return choice
    }

    /// The elements of a list with their pointers; none when there is no list, or one that is too long.
    mutating func list(
        _ name: String, upTo limit: Int, report: inout IntakeReport
    ) -> [(pointer: JSONPointer, value: JSONValue)] {
        guard let value = take(name) else { return [] }
        let place = pointer.appending(name)
        guard let elements = value.arrayValue else {
            wrongType(name, "an array", value, &report)
            return []
        }
        guard elements.count <= limit else {
            report.error(place, .length, "at most \(limit) items are expected, not \(elements.count)")
            return []
        }
        return elements.enumerated().map { (place.appending(String($0.offset)), $0.element) }
    }

    /// Keeps what nobody took under `unmapped`: by its name at the top, by its pointer further inside.
    func keepUnknown(under root: JSONPointer, report: inout IntakeReport) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let place = pointer.appending(name)
            let isTop = pointer == root
            report.keep(value, as: isTop ? name : place.description, from: place)
            report.warn("\(place): unknown member, kept under unmapped")
        }
    }

    private func wrongType(_ name: String, _ expected: String, _ value: JSONValue, _ report: inout IntakeReport) {
        report.error(pointer.appending(name), .type, "\(expected) is expected, not \(value.typeName)")
    }
}
