/// A JSON text as a value (RFC 8259).
///
/// One normal form: a number that is integral and within ±2^53 is always `.integer`, every other one `.number`, so two
/// values that print alike compare alike. Objects have no order; canonical writing sorts them.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The largest magnitude that every JSON reader keeps exactly (RFC 7493, I-JSON).
    package static let exactIntegerLimit: Int64 = 9_007_199_254_740_992

    /// The normal form of a finite double. Not a number and infinities have no JSON form and become `null`.
    package init(_ value: Double) {
        if !value.isFinite {
            self = .null
        } else if value.magnitude <= Double(Self.exactIntegerLimit), value == value.rounded(.towardZero) {
            self = .integer(Int64(value))
        } else {
            self = .number(value)
        }
    }

    /// Whether this is a number that canonical form writes as digits alone though it is beyond ±2^53: readers that keep
    /// integers otherwise than as doubles would read another number (RFC 7493 §2.2), so strict reading refuses it.
    package var isIntegerBeyondExactness: Bool {
        switch self {
        case .integer(let value): value.magnitude > Self.exactIntegerLimit.magnitude
        case .number(let value): value.magnitude > Double(Self.exactIntegerLimit) && value.magnitude < 1e21
        default: false
        }
    }
}

extension JSONValue {
    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int64Value: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var objectValue: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The JSON type's name, for messages.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The member of an object. Setting on anything but an object replaces it by one.
    package subscript(key: String) -> JSONValue? {
        get { objectValue?[key] }
        set {
            var members = objectValue ?? [:]
            self = .null  // so that `members` is uniquely referenced while it changes
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element of an array, or `nil` where there is none.
    package subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = JSONValue(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}
