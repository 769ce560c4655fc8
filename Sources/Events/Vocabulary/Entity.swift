/// Something that an alert is about: compared by type and normalized value.
package struct Entity: Sendable, Hashable, Codable {
    package enum EntityType: String, Sendable, Hashable, Codable, CaseIterable {
        case user, device, process, ip
        case cloudAccount = "cloud_account"
        case cloudResource = "cloud_resource"
        case apiToken = "api_token"
        case repository, service, workload, namespace, vulnerability, domain, url, file, email, secret, other
    }

    package enum Role: String, Sendable, Hashable, Codable, CaseIterable {
        case actor, target, related
    }

    package var type: EntityType
    package var value: String
    package var role: Role

    package init(type: EntityType, value: String, role: Role) {
        self.type = type
        self.value = value
        self.role = role
    }

    /// Type and normalized value: what makes two mentions the same thing, whatever role they play.
    package var key: EntityKey { EntityKey(type: type, value: Self.normalize(value, as: type)) }

    /// Host names, domains and mail addresses in lower case without a final dot; addresses in canonical form; the rest
    /// trimmed only, because user names and tokens may differ by case.
    package static func normalize(_ value: String, as type: EntityType) -> String {
        let trimmed = value.trimmed
        switch type {
        case .device, .domain, .email:
            let lower = trimmed.lowercased()
            return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
        case .ip: return IPAddress(trimmed)?.text ?? trimmed.lowercased()
        default: return trimmed
        }
    }
}

package struct EntityKey: Sendable, Hashable, Codable, Comparable {
    package var type: Entity.EntityType
    package var value: String

    package init(type: Entity.EntityType, value: String) {
        self.type = type
        self.value = value
    }

    package static func < (left: EntityKey, right: EntityKey) -> Bool {
        (left.type.rawValue, left.value) < (right.type.rawValue, right.value)
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
