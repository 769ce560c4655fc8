import JSON

/// JSON for reading: members in order, two spaces a level, what is short on one line. What a digest is taken over is the canonical form instead.
enum PrettyJSON {
    static func text(_ value: JSONValue, indent: String = "") -> String {
        let short = line(value)
        if short.utf8.count <= 100 { return short }
        let inner = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map { name, member in
                "\(inner)\(JSONValue.string(name).canonicalString()): \(text(member, indent: inner))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let elements) where !elements.isEmpty:
            return "[\n\(elements.map { inner + text($0, indent: inner) }.joined(separator: ",\n"))\n\(indent)]"
        default: return short
        }
    }

    private static func line(_ value: JSONValue) -> String {
        switch value {
        case .object(let members):
            let pairs = members.sorted { $0.key < $1.key }.map {
                "\(JSONValue.string($0.key).canonicalString()): \(line($0.value))"
            }
            return pairs.isEmpty ? "{}" : "{ \(pairs.joined(separator: ", ")) }"
        case .array(let elements): return "[\(elements.map(line).joined(separator: ", "))]"
        default: return value.canonicalString()
        }
    }

    /// Nothing for what holds nothing.
    static func json(_ value: JSONValue?) -> JSONValue {
        switch value {
        case nil, .null: .null
        case .object(let members) where members.isEmpty: .null
        case .array(let elements) where elements.isEmpty: .null
        case .some(let value): .string(text(value))
        }
    }
}
