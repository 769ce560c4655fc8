import Events
import JSON

/// The members of a record, read by path. What was carried into the event verbatim is known at the end, so that the
/// rest can be kept: a value that was read but found no place is never lost.
struct TelemetryRecord {
    private let members: [String: JSONValue]
    private var claims: [(path: [String], text: String)] = []
    private var moved: [[String]] = []

    init(_ value: JSONValue) { members = value.objectValue ?? [:] }

    func value(_ path: String...) -> JSONValue? { value(at: path) }

    func value(at path: [String]) -> JSONValue? {
        guard let first = path.first else { return nil }
        var found = members[first]
        for name in path.dropFirst() { found = found?[name] }
        return found.flatMap { $0.isNull ? Optional.none : $0 }
    }

    /// A text, or the digits of a whole number. An empty text and `-` (how Windows writes "none") are nothing.
    mutating func text(_ path: String...) -> String? { text(at: path) }

    mutating func text(at path: [String]) -> String? {
        guard let text = value(at: path)?.identifierText, text != "-" else { return nil }
        claims.append((path, text))
        return text
    }

    /// Takes a whole part of the record out, for the caller to place.
    mutating func move(_ path: String...) -> JSONValue? {
        guard let value = value(at: path) else { return nil }
        moved.append(path)
        return value
    }

    /// The record without what stands in `event` already.
    func rest(besides event: [String: JSONValue]) -> [String: JSONValue] {
        var placed: Set<String> = []
        Self.collect(.object(event), into: &placed)
        var rest = JSONValue.object(members)
        for path in moved { Self.remove(path[...], from: &rest) }
        for claim in claims where placed.contains(claim.text) { Self.remove(claim.path[...], from: &rest) }
        return rest.objectValue ?? [:]
    }

    /// Numbers of enumerations are not the record's own, so they vouch for nothing.
    private static func collect(_ value: JSONValue, into placed: inout Set<String>) {
        switch value {
        case .string(let text): placed.insert(text)
        case .integer(let number): placed.insert(String(number))
        case .array(let elements): for element in elements { collect(element, into: &placed) }
        case .object(let members):
            for (name, member) in members where !name.hasSuffix("_id") { collect(member, into: &placed) }
        default: break
        }
    }

    private static func remove(_ path: ArraySlice<String>, from value: inout JSONValue) {
        guard let name = path.first, value.objectValue != nil else { return }
        guard path.count > 1 else {
            value[name] = Optional.none
            return
        }
        guard var inner = value[name] else { return }
        let wasEmpty = inner == [:]
        remove(path.dropFirst(), from: &inner)
        value[name] = inner == [:] && !wasEmpty ? Optional.none : Optional(inner)
    }
}

/// When something happened, in the spellings of the sources.
enum TelemetryTime {
    /// RFC 3339, the same without offset (taken as UTC), or a number of seconds or milliseconds since 1970.
    ///
    /// - Returns: `nil` also for a time that OCSF cannot write.
    static func instant(_ value: JSONValue?) -> Instant? {
        let instant: Instant? =
            switch value {
            case .string(let text): Instant(rfc3339: text) ?? Instant(rfc3339: text + "Z")
            case .integer(let number) where number > 100_000_000_000 && number < 100_000_000_000_000:
                Instant(microseconds: number * 1_000)
            case .integer(let number) where number > 0 && number <= 100_000_000_000:
                Instant(microseconds: number * 1_000_000)
            default: nil
            }
        guard let instant, OCSFShape.timestamps.contains(instant.microseconds.floorMilliseconds) else { return nil }
        return instant
    }

    /// `Nov 21 02:30:00` (RFC 3164), which has no year and no zone: UTC, in the year that makes it no more than a day
    /// ahead of its receipt.
    static func syslog(_ text: String, receivedAt: Instant) -> Instant? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 3, let month = months.firstIndex(of: String(parts[0])), let day = Int(parts[1]),
            let year = Int(receivedAt.rfc3339.prefix(4))
        else { return nil }
        let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        for candidate in [year, year - 1] {
            let instant = Instant(rfc3339: "\(candidate)-\(two(month + 1))-\(two(day))T\(parts[2])Z")
            if let instant, instant.milliseconds(since: receivedAt) <= 86_400_000 { return instant }
        }
        return nil
    }
}

extension Int64 {
    /// Microseconds to whole milliseconds, rounded down also before 1970.
    var floorMilliseconds: Int64 { self / 1_000 - (self % 1_000 < 0 ? 1 : 0) }
}
