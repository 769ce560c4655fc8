import Events
import JSON

extension AlertDraft {
    /// The OCSF attributes of a native alert: its entities as resources with their roles, its evidence as evidences.
    mutating func addFinding() {
        finding["finding_info"] = findingInfo
        finding["confidence_score"] = confidenceScore.map { .integer(Int64($0)) }
        if !entities.isEmpty {
            finding["resources"] = .array(entities.map(Self.resource))
            finding["observables"] = .array(
                entities.enumerated().map { place, entity in
                    ObservableType(entity).observable(entity.value, at: "resources[\(place)].\(Self.attribute(entity))")
                })
        }
        if !evidence.isEmpty {
            finding["evidences"] = .array(evidence.map { ["name": .string($0.kind.rawValue), "data": $0.data] })
        }
        if let region {
            profiles.insert("cloud")
            finding["cloud"] = ["provider": "Unknown", "region": .string(region)]
        }
    }

    private var findingInfo: JSONValue {
        var info: [String: JSONValue] = ["title": .string(title)]
        info["desc"] = description.map(JSONValue.string)
        info["src_url"] = sourceURL.map(JSONValue.string)
        if let rule {
            var analytic: [String: JSONValue] = ["type_id": 1, "type": "Rule"]
            analytic["uid"] = rule.uid.map(JSONValue.string)
            analytic["name"] = rule.name.map(JSONValue.string)
            info["analytic"] = .object(analytic)
        }
        if !attackTechniques.isEmpty { info["attacks"] = .array(attackTechniques.map(Self.attack)) }
        return .object(info)
    }

    private static func attack(_ technique: String) -> JSONValue {
        let parent = technique.prefix(5)
        var attack: [String: JSONValue] = ["technique": ["uid": .string(String(parent))]]
        if technique != parent { attack["sub_technique"] = ["uid": .string(technique)] }
        return .object(attack)
    }

    /// Role ids of OCSF 1.9: 1 target, 2 actor, 4 related.
    private static func resource(_ entity: Entity) -> JSONValue {
        let (roleID, role): (Int64, JSONValue) =
            switch entity.role {
            case .actor: (2, "Actor")
            case .target: (1, "Target")
            case .related: (4, "Related")
            }
        var resource: [String: JSONValue] = [
            "uid": .string(entity.value), "type": .string(entity.type.rawValue), "role_id": .integer(roleID),
            "role": role,
        ]
        switch attribute(entity) {
        case "ip": resource["ip"] = .string(IPAddress(entity.value)?.text ?? entity.value)
        case "hostname": resource["hostname"] = .string(entity.value)
        default: break
        }
        return .object(resource)
    }

    /// The attribute of a resource that an observable points to.
    private static func attribute(_ entity: Entity) -> String {
        switch entity.type {
        case .ip: IPAddress(entity.value) == nil ? "uid" : "ip"
        case .device: "hostname"
        default: "uid"
        }
    }
}
