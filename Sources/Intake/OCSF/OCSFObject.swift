import JSON

/// An object of OCSF 1.9 as far as Docket carries it: its attributes and what makes it valid.
///
/// The tables beside this file are a part of the compiled schema; a test holds them against it. What they do not name
/// is never dropped: it stays under `unmapped`.
struct OCSFObject: Sendable {
    var attributes: [String: OCSFShape]
    var required: [String] = []
    var atLeastOne: [String] = []
    /// Attributes that only a profile allows, with that profile.
    var profiles: [String: String] = [:]
    /// Attributes that may take the value of another one of the same object, first found: older producers give an
    /// endpoint by its address alone, OCSF 1.9 wants a name.
    var derived: [String: [String]] = [:]
    /// What stands for a required text that is not there.
    var fallbacks: [String: String] = [:]
    /// The attribute that takes the whole object as free JSON when it cannot be made valid.
    var wrappedIn: String?

    init(
        _ attributes: [String: OCSFShape], required: [String] = [], atLeastOne: [String] = [],
        profiles: [String: String] = [:], derived: [String: [String]] = [:], fallbacks: [String: String] = [:],
        wrappedIn: String? = nil
    ) {
        self.attributes = attributes
        self.required = required
        self.atLeastOne = atLeastOne
        self.profiles = profiles
        self.derived = derived
        self.fallbacks = fallbacks
        self.wrappedIn = wrappedIn
    }

    /// Splits a value into what is valid OCSF 1.9 and what is not. Nothing is lost: each member is in one of the two.
    func fit(_ value: JSONValue, profiles active: Set<String>) -> OCSFFit {
        guard let members = value.objectValue else { return OCSFFit(kept: nil, rest: value) }
        var split = Split()
        var labels: Set<String> = []
        for (name, shape) in attributes where isActive(name, active) {
            guard case .identifier(let enumeration) = shape else { continue }
            labels.formUnion([name, enumeration.sibling])
            enumeration.fit(
                members[name] ?? .null, label: members[enumeration.sibling] ?? .null, as: name,
                isRequired: required.contains(name), into: &split)
        }
        for (name, member) in members where !labels.contains(name) && !member.isNull {
            guard let shape = attributes[name], isActive(name, active) else {
                split.rest[name] = member
                continue
            }
            let fit = shape.fit(member, profiles: active)
            split.kept[name] = fit.kept
            split.rest[name] = fit.rest
        }
        for (name, sources) in derived where split.kept[name] == nil {
            split.kept[name] = sources.lazy.compactMap { split.kept[$0] }.first
        }
        for (name, text) in fallbacks where split.kept[name] == nil { split.kept[name] = .string(text) }
        guard isValid(split.kept) else {
            return wrappedIn.map { OCSFFit(kept: [$0: value], rest: nil) } ?? OCSFFit(kept: nil, rest: value)
        }
        return OCSFFit(kept: .object(split.kept), rest: split.rest.isEmpty ? Optional.none : .object(split.rest))
    }

    private func isActive(_ name: String, _ active: Set<String>) -> Bool {
        profiles[name].map(active.contains) ?? true
    }

    private func isValid(_ members: [String: JSONValue]) -> Bool {
        required.allSatisfy { members[$0] != nil } && (atLeastOne.isEmpty || atLeastOne.contains { members[$0] != nil })
    }

    struct Split {
        var kept: [String: JSONValue] = [:]
        var rest: [String: JSONValue] = [:]
    }
}

/// A value in two parts: the valid one, and what has no valid place.
///
/// Hazard: `JSONValue` takes `nil` as a literal, so in a ternary a bare `nil` is JSON's `null` and not "no value".
struct OCSFFit: Hashable {
    var kept: JSONValue?
    var rest: JSONValue?
}

extension OCSFObject {
    static let named: [String: OCSFObject] = [
        "detection_finding": detectionFinding, "metadata": metadata, "product": product, "feature": feature,
        "finding_info": findingInfo, "analytic": analytic, "attack": attack, "tactic": tactic,
        "technique": technique, "sub_technique": subTechnique, "key_value_object": keyValueObject,
        "observable": observable, "evidences": evidences, "vulnerability": vulnerability, "cve": cve,
        "remediation": remediation, "resource_details": resourceDetails, "cloud": cloud, "account": account,
        "organization": organization, "actor": actor, "user": user, "group": group, "device": device,
        "network_endpoint": networkEndpoint, "os": os, "container": container, "image": image, "service": service,
        "session": session, "database": database, "databucket": databucket, "process": process, "file": file,
        "fingerprint": fingerprint, "url": url, "email": email, "dns_query": dnsQuery, "api": api,
        "network_connection_info": networkConnectionInfo,
    ]
}
