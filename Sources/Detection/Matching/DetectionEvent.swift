package import JSON

/// One record as rules see it: a flat table of fields.
///
/// Members of nested objects are reached by names joined with dots (`userIdentity.arn`); in an array every element is a
/// value of the field, and one that matches is enough. Names are compared exactly, values without regard to case unless
/// a rule says otherwise. Numbers and booleans are the text that JSON has for them.
package struct DetectionEvent: Sendable {
    package let logsource: Logsource
    private(set) var fields: [String: EventField] = [:]

    /// The table of a record from a log source; Windows records are brought to one form first (`WindowsRecord`).
    /// - Parameter extracted: fields that a source read out of a text, such as the address in a line of sshd. What the
    ///   record itself says under a name, or under another name for the same, goes before: the text is the attacker's.
    package init(_ record: JSONValue, logsource: Logsource, extracted: [String: String] = [:]) {
        self.logsource = logsource.completed
        if self.logsource.product == "windows" {
            for (name, value) in WindowsRecord.fields(of: record) { add(value, as: name) }
        } else {
            add(record, as: "")
        }
        for alias in FieldMappings.aliases(for: self.logsource) where fields[alias.field] == nil {
            for source in alias.sources where fields[alias.field] == nil { fields[alias.field] = fields[source] }
        }
        for (name, text) in extracted where fields[name] == nil { add(.string(text), as: name) }
    }

    private mutating func add(_ value: JSONValue, as name: String) {
        switch value {
        case .object(let members):
            if !name.isEmpty { addObject(value, as: name) }
            for (member, value) in members { add(value, as: name.isEmpty ? member : "\(name).\(member)") }
        case .array(let elements):
            note(name)
            for element in elements { add(element, as: name) }
        case .null: note(name)
        case .string, .bool, .integer, .number:
            if let text = value.scalarText { fields[name, default: EventField()].texts.append(EventText(text)) }
        }
    }

    /// Lets a field be there without a value.
    private mutating func note(_ name: String) {
        if fields[name] == nil { fields[name] = EventField() }
    }

    /// A member of the record itself that is an object can also be searched as the JSON text it is, as rules for
    /// CloudTrail do (`requestParameters|contains`); further down that would be the same text again and again.
    private mutating func addObject(_ value: JSONValue, as name: String) {
        fields[name, default: EventField()].isObject = true
        if !name.contains(".") { fields[name]?.objectTexts.append(EventText(value.canonicalString())) }
    }

    /// The values of a field as text, as grouping needs them; empty where the field is missing or null.
    package func texts(_ field: String) -> [String] {
        fields[field]?.texts.map { String(decoding: $0.raw, as: UTF8.self) } ?? []
    }
}

/// What a record has under one name.
struct EventField: Sendable {
    var texts: [EventText] = []
    /// Canonical JSON of objects; no keyword is looked for in it, since it has the names too.
    var objectTexts: [EventText] = []
    var isObject = false

    /// Sigma's `null`: there is nothing but null, or an empty array.
    var isNull: Bool { texts.isEmpty && !isObject }
}

/// A value, as it came and with its case folded.
struct EventText: Sendable {
    let raw: [UInt8]
    let folded: [UInt8]

    init(_ text: String) {
        raw = Array(text.utf8)
        folded = Self.folded(raw)
    }

    /// Unicode's lower case; ASCII, which is nearly everything, takes the short way.
    static func folded(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.contains(where: { $0 >= 128 }) {
            return Array(String(decoding: bytes, as: UTF8.self).lowercased().utf8)
        }
        return bytes.map { (65...90).contains($0) ? $0 | 32 : $0 }
    }
}

extension JSONValue {
    /// A text, or the text that JSON has for a number or a boolean.
    var scalarText: String? {
        switch self {
        case .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .null, .array, .object: nil
        }
    }
}

extension String {
    /// The text of bytes that are valid UTF-8.
    init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
