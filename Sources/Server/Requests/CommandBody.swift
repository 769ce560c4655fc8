import Events
import Foundation
import JSON

/// A command's body, member by member: collects everything that is wrong, then says it at once.
///
/// A reading function gives a stand-in when its member is wrong; `finish()` throws before anybody can use it.
struct CommandBody {
    let json: JSONValue
    let base: String
    private(set) var errors: [FieldError] = []

    /// - Parameter base: where in the request the object lies, as a JSON Pointer.
    init(_ json: JSONValue, at base: String = "") {
        self.json = json
        self.base = base
        if json.objectValue == nil { errors.append(FieldError(base, .type, "an object is expected")) }
    }

    /// Reads bytes as a command (strictly).
    ///
    /// - Throws: `malformed-body` for what is no JSON, `validation-failed` for text that cannot be kept, `body-too-large`
    ///   for too deep or too wide.
    static func parse(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
        guard !bytes.isEmpty else { return [:] }
        do {
            return try JSONValue.parse(bytes)
        } catch {
            switch error.code {
            case .depth, .members: throw Problem(.bodyTooLarge, "\(error.message).")
            case .encoding where String(validating: bytes, as: UTF8.self) != nil:
                throw .validation([FieldError(error.pointer, .encoding, error.message)])
            case .range: throw .validation([FieldError(error.pointer, .range, error.message)])
            default:
                let place = error.offset.map { " at byte \($0)" } ?? ""
                throw Problem(
                    .malformedBody, "The body is not JSON: \(error.message)\(place).",
                    errors: [
                        FieldError(error.pointer, error.code == .encoding ? .encoding : .syntax, error.message)
                    ])
            }
        }
    }

    mutating func refuse(_ name: String, _ code: FieldError.Code, _ detail: String, allowed: [String]? = nil) {
        errors.append(FieldError("\(base)/\(JSONPointer.escape(name))", code, detail, allowed: allowed))
    }

    /// - Throws: `validation-failed` with every error.
    func finish() throws(Problem) {
        guard errors.isEmpty else { throw .validation(errors) }
    }

    /// A member that is there and not `null`.
    func has(_ name: String) -> Bool { json[name].map { !$0.isNull } ?? false }

    private mutating func required(_ name: String) -> JSONValue? {
        if has(name) { return json[name] }
        if json.objectValue != nil { refuse(name, .required, "is required") }
        return nil
    }

    /// Lengths in Unicode scalars, white space around it not counted.
    mutating func text(_ name: String, _ length: ClosedRange<Int> = 1...4_000) -> String {
        guard let value = required(name) else { return "" }
        guard let text = value.stringValue else {
            refuse(name, .type, "is a string")
            return ""
        }
        let count = text.trimmingCharacters(in: .whitespacesAndNewlines).unicodeScalars.count
        if !length.contains(count) {
            refuse(name, .length, "has \(length.lowerBound) to \(length.upperBound) characters, not \(count)")
        }
        return text
    }

    mutating func optionalText(_ name: String, _ length: ClosedRange<Int> = 1...4_000) -> String? {
        has(name) ? text(name, length) : nil
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ standIn: Choice
    ) -> Choice where Choice.RawValue == String {
        guard let value = required(name) else { return standIn }
        guard let text = value.stringValue else {
            refuse(name, .type, "is a string")
            return standIn
        }
        guard let choice = Choice(rawValue: text) else {
            refuse(name, .enum, "is none of the allowed values", allowed: Choice.allCases.map(\.rawValue))
            return standIn
        }
        return choice
    }

    mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ standIn: Choice
    ) -> Choice? where Choice.RawValue == String {
        has(name) ? choice(name, standIn) : nil
    }

    mutating func optionalInteger(_ name: String, _ range: ClosedRange<Int64>) -> Int64? {
        guard has(name) else { return nil }
        guard let value = json[name]?.int64Value else {
            refuse(name, .type, "is a whole number")
            return nil
        }
        if !range.contains(value) { refuse(name, .range, "lies between \(range.lowerBound) and \(range.upperBound)") }
        return value
    }

    mutating func integer(_ name: String, _ range: ClosedRange<Int64>) -> Int64 {
        guard required(name) != nil else { return range.lowerBound }
        return optionalInteger(name, range) ?? range.lowerBound
    }

    mutating func optionalBool(_ name: String) -> Bool? {
        guard has(name) else { return nil }
        guard let value = json[name]?.boolValue else {
            refuse(name, .type, "is true or false")
            return nil
        }
        return value
    }

    mutating func uuid(_ name: String) -> UUID {
        let standIn = UUID(uuid: UUID_NULL)
        guard let value = required(name) else { return standIn }
        guard let text = value.stringValue else {
            refuse(name, .type, "is a string")
            return standIn
        }
        guard let id = UUID(uuidString: text) else {
            refuse(name, .format, "is a UUID")
            return standIn
        }
        return id
    }

    mutating func uuids(_ name: String, _ count: ClosedRange<Int>) -> [UUID] {
        let texts = strings(name, count)
        let ids = texts.compactMap { UUID(uuidString: $0) }
        if ids.count < texts.count { refuse(name, .format, "holds UUIDs") }
        return ids
    }

    mutating func strings(_ name: String, _ count: ClosedRange<Int>) -> [String] {
        guard let value = required(name) else { return [] }
        guard let items = value.arrayValue, case let texts = items.compactMap(\.stringValue), texts.count == items.count
        else {
            refuse(name, .type, "is an array of strings")
            return []
        }
        if !count.contains(texts.count) {
            refuse(name, .length, "holds \(count.lowerBound) to \(count.upperBound) items")
        }
        return texts
    }

    mutating func instant(_ name: String) -> Instant {
        guard let value = required(name) else { return Instant(microseconds: 0) }
        guard let text = value.stringValue else {
            refuse(name, .type, "is a string")
            return Instant(microseconds: 0)
        }
        guard let instant = Instant(rfc3339: text) else {
            refuse(name, .format, "is a time of RFC 3339 with an offset")
            return Instant(microseconds: 0)
        }
        return instant
    }

    mutating func optionalInstant(_ name: String) -> Instant? { has(name) ? instant(name) : nil }

    mutating func digest(_ name: String) -> Digest {
        let standIn = Digest.sha256([])
        guard let value = required(name) else { return standIn }
        guard let text = value.stringValue else {
            refuse(name, .type, "is a string: 'sha256:' and 64 hexadecimal digits")
            return standIn
        }
        // A text that is no digest is the digest of nothing here: it matches no plan, and the refusal names the right one.
        return Digest(text: text) ?? .sha256(Array(text.utf8))
    }

    /// `issuer` (default `docket`) and `subject`.
    mutating func identity(_ name: String) -> Identity {
        guard let value = required(name) else { return Identity(subject: "") }
        var inner = CommandBody(value, at: "\(base)/\(JSONPointer.escape(name))")
        let identity = Identity(
            issuer: inner.optionalText("issuer", 1...500) ?? "docket", subject: inner.text("subject", 1...200))
        errors += inner.errors
        return identity
    }

    mutating func object(_ name: String) -> JSONValue {
        guard let value = required(name) else { return [:] }
        if value.objectValue == nil { refuse(name, .type, "is an object") }
        return value
    }

    mutating func optionalObject(_ name: String) -> JSONValue { has(name) ? object(name) : [:] }

    mutating func array(_ name: String, _ count: ClosedRange<Int>) -> [JSONValue] {
        guard let value = required(name) else { return [] }
        guard let items = value.arrayValue else {
            refuse(name, .type, "is an array")
            return []
        }
        if !count.contains(items.count) {
            refuse(name, .length, "holds \(count.lowerBound) to \(count.upperBound) items")
        }
        return items
    }

    /// Takes over what is wrong with a part that was read apart.
    mutating func adopt(_ other: CommandBody) { errors += other.errors }
}

private let UUID_NULL: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
