import Foundation
import JSON

/// Names of the API in the words of a page.
package enum Words {
    private static let known: [String: String] = [
        "auto": "Automatic", "one_person": "One person", "two_person": "Two people", "ip": "IP address",
        "api_token": "API token", "url": "URL", "sla": "SLA", "rule_id": "Rule", "edr_evidence": "EDR evidence",
        "attack_mapping": "ATT&CK mapping", "cost_risk": "Cost and risk", "nis2_early_warning": "NIS2 early warning",
        "playbook_accuracy": "Playbook accuracy", "raw_event": "Raw event", "http": "HTTP",
        "mttd": "Time to detect", "mtta": "Time to acknowledge", "mttc": "Time to contain", "mttr": "Time to recover",
        "sla_adherence": "SLA adherence", "matrix": "The approval matrix",
        "sla_started": "SLA clock started", "sla_paused": "SLA clock paused", "sla_resumed": "SLA clock resumed",
        "sla_at_risk": "SLA at risk", "sla_met": "SLA met", "sla_breached": "SLA breached",
        "sla_cancelled": "SLA clock cancelled", "sla_retargeted": "SLA retargeted", "no_playbook": "No playbook",
    ]

    /// `cloud_containment` as `Cloud containment`.
    package static func sentence(_ name: String) -> String {
        if let word = known[name] { return word }
        let text = name.replacing("_", with: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }

    /// The same inside a sentence.
    package static func inline(_ name: String) -> String {
        let text = sentence(name)
        guard let second = text.dropFirst().first, second.isLowercase || second == " " else { return text }
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// `run.started` as `Run started`.
    package static func event(_ type: String) -> String { sentence(type.replacing(".", with: "_")) }

    /// How long, in the two largest units that say something: `4 h 12 min`, `3.2 s`, `812 ms`.
    package static func duration(ms: Double) -> String {
        let magnitude = ms.magnitude
        if magnitude < 1_000 { return "\(Int(ms.rounded())) ms" }
        if magnitude < 60_000 { return "\(decimal(ms / 1_000, digits: magnitude < 10_000 ? 1 : 0)) s" }
        let minutes = Int((magnitude / 60_000).rounded(.down))
        let seconds = Int(magnitude / 1_000) % 60
        if minutes < 60 { return seconds == 0 || minutes >= 10 ? "\(minutes) min" : "\(minutes) min \(seconds) s" }
        let hours = minutes / 60
        if hours < 48 { return minutes % 60 == 0 ? "\(hours) h" : "\(hours) h \(minutes % 60) min" }
        return hours % 24 == 0 || hours > 240 ? "\(hours / 24) d" : "\(hours / 24) d \(hours % 24) h"
    }

    /// Without locale: a page reads the same everywhere.
    package static func decimal(_ value: Double, digits: Int) -> String {
        let text = String(format: "%.\(digits)f", value)
        guard text.contains(".") else { return text }
        var trimmed = Substring(text)
        while trimmed.last == "0" { trimmed.removeLast() }
        if trimmed.last == "." { trimmed.removeLast() }
        return String(trimmed)
    }

    package static func percent(_ ratio: Double, digits: Int = 1) -> String {
        decimal(ratio * 100, digits: digits) + " %"
    }

    static func plural(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }

    /// The end of an id: the part of a UUID v7 that differs between cases of the same hour.
    static func shortID(_ id: String) -> String { String(id.suffix(8)) }
}
