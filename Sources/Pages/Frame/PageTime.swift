import Events
import JSON

/// An instant for the partial `time`: machine form, UTC for people; a script adds age and local time.
enum PageTime {
    static func json(_ instant: Instant?) -> JSONValue {
        guard let instant else { return .null }
        return json(instant.rfc3339)
    }

    static func json(_ value: JSONValue?) -> JSONValue { value?.stringValue.map(json) ?? .null }

    static func json(_ text: String) -> JSONValue {
        ["iso": .string(text), "utc": .string(utc(text)), "day": .string(String(text.prefix(10)))]
    }

    /// `2026-11-21 02:38:00 UTC`
    static func utc(_ rfc3339: String) -> String {
        guard rfc3339.utf8.count >= 19 else { return rfc3339 }
        return rfc3339.prefix(10) + " " + rfc3339.dropFirst(11).prefix(8) + " UTC"
    }
}
