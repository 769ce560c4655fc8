import Events
import JSON

/// Writes an alert as an OCSF 1.9 Detection Finding (class 2004).
///
/// The reader has put everything specific into `draft.finding`, valid part by valid part; here stands what every
/// finding has. Times are epoch milliseconds, as OCSF wants them.
enum DetectionFinding {
    static let version = "1.9.0"

    static func json(of draft: AlertDraft, receipt: Receipt, unmapped: JSONValue) -> JSONValue {
        var finding = draft.finding
        let activity = finding["activity_id"]?.int64Value ?? 1
        let activityName = OCSFEnumeration.detectionFindingActivity.captions[activity] ?? "Other"
        finding["activity_id"] = .integer(activity)
        finding["activity_name"] = finding["activity_name"] ?? .string(activityName)
        finding["category_uid"] = 2
        finding["category_name"] = "Findings"
        finding["class_uid"] = 2004
        finding["class_name"] = "Detection Finding"
        finding["type_uid"] = .integer(200_400 + activity)
        finding["type_name"] = .string("Detection Finding: \(activityName)")
        finding["severity_id"] = .integer(Int64(draft.severity.id))
        finding["severity"] = .string(
            draft.severity == .other ? draft.severityLabel ?? "Other" : draft.severity.rawValue.capitalizedWord)
        if finding["status_id"] == nil {
            finding["status_id"] = 1
            finding["status"] = "New"
        }
        finding["time"] = .integer(draft.occurredAt.microseconds.floorDividedByThousand)
        finding["is_alert"] = finding["is_alert"] ?? true
        finding["message"] = finding["message"] ?? .string(draft.title)
        finding["raw_data_hash"] = [
            "algorithm_id": 3, "algorithm": "SHA-256", "value": .string(receipt.rawDigest.bytes.hexadecimal),
        ]
        finding["raw_data_size"] = .integer(Int64(receipt.rawSize))
        finding["finding_info"] = findingInfo(of: draft, sourceRef: receipt.sourceRef)
        finding["metadata"] = metadata(of: draft, receipt: receipt)
        if unmapped != [:] { finding["unmapped"] = unmapped }
        return .object(finding)
    }

    /// The pattern and the environment have no attribute of their own, so they are tags; reading a finding back finds
    /// them there again.
    private static func findingInfo(of draft: AlertDraft, sourceRef: String) -> JSONValue {
        var info = draft.finding["finding_info"] ?? [:]
        info["uid"] = .string(sourceRef)
        info["title"] = info["title"] ?? .string(draft.title)
        var tags = (info["tags"]?.arrayValue ?? []).filter { !FindingTag.names.contains($0["name"]?.stringValue ?? "") }
        if let pattern = draft.pattern {
            tags.append(["name": .string(FindingTag.pattern), "value": .string(pattern)])
        }
        if draft.environment != .unknown {
            tags.append(["name": .string(FindingTag.environment), "value": .string(draft.environment.rawValue)])
        }
        if !tags.isEmpty { info["tags"] = .array(tags) }
        return info
    }

    private static func metadata(of draft: AlertDraft, receipt: Receipt) -> JSONValue {
        var metadata = draft.finding["metadata"] ?? [:]
        metadata["version"] = .string(version)
        metadata["product"] = metadata["product"] ?? ["name": .string(draft.source)]
        metadata["profiles"] = .array(draft.profiles.sorted().map(JSONValue.string))
        metadata["uid"] = .string(receipt.alertID.lowercased)
        metadata["original_event_uid"] = .string(receipt.sourceRef)
        metadata["original_time"] = .string(draft.originalTime)
        metadata["logged_time"] = .integer(receipt.receivedAt.microseconds.floorDividedByThousand)
        metadata["tenant_uid"] = .string(receipt.tenant.lowercased)
        return metadata
    }
}

/// Names of the finding tags in which Docket's own members travel.
enum FindingTag {
    static let pattern = "docket.pattern"
    static let environment = "docket.environment"
    static let names: Set<String> = [pattern, environment]
}

extension Int64 {
    /// Microseconds to whole milliseconds, rounded down also before 1970.
    fileprivate var floorDividedByThousand: Int64 { self / 1_000 - (self % 1_000 < 0 ? 1 : 0) }
}

extension String {
    /// The caption of an OCSF severity from its name.
    fileprivate var capitalizedWord: String { prefix(1).uppercased() + dropFirst() }
}
