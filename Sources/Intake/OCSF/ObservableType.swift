import Events
import JSON

/// `type_id` of an OCSF observable, and what kind of entity it tells of.
struct ObservableType: Hashable {
    var id: Int64
    /// The source's label where the id is 99.
    var label: String?

    init(id: Int64, label: String? = nil) {
        self.id = id
        self.label = label
    }

    init(_ entity: Entity) {
        switch entity.type {
        case .user: id = 4
        case .device, .domain: id = 1
        case .process: id = 9
        case .ip: id = IPAddress(entity.value) == nil ? 99 : 2
        case .cloudAccount: id = 35
        case .cloudResource: id = 10
        case .apiToken: id = 19
        case .vulnerability: id = entity.value.uppercased().hasPrefix("CVE-") ? 18 : 99
        case .url: id = 6
        case .file:
            if Self.isHash(entity.value) {
                id = 8
            } else {
                id = entity.value.contains("/") || entity.value.contains("\\") ? 45 : 7
            }
        case .email: id = 5
        case .repository, .service, .workload, .namespace, .secret, .other: id = 99
        }
        label = id == 99 ? entity.type.rawValue : nil
    }

    func observable(_ value: String, at name: String) -> JSONValue {
        let caption = label ?? OCSFEnumeration.observableType.captions[id] ?? "Other"
        return ["type_id": .integer(id), "type": .string(caption), "value": .string(value), "name": .string(name)]
    }

    /// The entity type that an observable of this id names; `nil` for those that identify nothing by themselves
    /// (a port, a country, a process number).
    static func entityType(id: Int64, name: String, value: String) -> Entity.EntityType? {
        switch id {
        case 1: name.contains("domain") || name.contains("query") || name.contains("url") ? .domain : .device
        case 2: IPAddress(value) == nil ? nil : .ip
        case 4, 21, 31: .user
        case 5: .email
        case 22: value.contains("@") ? .email : nil
        case 6, 23: .url
        case 7, 8, 24, 30, 45: .file
        case 9: .process
        case 10, 38: .cloudResource
        case 18: .vulnerability
        case 19: .apiToken
        case 20, 47, 48: .device
        case 27: .workload
        case 34, 35: .cloudAccount
        default: nil
        }
    }

    /// MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal digits.
    private static func isHash(_ text: String) -> Bool {
        [32, 40, 64, 128].contains(text.utf8.count) && text.utf8.allSatisfy(\.isHexadecimalDigit)
    }
}
