import Events
import JSON

/// An SLA clock as a badge. How it stands at the moment of rendering is said in words; a script goes on counting.
enum Clock {
    static func json(_ clock: JSONValue, now: Instant) -> JSONValue {
        let tone = tone(clock, now: now)
        return [
            "name": clock["clock"] ?? .null, "label": .string(Words.sentence(clock["clock"]?.stringValue ?? "")),
            "tone": .string(tone), "word": .string(word(tone)), "due": PageTime.json(clock["due_at"]),
            "at_risk_iso": clock["at_risk_at"] ?? .null, "is_running": .bool(clock["status"] == "running"),
            "started": PageTime.json(clock["started_at"]), "ended": PageTime.json(clock["ended_at"]),
            "breached": PageTime.json(clock["breached_at"]),
            "target": .string(Words.duration(ms: clock["target_ms"]?.doubleValue ?? 0)),
            "took": took(clock).map(JSONValue.string) ?? .null,
            "paused": (clock["paused_ms"]?.doubleValue).flatMap { $0 > 0 ? .string(Words.duration(ms: $0)) : nil }
                ?? .null,
            "pause_reason": clock["pause_reason"] ?? .null,
        ]
    }

    /// How long an ended clock ran, pauses not counted.
    private static func took(_ clock: JSONValue) -> String? {
        guard let start = clock["started_at"]?.stringValue.flatMap(Instant.init(rfc3339:)),
            let end = clock["ended_at"]?.stringValue.flatMap(Instant.init(rfc3339:))
        else { return nil }
        let paused = clock["paused_ms"]?.doubleValue ?? 0
        let target = Words.duration(ms: clock["target_ms"]?.doubleValue ?? 0)
        return "after \(Words.duration(ms: max(0, Double(end.milliseconds(since: start)) - paused))) of \(target)"
    }

    /// The clock that presses most: what is overdue first, then by deadline.
    static func mostPressing(_ clocks: [JSONValue]) -> JSONValue? {
        clocks.filter { $0["status"] != "ended" }
            .min { ($0["due_at"]?.stringValue ?? "") < ($1["due_at"]?.stringValue ?? "") }
    }

    private static func tone(_ clock: JSONValue, now: Instant) -> String {
        if clock["status"] == "ended" {
            return clock["outcome"] == "met" ? "met" : clock["outcome"] == "breached" ? "missed" : "cancelled"
        }
        if clock["breached_at"].map({ !$0.isNull }) ?? false { return "breached" }
        if clock["status"] == "paused" { return "paused" }
        let now = now.rfc3339
        if let due = clock["due_at"]?.stringValue, due <= now { return "breached" }
        if let atRisk = clock["at_risk_at"]?.stringValue, atRisk <= now { return "risk" }
        return "ok"
    }

    private static func word(_ tone: String) -> String {
        switch tone {
        case "risk": "At risk"
        case "ok": "On time"
        default: Words.sentence(tone)
        }
    }
}
