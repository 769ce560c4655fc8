import Events
import JSON

/// Finds the entities that an OCSF finding tells of, with their roles and the attribute that names each.
///
/// Specific attributes come first; an observable only adds what none of them named, since it has no role.
struct OCSFEntityCollector {
    private(set) var found: [(entity: Entity, path: String)] = []
    /// Entities beyond the limit of an alert.
    private(set) var leftOut = 0
    private var seen: Set<Mention> = []
    private var keys: Set<EntityKey> = []

    private struct Mention: Hashable {
        var key: EntityKey
        var role: Entity.Role
    }

    mutating func collect(finding members: [String: JSONValue]) {
        artifacts(of: .object(members), at: "")
        for (place, resource) in elements(members["resources"]) { self.resource(resource, "resources[\(place)]") }
        for (place, evidence) in elements(members["evidences"]) {
            artifacts(of: evidence, at: "evidences[\(place)].")
            for (inner, resource) in elements(evidence["resources"]) {
                self.resource(resource, "evidences[\(place)].resources[\(inner)]")
            }
        }
        for (place, vulnerability) in elements(members["vulnerabilities"]) {
            add(.vulnerability, vulnerability["cve"]?["uid"], .related, "vulnerabilities[\(place)].cve.uid")
        }
        let account = members["cloud"]?["account"]
        first(.cloudAccount, account, ["uid", "name"], .related, "cloud.account")
        for (place, observable) in elements(members["observables"]) { self.observable(observable, place) }
    }

    /// The same attributes stand in a finding and in each of its evidences.
    private mutating func artifacts(of holder: JSONValue, at path: String) {
        user(holder["actor"]?["user"], .actor, path + "actor.user")
        process(holder["actor"]?["process"], .actor, path + "actor.process")
        endpoint(holder["src_endpoint"], .actor, path + "src_endpoint")
        endpoint(holder["device"], .target, path + "device")
        endpoint(holder["dst_endpoint"], .target, path + "dst_endpoint")
        user(holder["user"], .target, path + "user")
        process(holder["process"], .related, path + "process")
        file(holder["file"], path + "file")
        file(holder["module"]?["file"], path + "module.file")
        first(.url, holder["url"], ["url_string"], .related, path + "url")
        first(.domain, holder["url"], ["hostname", "domain"], .related, path + "url")
        first(.domain, holder["query"], ["hostname"], .related, path + "query")
        first(.workload, holder["container"], ["name", "uid"], .target, path + "container")
        first(.cloudResource, holder["databucket"], ["uid", "name"], .target, path + "databucket")
        first(.cloudResource, holder["database"], ["uid", "name"], .target, path + "database")
        add(.email, holder["email"]?["from"], .actor, path + "email.from")
        for (place, address) in elements(holder["email"]?["to"]) {
            add(.email, address, .target, path + "email.to[\(place)]")
        }
    }

    private mutating func user(_ user: JSONValue?, _ role: Entity.Role, _ path: String) {
        first(.user, user, ["name", "uid"], role, path)
        add(.email, user?["email_addr"], role, path + ".email_addr")
        add(.apiToken, user?["credential_uid"], role, path + ".credential_uid")
        for (place, credential) in elements(user?["programmatic_credentials"]) {
            add(.apiToken, credential["uid"], role, path + ".programmatic_credentials[\(place)].uid")
        }
        first(.cloudAccount, user?["account"], ["uid", "name"], .related, path + ".account")
    }

    private mutating func endpoint(_ endpoint: JSONValue?, _ role: Entity.Role, _ path: String) {
        add(.ip, endpoint?["ip"], role, path + ".ip")
        let isAddress = endpoint?["name"]?.stringValue.flatMap { IPAddress($0) } != nil
        let names = isAddress ? ["hostname", "uid", "instance_uid"] : ["hostname", "name", "uid", "instance_uid"]
        first(.device, endpoint, names, role, path)
        first(.workload, endpoint?["container"], ["name", "uid"], role, path + ".container")
        user(endpoint?["owner"], .related, path + ".owner")
    }

    private mutating func process(_ process: JSONValue?, _ role: Entity.Role, _ path: String) {
        first(.process, process, ["name", "path", "cmd_line"], role, path)
        user(process?["user"], role, path + ".user")
        file(process?["file"], path + ".file")
    }

    private mutating func file(_ file: JSONValue?, _ path: String) {
        first(.file, file, ["path", "name"], .related, path)
        user(file?["owner"], .related, path + ".owner")
    }

    private mutating func resource(_ resource: JSONValue, _ path: String) {
        let role: Entity.Role =
            switch resource["role_id"]?.int64Value {
            case 2: .actor
            case 4: .related
            default: .target
            }
        let type = Self.resourceType(resource["type"]?.stringValue ?? "")
        let isAddress = resource["uid"]?.stringValue.flatMap { IPAddress($0) } != nil
        if isAddress, type == .cloudResource {
            add(.ip, resource["uid"], role, path + ".uid")
        } else {
            first(type, resource, ["uid", "name", "hostname"], role, path)
        }
        add(.ip, resource["ip"], role, path + ".ip")
        if type != .device { add(.device, resource["hostname"], role, path + ".hostname") }
        if type != .namespace { add(.namespace, resource["namespace"], .related, path + ".namespace") }
        user(resource["owner"], .related, path + ".owner")
    }

    /// Docket's own type names first, then the words by which products name kinds of resources.
    private static func resourceType(_ text: String) -> Entity.EntityType {
        let name = text.lowercased()
        if let type = Entity.EntityType(rawValue: name) { return type }
        let words: [(String, Entity.EntityType)] = [
            ("accesskey", .apiToken), ("repository", .repository), ("namespace", .namespace), ("container", .workload),
            ("deployment", .workload), ("pod", .workload), ("workload", .workload), ("account", .cloudAccount),
            ("iamuser", .user), ("hostname", .device), ("endpoint", .device),
        ]
        return words.first { name.contains($0.0) }?.1 ?? .cloudResource
    }

    private mutating func observable(_ observable: JSONValue, _ place: Int) {
        guard let id = observable["type_id"]?.int64Value, let value = observable["value"]?.identifierText else {
            return
        }
        let name = observable["name"]?.stringValue ?? ""
        guard let type = ObservableType.entityType(id: id, name: name, value: value),
            !keys.contains(Entity(type: type, value: value, role: .related).key)
        else { return }
        let role: Entity.Role =
            if name.hasPrefix("actor.") || name.hasPrefix("src_endpoint") {
                .actor
            } else if name.hasPrefix("device") || name.hasPrefix("resource") || name.hasPrefix("dst_endpoint") {
                .target
            } else {
                .related
            }
        add(type, .string(value), role, name.isEmpty ? "observables[\(place)].value" : name)
    }

    /// The first of some attributes that has a value.
    private mutating func first(
        _ type: Entity.EntityType, _ holder: JSONValue?, _ names: [String], _ role: Entity.Role, _ path: String
    ) {
        guard let name = names.first(where: { holder?[$0]?.identifierText != nil }) else { return }
        add(type, holder?[name], role, "\(path).\(name)")
    }

    private mutating func add(_ type: Entity.EntityType, _ value: JSONValue?, _ role: Entity.Role, _ path: String) {
        guard let text = value?.identifierText, !text.trimmed.isEmpty,
            text.characterCount <= IntakeLimits.entityValue
        else { return }
        let entity = Entity(type: type, value: text, role: role)
        guard seen.insert(Mention(key: entity.key, role: role)).inserted else { return }
        guard found.count < IntakeLimits.entities else {
            leftOut += 1
            return
        }
        keys.insert(entity.key)
        found.append((entity, path))
    }

    private func elements(_ list: JSONValue?) -> EnumeratedSequence<[JSONValue]> {
        (list?.arrayValue ?? []).enumerated()
    }
}
