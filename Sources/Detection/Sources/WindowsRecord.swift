import JSON

/// The forms in which Windows events arrive, brought to the flat one that rules speak of.
///
/// - flat (NXLog): members of the record are the fields;
/// - EVTX as JSON: `System` with attributes such as `Provider_Name`, `EventData` or `UserData` with the fields;
/// - winlogbeat: nested objects, of which the leaves are the fields.
///
/// Blanks are taken out of names ("Process Name" is `ProcessName`; Sigma rules specification 2.1, "Field Usage").
enum WindowsRecord {
    static func fields(of record: JSONValue) -> [(String, JSONValue)] {
        let body = record["Event"] ?? record
        guard case .object(let members) = body else { return [] }
        var fields: [(String, JSONValue)] = []
        if body["System"]?.objectValue != nil {
            system(body["System"] ?? .null, into: &fields)
            leaves(body["EventData"] ?? .null, into: &fields)
            leaves(body["UserData"] ?? .null, into: &fields)
        } else {
            for (name, value) in members { leaf(name, value, into: &fields) }
        }
        return fields
    }

    private static func system(_ system: JSONValue, into fields: inout [(String, JSONValue)]) {
        for (name, value) in system.objectValue ?? [:] {
            if let attributes = value["#attributes"]?.objectValue {
                for (attribute, value) in attributes { add(value, as: "\(name)_\(attribute)", to: &fields) }
                if let text = value["#text"] { add(text, as: name, to: &fields) }
            } else {
                add(value, as: name, to: &fields)
            }
        }
    }

    private static func leaves(_ value: JSONValue, into fields: inout [(String, JSONValue)]) {
        for (name, value) in value.objectValue ?? [:] where name != "#attributes" { leaf(name, value, into: &fields) }
    }

    private static func leaf(_ name: String, _ value: JSONValue, into fields: inout [(String, JSONValue)]) {
        switch value {
        case .object(let members):
            if let text = members["#text"] {
                add(text, as: members["#attributes"]?["Name"]?.stringValue ?? name, to: &fields)
            } else {
                leaves(value, into: &fields)
            }
        case .array(let elements) where elements.contains(where: { $0.objectValue != nil }):
            for element in elements { leaf(name, element, into: &fields) }
        default: add(value, as: name, to: &fields)
        }
    }

    private static func add(_ value: JSONValue, as name: String, to fields: inout [(String, JSONValue)]) {
        fields.append((name.contains(" ") ? name.filter { $0 != " " } : name, value))
    }
}
