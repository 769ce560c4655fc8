import Events
import JSON

/// An event in the making: what its source says, before what every event has is added.
struct TelemetryDraft {
    var eventClass: OCSFEventClass
    var activity: Int64
    /// The source's own word, needed where the activity is 99.
    var activityLabel: String?
    /// Success 1, failure 2, unknown 0.
    var status: Int64?
    var profiles: Set<String> = []
    var members: [String: JSONValue] = [:]
    var metadata: [String: JSONValue] = [:]
    var time: Instant?
    var originalTime: String?
    var record: TelemetryRecord
    /// Members around the record: what stood beside it in its envelope.
    var envelope: [String: JSONValue] = [:]
    /// Entities for which OCSF has no attribute that tells their type.
    var moreEntities: [Entity] = []
    /// Resources whose entities the source names itself, because the collector reads the types of clouds.
    var resources: [JSONValue] = []
    /// Texts that stand where a host stands, but name none.
    var notDevices: Set<String> = []

    init(_ eventClass: OCSFEventClass, activity: Int64, record: TelemetryRecord) {
        self.eventClass = eventClass
        self.activity = activity
        self.record = record
    }

    func event(_ receipt: TelemetryReceipt) -> JSONValue {
        var event = members
        var carried = metadata
        carried["original_time"] = originalTime.map(JSONValue.string)
        if !resources.isEmpty { event["resources"] = .array(resources) }
        var withMetadata = event
        withMetadata["metadata"] = .object(carried)
        var unmapped = record.rest(besides: withMetadata)
        for (name, value) in envelope { unmapped[unmapped[name] == nil ? name : "envelope.\(name)"] = value }
        if !unmapped.isEmpty { event["unmapped"] = .object(unmapped) }

        let caption = eventClass.activities[activity] ?? activityLabel ?? "Other"
        let id = eventClass.activities[activity] == nil ? OCSFEnumeration.other : activity
        event["activity_id"] = .integer(id)
        event["activity_name"] = .string(caption)
        event["category_uid"] = .integer(eventClass.category.uid)
        event["category_name"] = .string(eventClass.category.name)
        event["class_uid"] = .integer(eventClass.uid)
        event["class_name"] = .string(eventClass.name)
        event["type_uid"] = .integer(eventClass.uid * 100 + id)
        event["type_name"] = .string(
            "\(eventClass.name): \(id == OCSFEnumeration.other ? "Other" : caption)")
        event["severity_id"] = 1
        event["severity"] = "Informational"
        if let status {
            event["status_id"] = .integer(status)
            event["status"] = .string(["Unknown", "Success", "Failure"][Int(status)])
        }
        event["time"] = .integer((time ?? receipt.receivedAt).microseconds.floorMilliseconds)
        event["raw_data_hash"] = [
            "algorithm_id": 3, "algorithm": "SHA-256",
            "value": .string(receipt.rawDigest.bytes.hexadecimal),
        ]
        event["raw_data_size"] = .integer(Int64(receipt.rawSize))
        carried["version"] = .string(DetectionFinding.version)
        carried["profiles"] = .array(profiles.sorted().map(JSONValue.string))
        carried["logged_time"] = .integer(receipt.receivedAt.microseconds.floorMilliseconds)
        event["metadata"] = .object(carried)
        return .object(event)
    }

    func entities() -> [Entity] {
        var collector = OCSFEntityCollector()
        collector.collect(finding: members)
        var found = collector.found.map(\.entity).filter { $0.type != .device || !notDevices.contains($0.value) }
        for entity in moreEntities where !found.contains(entity) && !entity.value.trimmed.isEmpty {
            guard found.count < IntakeLimits.entities, entity.value.characterCount <= IntakeLimits.entityValue else {
                continue
            }
            found.append(entity)
        }
        return found
    }
}

/// A class of OCSF 1.9 that telemetry becomes, with the captions of its activities.
struct OCSFEventClass: Sendable {
    struct Category: Sendable {
        var uid: Int64
        var name: String

        static let uncategorized = Category(uid: 0, name: "Uncategorized")
        static let system = Category(uid: 1, name: "System Activity")
        static let identity = Category(uid: 3, name: "Identity & Access Management")
        static let network = Category(uid: 4, name: "Network Activity")
        static let application = Category(uid: 6, name: "Application Activity")
    }

    var uid: Int64
    var name: String
    var category: Category
    var activities: [Int64: String]

    static let baseEvent = OCSFEventClass(
        uid: 0, name: "Base Event", category: .uncategorized, activities: [0: "Unknown"])
    static let apiActivity = OCSFEventClass(
        uid: 6003, name: "API Activity", category: .application,
        activities: [0: "Unknown", 1: "Create", 2: "Read", 3: "Update", 4: "Delete"])
    static let authentication = OCSFEventClass(
        uid: 3002, name: "Authentication", category: .identity,
        activities: [0: "Unknown", 1: "Logon", 2: "Logoff"])
    static let networkActivity = OCSFEventClass(
        uid: 4001, name: "Network Activity", category: .network,
        activities: [0: "Unknown", 1: "Open", 2: "Close", 4: "Fail"])
    static let processActivity = OCSFEventClass(
        uid: 1007, name: "Process Activity", category: .system,
        activities: [0: "Unknown", 1: "Launch", 2: "Terminate", 3: "Open", 4: "Inject"])
    static let fileActivity = OCSFEventClass(
        uid: 1001, name: "File System Activity", category: .system,
        activities: [0: "Unknown", 1: "Create", 4: "Delete"])
    static let moduleActivity = OCSFEventClass(
        uid: 1005, name: "Module Activity", category: .system, activities: [0: "Unknown", 1: "Load"])
    static let eventLogActivity = OCSFEventClass(
        uid: 1008, name: "Event Log Activity", category: .system, activities: [0: "Unknown", 1: "Clear"])
    static let registryKeyActivity = OCSFEventClass(
        uid: 201_001, name: "Registry Key Activity", category: .system,
        activities: [0: "Unknown", 1: "Create", 4: "Delete", 5: "Rename"])
    static let registryValueActivity = OCSFEventClass(
        uid: 201_002, name: "Registry Value Activity", category: .system,
        activities: [0: "Unknown", 2: "Set", 4: "Delete"])
}
