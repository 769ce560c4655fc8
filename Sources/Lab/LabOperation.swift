import JSON

/// The kinds of things the lab's world holds, by their name in paths and in the state.
package enum LabKind: String, Sendable, CaseIterable {
    case hosts, users, tokens, secrets, pods, namespaces, tickets, notifications
    case securityGroups = "security_groups"
    case blockedIPs = "blocked_ips"

    /// Notifications and blocked addresses are sets in the state; every other kind is a dictionary by id.
    var isSet: Bool { self == .notifications || self == .blockedIPs }

    /// What may be done to an object of this kind. Tickets and notifications are only created.
    package var operations: [LabOperation] {
        switch self {
        case .hosts, .namespaces: [.isolate, .release]
        case .pods: [.isolate, .release, .snapshot, .terminateProcess, .restore, .scanImage, .identify]
        case .users: [.disable, .enable]
        case .tokens: [.revoke, .reissue]
        case .secrets: [.rotate, .restore]
        case .securityGroups: [.revokeIngress, .authorizeIngress]
        case .blockedIPs: [.block, .unblock]
        case .tickets, .notifications: []
        }
    }
}

/// What can be done to one object, and exactly how it changes.
///
/// The undo of each is exact: `release`, `enable`, `reissue` and `restore` put back the object given as `{"state": …}`;
/// without it, `release`, `enable` and `reissue` put back the object as it was before the lab changed it, and where the
/// lab never did, they only turn the flag. Isolating what is isolated already changes nothing and forgets nothing.
package enum LabOperation: String, Sendable, CaseIterable {
    case isolate, release, snapshot, restore, disable, enable, revoke, reissue, rotate, block, unblock
    case terminateProcess = "terminate_process"
    case scanImage = "scan_image"
    /// What the pod is and what runs in it; changes nothing.
    case identify
    case revokeIngress = "revoke_ingress"
    case authorizeIngress = "authorize_ingress"
    /// `POST /v1/tickets`, `POST /v1/notifications`.
    case create
}

/// What one operation makes of one object.
struct LabTransition {
    var after: JSONValue
    /// What the operation found or made, for later steps: a snapshot's id, a ticket's id, findings of a scan.
    var output: JSONValue = .object([:])
    var memory: Memory = .keep

    /// What the lab remembers about the object, so that an undo without `state` is exact.
    enum Memory {
        case keep
        /// Remember the object as it was.
        case remember
        case forget
    }
}

extension LabOperation {
    /// - Parameters:
    ///   - before: the object as it is.
    ///   - body: the request body.
    ///   - remembered: the object as it was before the lab first changed it.
    ///   - id: an id for what the operation makes, derived from the idempotency key.
    func transition(
        of before: JSONValue, body: JSONValue, remembered: JSONValue?, id: String
    ) throws(LabError) -> LabTransition {
        var after = before
        switch self {
        case .isolate:
            after["isolated"] = true
            if before["network_policies"] != nil { after["network_policies"] = [] }
            if before["sessions"] != nil { after["sessions"] = 0 }
            return LabTransition(after: after, memory: before["isolated"] == true ? .keep : .remember)
        case .release:
            return try restoring(before, body, remembered, flag: "isolated", value: false)
        case .disable:
            after["enabled"] = false
            return LabTransition(after: after, memory: before["enabled"] == false ? .keep : .remember)
        case .enable:
            return try restoring(before, body, remembered, flag: "enabled", value: true)
        case .revoke:
            after["active"] = false
            return LabTransition(after: after, memory: before["active"] == false ? .keep : .remember)
        case .reissue:
            return try restoring(before, body, remembered, flag: "active", value: true)
        case .rotate:
            after["version"] = .integer((before["version"]?.int64Value ?? 0) + 1)
            return LabTransition(after: after, output: ["version": after["version"] ?? .null])
        case .restore:
            guard let state = body["state"], state.objectValue != nil else {
                throw LabError(.validationFailed, "the object to put back is required", pointer: "/state")
            }
            return LabTransition(after: state, memory: .forget)
        case .snapshot:
            let taken: JSONValue = [
                "id": .string(id), "image": before["image"] ?? .null, "processes": before["processes"] ?? [],
            ]
            after["snapshots"] = .array((before["snapshots"]?.arrayValue ?? []) + [taken])
            return LabTransition(after: after, output: ["id": .string(id)])
        case .terminateProcess:
            guard let name = body["name"], name.stringValue != nil else {
                throw LabError(.validationFailed, "the process to end is required", pointer: "/name")
            }
            after["processes"] = try removing(name, from: before["processes"], "no such process runs here")
            return LabTransition(after: after)
        case .scanImage:
            let processes = before["processes"]?.arrayValue ?? []
            let findings = processes.filter { Self.minerNames.contains($0.stringValue ?? "") }
                .map { JSONValue.object(["kind": "miner", "process": $0]) }
            let vulnerabilities = before["vulnerabilities"] ?? []
            return LabTransition(
                after: after,
                output: [
                    "image": before["image"] ?? .null, "findings": .array(findings),
                    "vulnerabilities": vulnerabilities,
                    "is_vulnerable": .bool(!(vulnerabilities.arrayValue ?? []).isEmpty),
                ])
        case .identify:
            return LabTransition(
                after: after,
                output: [
                    "image": before["image"] ?? .null, "processes": before["processes"] ?? [],
                    "isolated": before["isolated"] ?? false, "moved_to": before["moved_to"] ?? "",
                ])
        case .revokeIngress:
            after["rules"] = try removing(try rule(in: body), from: before["rules"], "no such rule is in this group")
            return LabTransition(after: after)
        case .authorizeIngress:
            let rule = try rule(in: body)
            let rules = before["rules"]?.arrayValue ?? []
            guard !rules.contains(rule) else {
                throw LabError(.notApplicable, "this rule is in the group already", pointer: "/rule")
            }
            after["rules"] = .array(rules + [rule])
            return LabTransition(after: after)
        case .block, .unblock:
            after["blocked"] = .bool(self == .block)
            return LabTransition(after: after)
        case .create:
            after["id"] = body["id"] ?? .string(id)
            return LabTransition(after: after, output: ["id": after["id"] ?? .null])
        }
    }

    /// Process names that a scan reports.
    private static let minerNames: Set<String> = ["xmrig", "kinsing", "kdevtmpfsi"]

    private func restoring(
        _ before: JSONValue, _ body: JSONValue, _ remembered: JSONValue?, flag: String, value: JSONValue
    ) throws(LabError) -> LabTransition {
        if let state = body["state"], !state.isNull {
            guard state.objectValue != nil else {
                throw LabError(.validationFailed, "an object is expected", pointer: "/state")
            }
            return LabTransition(after: state, memory: .forget)
        }
        if let remembered { return LabTransition(after: remembered, memory: .forget) }
        var after = before
        after[flag] = value
        return LabTransition(after: after)
    }

    private func rule(in body: JSONValue) throws(LabError) -> JSONValue {
        guard let rule = body["rule"], rule.objectValue != nil else {
            throw LabError(.validationFailed, "a rule is required", pointer: "/rule")
        }
        return rule.asSets()
    }

    private func removing(
        _ element: JSONValue, from set: JSONValue?, _ complaint: String
    ) throws(LabError) -> JSONValue {
        let elements = set?.arrayValue ?? []
        guard elements.contains(element) else { throw LabError(.notApplicable, complaint) }
        return .array(elements.filter { $0 != element })
    }
}

extension JSONValue {
    /// Every array as the set it stands for: each element once, sorted by its canonical bytes (RFC 8785), so that the
    /// same world always prints the same.
    func asSets() -> JSONValue {
        switch self {
        case .array(let elements):
            var canonical: [(bytes: [UInt8], value: JSONValue)] = []
            for element in Set(elements.map { $0.asSets() }) { canonical.append((element.canonicalBytes(), element)) }
            canonical.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            return .array(canonical.map(\.value))
        case .object(let members): return .object(members.mapValues { $0.asSets() })
        default: return self
        }
    }
}
