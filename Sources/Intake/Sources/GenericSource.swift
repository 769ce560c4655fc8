import Events
import JSON

/// Records of sources that have no reader of their own: a Base Event with everything kept under `unmapped`.
///
/// Time and entities are looked for under names that many products share (Elastic Common Schema, Zeek, Okta, Azure,
/// GitHub and others). The lists are data: a line more is all that another name needs.
enum GenericSource {
    private static let times: [[String]] = [
        ["@timestamp"], ["timestamp"], ["time"], ["eventTime"], ["event_time"], ["published"], ["created_at"],
        ["createdAt"], ["createdDateTime"], ["TimeGenerated"], ["UtcTime"], ["ts"], ["_time"], ["date"],
    ]

    private static let people: [[String]] = [
        ["user"], ["user", "name"], ["user", "email"], ["username"], ["user_name"], ["userName"],
        ["userPrincipalName"], ["UserId"], ["actor"], ["actor", "alternateId"], ["actor", "login"],
        ["protoPayload", "authenticationInfo", "principalEmail"], ["identity"], ["account"],
    ]

    private static let origins: [[String]] = [
        ["src_ip"], ["source", "ip"], ["source_ip"], ["sourceIPAddress"], ["client", "ipAddress"], ["client_ip"],
        ["clientIP"], ["ClientIP"], ["callerIpAddress"], ["ipAddress"], ["ip_address"], ["ip"], ["remote_ip"],
        ["id.orig_h"], ["id", "orig_h"], ["protoPayload", "requestMetadata", "callerIp"],
    ]

    private static let destinations: [[String]] = [
        ["dest_ip"], ["dst_ip"], ["destination", "ip"], ["destination_ip"], ["id.resp_h"], ["id", "resp_h"],
    ]

    private static let hosts: [[String]] = [
        ["host"], ["host", "name"], ["hostname"], ["host_name"], ["Computer"], ["computer_name"],
        ["device", "hostname"],
        ["device", "name"],
    ]

    static func read(_ value: JSONValue, receivedAt: Instant) -> TelemetryDraft {
        var draft = TelemetryDraft(.baseEvent, activity: 0, record: TelemetryRecord(value))
        for path in times {
            guard let found = draft.record.value(at: path), let time = instant(found) else { continue }
            draft.time = time
            draft.originalTime = found.identifierText
            break
        }
        add(people, .user, .actor, &draft) { !$0.isEmpty }
        add(origins, .ip, .actor, &draft) { IPAddress($0) != nil }
        add(destinations, .ip, .target, &draft) { IPAddress($0) != nil }
        add(hosts, .device, .target, &draft) { IPAddress($0) == nil }
        return draft
    }

    /// Zeek writes seconds with a fraction.
    private static func instant(_ value: JSONValue) -> Instant? {
        if case .number(let seconds) = value, seconds > 0, seconds < 100_000_000_000 {
            return Instant(microseconds: Int64(seconds * 1_000_000))
        }
        return TelemetryTime.instant(value)
    }

    private static func add(
        _ paths: [[String]], _ type: Entity.EntityType, _ role: Entity.Role, _ draft: inout TelemetryDraft,
        where isGood: (String) -> Bool
    ) {
        for path in paths {
            guard let text = draft.record.value(at: path)?.stringValue, isGood(text) else { continue }
            let entity = Entity(type: type, value: text, role: role)
            if !draft.moreEntities.contains(where: { $0.key == entity.key }) { draft.moreEntities.append(entity) }
        }
    }
}
