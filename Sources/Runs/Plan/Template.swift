package import JSON

/// Fills values into parameters. Values only: nothing here can reach a scheme, host, path or header name.
///
/// Three forms, each an object that is replaced whole; everything else stands as it is:
/// - `{"$from": REFERENCE}` the value (`ValueReference`); `"$else": TEMPLATE` if there is none;
/// - `{"$find": REFERENCE, "$where": {member: value | [values]}}` the one element of that array whose members have these
///   values; `"$else"` likewise. Two elements that fit are as bad as none: what is meant must be certain.
///
/// Evidence is written by attackers: a value from outside that itself holds a member beginning with `$` is refused, so
/// that no template is ever smuggled in.
package enum Template {
    package enum Lookup {
        case value(JSONValue)
        case missing
        /// Not known yet: the template stays as it is.
        case later
    }

    package struct Failure: Error, Hashable {
        package var pointer: String
        package var detail: String
    }

    package static func fill(
        _ template: JSONValue, at pointer: JSONPointer = JSONPointer(tokens: []), lookup: (ValueReference) -> Lookup
    ) throws(Failure) -> JSONValue {
        switch template {
        case .array(let elements):
            var filled: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                filled.append(try fill(element, at: pointer.appending(String(index)), lookup: lookup))
            }
            return .array(filled)
        case .object(let members):
            if let text = members["$from"]?.stringValue {
                return try replace(template, text, at: pointer, lookup: lookup) { $0 }
            }
            if let text = members["$find"]?.stringValue {
                let place = pointer.appending("$where")
                let wanted = try fill(members["$where"] ?? .object([:]), at: place, lookup: lookup)
                var kept = template
                kept["$where"] = wanted
                return try replace(kept, text, at: pointer, lookup: lookup) { find(wanted, in: $0) }
            }
            var filled: [String: JSONValue] = [:]
            for (name, member) in members {
                filled[name] = try fill(member, at: pointer.appending(name), lookup: lookup)
            }
            return .object(filled)
        default: return template
        }
    }

    private static func replace(
        _ template: JSONValue, _ text: String, at pointer: JSONPointer, lookup: (ValueReference) -> Lookup,
        _ select: (JSONValue) -> JSONValue?
    ) throws(Failure) -> JSONValue {
        guard let reference = ValueReference(text) else {
            throw Failure(pointer: pointer.description, detail: "'\(text)' names no value")
        }
        let found: JSONValue?
        switch lookup(reference) {
        case .later: return template
        case .missing: found = nil
        case .value(let value): found = select(value)
        }
        if let found {
            guard !holdsTemplate(found) else {
                throw Failure(pointer: pointer.description, detail: "'\(text)' holds a member that begins with '$'")
            }
            return found
        }
        guard let fallback = template["$else"] else {
            throw Failure(pointer: pointer.description, detail: "'\(text)' has no such value")
        }
        return try fill(fallback, at: pointer.appending("$else"), lookup: lookup)
    }

    private static func find(_ wanted: JSONValue, in value: JSONValue) -> JSONValue? {
        let fitting = (value.arrayValue ?? []).filter { matches($0, wanted) }
        // Not a conditional expression: `nil` in it would be JSON's null.
        guard fitting.count == 1 else { return nil }
        return fitting[0]
    }

    /// Every wanted member is there and equal, or is one of the values of a wanted array.
    static func matches(_ element: JSONValue, _ wanted: JSONValue) -> Bool {
        guard let members = wanted.objectValue else { return element == wanted }
        return members.allSatisfy { name, value in
            guard let found = element[name] else { return false }
            return found == value || value.arrayValue?.contains(found) == true
        }
    }

    static func holdsTemplate(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let elements): elements.contains { holdsTemplate($0) }
        case .object(let members): members.contains { $0.key.hasPrefix("$") || holdsTemplate($0.value) }
        default: false
        }
    }
}
