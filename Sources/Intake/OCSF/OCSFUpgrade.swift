import Events
import JSON

/// Brings a finding of an older OCSF 1.x, or of another class of the Findings category, into the arrangement of a
/// 1.9 Detection Finding. It only moves and renames; whether a value is valid is decided afterwards.
enum OCSFUpgrade {
    static func upgraded(_ original: [String: JSONValue]) -> [String: JSONValue] {
        var members = original
        moveFinding(&members)
        moveIntoFindingInfo(&members)
        moveEvidence(&members)
        moveResources(&members)
        moveCloud(&members)
        if members["confidence_score"] == nil, let score = members["confidence"]?.int64Value {
            members["confidence_score"] = .integer(score)
            members["confidence"] = nil
        }
        if members["status_id"] == nil, let state = members["state_id"], members["class_uid"] == 2001 {
            // 1 new, 2 in progress, 3 suppressed, 4 resolved: the same numbers as `status_id`.
            members["status_id"] = state
            members["state_id"] = nil
        }
        return members
    }

    /// What follows from the other members of the 1.9 finding and need not stand under `unmapped` as well.
    static func withoutDerived(_ rest: [String: JSONValue], of draft: AlertDraft) -> [String: JSONValue] {
        var rest = rest
        for name in ["category_uid", "category_name", "type_uid", "type_name", "severity_id", "time"] {
            rest[name] = nil
        }
        let label = rest["severity"]?.stringValue?.trimmed
        if label == draft.severityLabel, draft.severity == .other || label?.lowercased() == draft.severity.rawValue {
            rest["severity"] = nil
        }
        if rest["class_uid"] == 2004 {
            rest["class_uid"] = nil
            rest["class_name"] = nil
        }
        if var metadata = rest["metadata"]?.objectValue {
            metadata["original_time"] = nil
            if metadata["version"] == .string(DetectionFinding.version) { metadata["version"] = nil }
            let profiles = metadata["profiles"]?.arrayValue?.map { $0.stringValue ?? "" } ?? []
            if draft.profiles.isSuperset(of: profiles) { metadata["profiles"] = nil }
            rest["metadata"] = metadata.isEmpty ? Optional.none : .object(metadata)
        }
        return rest
    }

    /// Security Finding (2001) of 1.0 calls it `finding`, and holds the remediation inside.
    private static func moveFinding(_ members: inout [String: JSONValue]) {
        guard members["finding_info"]?.objectValue == nil, var finding = members["finding"]?.objectValue else { return }
        if members["remediation"] == nil {
            members["remediation"] = finding["remediation"]
            finding["remediation"] = nil
        }
        members["finding"] = nil
        members["finding_info"] = .object(finding)
    }

    /// Analytic, ATT&CK and data sources stood beside the finding; ATT&CK tactics were a list.
    private static func moveIntoFindingInfo(_ members: inout [String: JSONValue]) {
        guard var info = members["finding_info"]?.objectValue else { return }
        for name in ["analytic", "data_sources"] where info[name] == nil {
            guard let value = members[name] else { continue }
            info[name] = value
            members[name] = nil
        }
        var attacks = info["attacks"]?.arrayValue ?? []
        for attack in members["attacks"]?.arrayValue ?? [] where !attacks.contains(attack) { attacks.append(attack) }
        if members["attacks"]?.arrayValue != nil { members["attacks"] = nil }
        if !attacks.isEmpty { info["attacks"] = .array(attacks.map(upgradedAttack)) }
        members["finding_info"] = .object(info)
    }

    private static func upgradedAttack(_ attack: JSONValue) -> JSONValue {
        guard var members = attack.objectValue, members["tactic"] == nil,
            let tactics = members["tactics"]?.arrayValue, let first = tactics.first
        else { return attack }
        members["tactic"] = first
        members["tactics"] = tactics.count > 1 ? .array(Array(tactics.dropFirst())) : Optional.none
        return .object(members)
    }

    /// 1.0 had one `evidence` and one `process` beside the finding.
    private static func moveEvidence(_ members: inout [String: JSONValue]) {
        guard members["evidences"] == nil else { return }
        var evidences: [JSONValue] = []
        for (name, attribute) in [("evidence", "data"), ("process", "process")] {
            guard let value = members[name], !value.isNull else { continue }
            evidences.append([attribute: value])
            members[name] = nil
        }
        if !evidences.isEmpty { members["evidences"] = .array(evidences) }
    }

    /// One `resource` became a list; an owner was a name.
    private static func moveResources(_ members: inout [String: JSONValue]) {
        if members["resources"] == nil, let resource = members["resource"], resource.objectValue != nil {
            members["resources"] = [resource]
            members["resource"] = nil
        }
        guard let resources = members["resources"]?.arrayValue else { return }
        members["resources"] = .array(
            resources.map { resource in
                guard case .string(let owner)? = resource["owner"] else { return resource }
                var upgraded = resource
                upgraded["owner"] = ["name": .string(owner)]
                return upgraded
            })
    }

    /// A region that only the resources tell is the region of the finding.
    private static func moveCloud(_ members: inout [String: JSONValue]) {
        guard members["cloud"] == nil else { return }
        let regions = (members["resources"]?.arrayValue ?? []).lazy.compactMap { $0["region"]?.stringValue }
        guard let region = regions.first else { return }
        members["cloud"] = ["provider": "Unknown", "region": .string(region)]
    }
}
