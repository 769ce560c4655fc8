import JSON
import Reactors

/// What became of the items of a file: alerts, telemetry, or both.
struct IngestCounts: Sendable {
    struct Alerts: Codable, Sendable {
        var received = 0
        var created = 0
        var duplicate = 0
        var updated = 0
        var deadLettered = 0
    }

    private(set) var alerts: Alerts?
    private(set) var telemetry: TelemetryReceiver.Counts?

    mutating func add(_ results: [AlertReceiver.Result]) {
        var counts = alerts ?? Alerts()
        for result in results {
            counts.received += 1
            switch result.status {
            case .created: counts.created += 1
            case .duplicate: counts.duplicate += 1
            case .updated: counts.updated += 1
            case .deadLettered: counts.deadLettered += 1
            }
        }
        alerts = counts
    }

    mutating func add(_ counts: TelemetryReceiver.Counts) {
        var sum = telemetry ?? TelemetryReceiver.Counts()
        sum += counts
        telemetry = sum
    }

    mutating func add(_ other: IngestCounts) {
        if let more = other.telemetry { add(more) }
        if let more = other.alerts {
            var sum = alerts ?? Alerts()
            sum.received += more.received
            sum.created += more.created
            sum.duplicate += more.duplicate
            sum.updated += more.updated
            sum.deadLettered += more.deadLettered
            alerts = sum
        }
    }

    var received: Int { (alerts?.received ?? 0) + (telemetry?.received ?? 0) }

    /// The members of contract §1: those of alerts, those of telemetry, or all, where both were read; members that they
    /// share are sums.
    var json: JSONValue {
        get throws {
            guard let telemetry else { return try JSONValue(encoding: alerts ?? Alerts()) }
            let second = try JSONValue(encoding: telemetry)
            guard let alerts else { return second }
            let first = try JSONValue(encoding: alerts).objectValue ?? [:]
            return .object(
                first.merging(second.objectValue ?? [:]) { left, right in
                    .integer((left.int64Value ?? 0) + (right.int64Value ?? 0))
                })
        }
    }

    var text: String {
        var parts: [String] = []
        if let telemetry {
            parts.append(
                "\(telemetry.received) records, \(telemetry.matched) matched (\(telemetry.matches) matches), "
                    + "\(telemetry.unmatched) unmatched, \(telemetry.deadLettered) dead letters; "
                    + "\(telemetry.alertsCreated) alerts created, \(telemetry.alertsDuplicate) duplicate")
        }
        if let alerts {
            parts.append(
                "\(alerts.received) alerts, \(alerts.created) created, \(alerts.duplicate) duplicate, "
                    + "\(alerts.updated) updated, \(alerts.deadLettered) dead letters")
        }
        return parts.isEmpty ? "nothing received" : parts.joined(separator: "; ")
    }
}
