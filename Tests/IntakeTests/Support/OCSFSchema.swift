import Foundation
import JSON

/// Validates events against the compiled schema that the OCSF project publishes: required, types, enumerations with
/// their siblings, constraints, and nothing unknown. Attributes of a profile count only where the event names it.
struct OCSFSchema: Sendable {
    struct Attribute: Sendable {
        var type: String
        var isRequired: Bool
        var isArray: Bool
        var isDeprecated: Bool
        var captions: [String: String]
        var sibling: String?
        var profile: String?
    }

    struct Definition: Sendable {
        var name: String
        var attributes: [String: Attribute]
        var atLeastOne: [String]
        var justOne: [String]
    }

    struct ScalarType: Sendable {
        var base: String
        var regex: String?
        var maximumLength: Int?
        var range: ClosedRange<Int64>?
    }

    var classes: [Int64: Definition]
    var objects: [String: Definition]
    var types: [String: ScalarType]

    static let file = SharedData.ocsf.appendingPathComponent("ocsf_compiled_1.9.0-dev.json.gz")
    static var isAvailable: Bool { FileManager.default.fileExists(atPath: file.path) }
    static let shared = Result { try OCSFSchema(contentsOf: file) }

    /// Every violation, as `place: what`; none for a valid event.
    func violations(of event: JSONValue) -> [String] {
        guard let uid = event["class_uid"]?.int64Value, let definition = classes[uid] else {
            return ["class_uid: no such class"]
        }
        let profiles = Set((event["metadata"]?["profiles"]?.arrayValue ?? []).compactMap(\.stringValue))
        var found = check(event, as: definition, at: "", profiles: profiles)
        let activity = event["activity_id"]?.int64Value ?? -1
        if event["type_uid"]?.int64Value != uid * 100 + activity {
            found.append("type_uid: not class_uid * 100 + activity_id")
        }
        return found
    }

    private func check(
        _ value: JSONValue, as definition: Definition, at path: String, profiles: Set<String>
    ) -> [String] {
        guard let members = value.objectValue else { return ["\(path): not an object"] }
        // The generic object holds anything.
        if definition.attributes.isEmpty { return [] }
        var found: [String] = []
        func isActive(_ attribute: Attribute) -> Bool { attribute.profile.map(profiles.contains) ?? true }
        for (name, attribute) in definition.attributes where attribute.isRequired && isActive(attribute) {
            if members[name] == nil { found.append("\(path)/\(name): required") }
        }
        for (name, member) in members {
            let place = "\(path)/\(name)"
            guard let attribute = definition.attributes[name] else {
                found.append("\(place): unknown attribute of \(definition.name)")
                continue
            }
            if !isActive(attribute) { found.append("\(place): profile \(attribute.profile ?? "") is not active") }
            if attribute.isDeprecated { found.append("\(place): deprecated") }
            if attribute.isArray {
                guard let elements = member.arrayValue else {
                    found.append("\(place): not an array")
                    continue
                }
                for (index, element) in elements.enumerated() {
                    found += check(element, of: attribute.type, at: "\(place)/\(index)", profiles: profiles)
                }
            } else {
                found += check(member, of: attribute.type, at: place, profiles: profiles)
                found += checkEnumeration(member, attribute, in: members, at: place)
            }
        }
        let present = { (names: [String]) in names.count { members[$0] != nil } }
        if !definition.atLeastOne.isEmpty, present(definition.atLeastOne) == 0 {
            found.append("\(path): at least one of \(definition.atLeastOne)")
        }
        if !definition.justOne.isEmpty, present(definition.justOne) != 1 {
            found.append("\(path): just one of \(definition.justOne)")
        }
        return found
    }

    private func checkEnumeration(
        _ value: JSONValue, _ attribute: Attribute, in members: [String: JSONValue], at place: String
    ) -> [String] {
        guard !attribute.captions.isEmpty, let sibling = attribute.sibling else { return [] }
        let id = value.stringValue ?? value.canonicalString()
        guard let caption = attribute.captions[id] else { return ["\(place): \(id) is not in the enumeration"] }
        let label = members[sibling]
        if id == "99" { return label?.stringValue == nil ? ["\(place): 99 without \(sibling)"] : [] }
        if let label, label != .string(caption) { return ["\(place): \(sibling) is not '\(caption)'"] }
        return []
    }

    private func check(_ value: JSONValue, of type: String, at path: String, profiles: Set<String>) -> [String] {
        if let object = objects[type] { return check(value, as: object, at: path, profiles: profiles) }
        guard let scalar = types[type] else { return ["\(path): no type \(type) in the schema"] }
        switch (scalar.base, value) {
        case ("json_t", _), ("boolean_t", .bool), ("float_t", .number), ("float_t", .integer): return []
        case ("integer_t", .integer(let number)), ("long_t", .integer(let number)):
            return scalar.range.map { $0.contains(number) } ?? true ? [] : ["\(path): out of range"]
        case ("string_t", .string(let text)):
            if let maximum = scalar.maximumLength, text.unicodeScalars.count > maximum { return ["\(path): too long"] }
            if let regex = scalar.regex, text.range(of: regex, options: .regularExpression) == nil {
                return ["\(path): '\(text)' is no \(type)"]
            }
            return []
        default: return ["\(path): \(value.typeName) where \(type) is expected"]
        }
    }
}

extension OCSFSchema {
    struct Unreadable: Error {}

    init(contentsOf file: URL) throws {
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", file.path]
        let output = Pipe()
        gzip.standardOutput = output
        try gzip.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0, let root = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let classes = root["classes"] as? [String: [String: Any]],
            let objects = root["objects"] as? [String: [String: Any]],
            let types = root["types"] as? [String: [String: Any]]
        else { throw Unreadable() }
        self.classes = Dictionary(
            uniqueKeysWithValues: classes.values.compactMap { entry in
                (entry["uid"] as? Int).map { (Int64($0), Definition(entry)) }
            })
        self.objects = objects.mapValues(Definition.init)
        self.types = types.reduce(into: [:]) { result, entry in
            let (name, type) = entry
            let range = type["range"] as? [Int]
            let base = type["type"] as? String ?? name
            result[name] = ScalarType(
                base: base, regex: type["regex"] as? String, maximumLength: type["max_len"] as? Int,
                range: range.map { Int64($0[0])...Int64($0[1]) })
        }
    }
}

extension OCSFSchema.Definition {
    init(_ entry: [String: Any]) {
        name = entry["name"] as? String ?? ""
        let constraints = entry["constraints"] as? [String: [String]]
        atLeastOne = constraints?["at_least_one"] ?? []
        justOne = constraints?["just_one"] ?? []
        attributes = (entry["attributes"] as? [String: [String: Any]] ?? [:]).mapValues { attribute in
            let values = attribute["enum"] as? [String: [String: Any]] ?? [:]
            return OCSFSchema.Attribute(
                type: attribute["type"] as? String ?? "", isRequired: attribute["requirement"] as? String == "required",
                isArray: attribute["is_array"] as? Bool ?? false,
                isDeprecated: attribute["@deprecated"] is [String: Any],
                captions: values.mapValues { $0["caption"] as? String ?? "" },
                sibling: attribute["sibling"] as? String, profile: attribute["profile"] as? String)
        }
    }
}
