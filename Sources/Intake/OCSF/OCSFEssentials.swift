import Events
import JSON

/// The members of a finding without which it is no alert: each one found, or an error at its place.
struct OCSFEssentials {
    let members: [String: JSONValue]
    let info: [String: JSONValue]
    let root: JSONPointer
    let infoPlace: JSONPointer

    /// The product's name tells the source.
    func source(default given: String?, report: inout IntakeReport) -> String? {
        let place = root.appending("metadata").appending("product")
        let product = members["metadata"]?["product"]
        let named = ["name", "uid", "vendor_name"].lazy.compactMap { product?[$0]?.identifierText }.first
        guard let source = named ?? given else {
            report.error(place.appending("name"), .required, "the product that found this is required")
            return nil
        }
        guard source.characterCount <= IntakeLimits.source else {
            report.error(place.appending("name"), .length, "at most \(IntakeLimits.source) characters are expected")
            return nil
        }
        guard !source.hasControlCharacters else {
            report.error(place.appending("name"), .format, "a source holds no control characters")
            return nil
        }
        return source
    }

    func sourceRef(default given: String?, report: inout IntakeReport) -> String? {
        let value = info["uid"] ?? .null
        if !value.isNull, value.identifierText == nil, value != "" {
            report.error(infoPlace.appending("uid"), .type, "a string is expected, not \(value.typeName)")
            return nil
        }
        let metadata = members["metadata"]
        let found =
            value.identifierText ?? given ?? metadata?["original_event_uid"]?.identifierText
            ?? metadata?["uid"]?.identifierText
        guard let found else {
            report.warn("the finding has no uid: the digest of its bytes stands for it")
            return nil
        }
        guard found.characterCount <= IntakeLimits.sourceRef else {
            report.error(
                infoPlace.appending("uid"), .length, "at most \(IntakeLimits.sourceRef) characters are expected")
            return nil
        }
        return found
    }

    func title(report: inout IntakeReport) -> String? {
        let candidates = [info["title"], members["message"], info["analytic"]?["name"], info["desc"]]
        guard let title = candidates.lazy.compactMap({ $0?.stringValue }).first(where: { !$0.trimmed.isEmpty }) else {
            report.error(infoPlace.appending("title"), .required, "'title' is required")
            return nil
        }
        if title.characterCount > IntakeLimits.title {
            report.warn("the title is cut off; the whole one stands in the OCSF finding")
        }
        return title.truncated(to: IntakeLimits.title)
    }

    /// `time`, else its RFC 3339 twin, else when the finding was first seen or created. Epoch milliseconds.
    func time(default given: String?, report: inout IntakeReport) -> (Instant, String)? {
        let place = root.appending("time")
        let original = members["metadata"]?["original_time"]?.identifierText
        let numbers = [members["time"], info["first_seen_time"], info["created_time"]]
        if let value = members["time"], !value.isNull, value.int64Value == nil {
            report.error(place, .type, "epoch milliseconds are expected, not \(value.typeName)")
            return nil
        }
        if members["time"]?.int64Value == nil, let text = members["time_dt"]?.stringValue,
            let instant = Instant(rfc3339: text), Instant.writable.contains(instant)
        {
            return (instant, original ?? text)
        }
        if let milliseconds = numbers.lazy.compactMap({ $0?.int64Value }).first {
            guard OCSFShape.timestamps.contains(milliseconds) else {
                report.error(place, .range, "epoch milliseconds up to the year 9999 are expected")
                return nil
            }
            return (Instant(microseconds: milliseconds * 1_000), original ?? String(milliseconds))
        }
        if let given, let instant = Instant(rfc3339: given) { return (instant, given) }
        report.error(place, .required, "'time' is required")
        return nil
    }

    /// The id decides; its text only where there is no id. Before 1.0.0, "other" was -1.
    func severity(report: inout IntakeReport) -> (Severity, String?)? {
        let place = root.appending("severity_id")
        let label = members["severity"]?.stringValue?.trimmed
        let allowed = Severity.allCases.map { String($0.id) }
        guard let value = members["severity_id"], !value.isNull else {
            if let label, let severity = Severity(rawValue: label.lowercased()) { return (severity, label) }
            report.error(place, .required, "'severity_id' is required", allowed: allowed)
            return nil
        }
        guard let number = value.int64Value else {
            report.error(place, .type, "an integer is expected, not \(value.typeName)")
            return nil
        }
        guard let severity = Int(exactly: number == -1 ? 99 : number).flatMap(Severity.init(id:)) else {
            report.error(place, .enum, "this is no OCSF severity_id", allowed: allowed)
            return nil
        }
        return (severity, label.flatMap { $0.isEmpty ? nil : $0 })
    }
}
