import Events
import JSON

/// Small OCSF objects out of texts that may be missing. Each is `nil` where it would not be valid.
enum OCSFPart {
    static func object(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue? {
        var members: [String: JSONValue] = [:]
        for case (let name, let value?) in pairs { members[name] = value }
        return members.isEmpty ? Optional.none : .object(members)
    }

    static func text(_ text: String?) -> JSONValue? { text.map(JSONValue.string) }

    /// An endpoint by address, name or both. A text that is no address is a name.
    static func endpoint(_ name: String?, address: String? = nil, port: String? = nil) -> JSONValue? {
        let parsed = address.flatMap { IPAddress($0) }
        guard let shown = name ?? address else { return nil }
        let number = port.flatMap { Int64($0) }.flatMap { (0...65_535).contains($0) ? $0 : nil }
        return object([
            "name": .string(shown), "hostname": text(name), "ip": text(parsed?.text),
            "port": number.map(JSONValue.integer),
        ])
    }

    /// A host of which nothing but its name is known.
    static func device(_ name: String?) -> JSONValue? {
        guard let name else { return nil }
        return ["name": .string(name), "hostname": .string(name), "type_id": 0, "type": "Unknown"]
    }

    static func user(
        _ name: String?, uid: String? = nil, domain: String? = nil, more: [String: JSONValue] = [:]
    ) -> JSONValue? {
        guard name != nil || uid != nil else { return nil }
        var user = more
        user["name"] = text(name)
        user["uid"] = text(uid)
        user["domain"] = text(domain)
        return .object(user)
    }

    /// A file by its path, whose last component is its name. Both kinds of slashes, because a path may come from
    /// another system than the one that reads it.
    static func file(_ path: String?, hashes: [JSONValue] = []) -> JSONValue? {
        guard let path else { return nil }
        return object([
            "name": .string(path.lastPathComponent), "path": .string(path), "type_id": 0, "type": "Unknown",
            "hashes": hashes.isEmpty ? Optional.none : JSONValue.array(hashes),
        ])
    }
}

extension String {
    /// What stands behind the last slash of either kind; all of it where nothing does.
    var lastPathComponent: String {
        let name = self[(lastIndex { $0 == "/" || $0 == "\\" }.map { index(after: $0) } ?? startIndex)...]
        return name.isEmpty ? self : String(name)
    }
}
