import Cases
import Events
import Foundation
import JSON

/// What an event says about alerts, read before the alerts themselves are.
enum AlertChange: Hashable {
    /// `alert.ingested`, `alert.updated`: the bytes as received.
    case received
    /// `alert.normalized`: what they say.
    case normalized
    /// `alert.enriched` with a disposition: tagged or suppressed.
    case disposed(AlertDisposition)
    case repeated(Int64)
    case opened(UUID)
    case joined(UUID)
    case left(UUID)

    /// The alerts that an event changes, and how.
    static func all(in event: Event) throws -> [(alert: UUID, change: AlertChange)] {
        switch event.kind {
        case .alertIngested, .alertUpdated: return [(try alert(in: event), .received)]
        case .alertNormalized: return [(try alert(in: event), .normalized)]
        case .alertEnriched:
            guard let name = event.data["disposition"]?.stringValue else { return [] }
            guard let disposition = AlertDisposition(rawValue: name) else {
                throw PoisonEvent(event, "an unknown disposition")
            }
            return [(try alert(in: event), .disposed(disposition))]
        case .alertDeduplicated:
            return try (event.data["items"]?.arrayValue ?? []).map { item in
                guard let id = item["alert_id"]?.uuidValue else { throw PoisonEvent(event, "an item without alert_id") }
                return (id, .repeated(item["count"]?.int64Value ?? 1))
            }
        case .caseOpened: return [(try alert(in: event), .opened(event.streamID))]
        case .caseAlertLinked: return [(try alert(in: event), .joined(event.streamID))]
        case .caseAlertUnlinked: return [(try alert(in: event), .left(event.streamID))]
        case .caseSplit:
            let ids = (event.data["alert_ids"]?.arrayValue ?? []).compactMap(\.uuidValue)
            return ids.map { ($0, .left(event.streamID)) }
        default: return []
        }
    }

    private static func alert(in event: Event) throws -> UUID {
        if let id = event.data["alert_id"]?.uuidValue { return id }
        if event.streamKind == StreamKind.alert.rawValue { return event.streamID }
        throw PoisonEvent(event, "no alert_id")
    }
}

extension AlertView {
    /// Takes one change. The event is the one that the change was read from.
    mutating func apply(_ change: AlertChange, _ event: Event) throws {
        if event.streamKind == StreamKind.alert.rawValue, event.streamID == id {
            version = event.version
            position = event.position
        }
        switch change {
        case .received: receive(event.data)
        case .normalized:
            do {
                try normalize(event.data)
            } catch {
                throw PoisonEvent(event, "\(error)")
            }
        case .disposed(let disposition): if caseIDs.isEmpty { self.disposition = disposition }
        case .repeated(let count): duplicateCount += count
        case .opened(let id):
            enter(id)
            disposition = .caseOpened
        case .joined(let id):
            enter(id)
            if disposition != .caseOpened { disposition = .caseJoined }
        case .left(let id):
            caseIDs.removeAll { $0 == id }
            // It belongs to nobody now, and waits to be joined like every alert that opens no case.
            if caseIDs.isEmpty { disposition = .tagged }
        }
        updatedAt = event.recordedAt
    }

    private mutating func enter(_ id: UUID) {
        if !caseIDs.contains(id) { caseIDs.append(id) }
    }

    private mutating func receive(_ data: JSONValue) {
        source = data["source"]?.stringValue ?? source
        sourceRef = data["source_ref"]?.stringValue
        raw.digest = data["raw_digest"]?.stringValue.flatMap(Digest.init(text:)) ?? raw.digest
        raw.size = data["raw_size"]?.int64Value ?? raw.size
        raw.mediaType = (data["raw_media_type"] ?? data["media_type"])?.stringValue ?? raw.mediaType
    }

    /// Member by member, for any of the sealed ones may be gone.
    private mutating func normalize(_ data: JSONValue) throws {
        source = data["source"]?.stringValue ?? source
        sourceRef = data["source_ref"]?.stringValue
        raw.digest = data["raw_digest"]?.stringValue.flatMap(Digest.init(text:)) ?? raw.digest
        title = data["title"]?.stringValue
        description = data["description"]?.stringValue
        occurredAt = try data["occurred_at"]?.decode(Instant?.self)
        severity = try data["severity"]?.decode(Severity?.self) ?? .unknown
        severityID = severity.id
        confidenceScore = try data["confidence_score"]?.decode(Int?.self)
        pattern = data["pattern"]?.stringValue
        sourceURL = data["source_url"]?.stringValue
        rule = data["rule"] ?? .null
        attackTechniques = try data["attack_techniques"]?.decode([String]?.self) ?? []
        entities = try data["entities"]?.decode([EntityMention]?.self) ?? []
        evidence = data["evidence"] ?? []
        environment = try data["environment"]?.decode(DeploymentEnvironment?.self) ?? .unknown
        region = data["region"]?.stringValue
        unmapped = data["unmapped"] ?? [:]
        ocsf = data["ocsf"] ?? .null
        clockSuspect = data["clock_suspect"]?.boolValue ?? false
    }
}

extension JSONValue {
    var uuidValue: UUID? { stringValue.flatMap(UUID.init(uuidString:)) }
}
