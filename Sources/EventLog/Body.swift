import Events
import Foundation
import JSON
import Postgres

/// The stored form of an event, and the way back.
enum Body {
    /// Deeper than what intake lets in, so that wrapping an alert in an event never makes it unreadable.
    static let depthMaximum = 256

    static let limits = JSONLimits(depth: depthMaximum + 8, members: .max)

    static func parse(_ bytes: [UInt8], position: Int64) throws(EventLogError) -> JSONValue {
        do {
            return try JSONValue.parse(bytes, limits: limits)
        } catch {
            throw EventLogError(.corrupt, "the body at position \(position) is no JSON", cause: error)
        }
    }
}

/// One row of `docket.event`, without its copies: everything that they say is read from the body.
struct StoredEvent: Sendable {
    static let columns =
        "e.position, e.event_id, e.stream_id, e.version, e.recorded_at, e.sealed_digest, e.leaf_hash, e.body"

    let position: Int64
    let eventID: UUID
    let streamID: UUID
    let version: Int64
    let recordedAt: Instant
    let isSealed: Bool
    let leafHash: [UInt8]
    let body: [UInt8]

    init(_ row: borrowing Row) throws(PostgresError) {
        position = try row[0]
        eventID = try row[1]
        streamID = try row[2]
        version = try row[3]
        recordedAt = Instant(microseconds: (try row[4] as PostgresTimestamp).microseconds)
        isSealed = (try row[5] as [UInt8]).contains { $0 != 0 }
        leafHash = try row[6]
        body = (try row[7] as PostgresJSON).bytes
    }

    /// The event with its sealed members opened; `open` gives a member's value, `null` for an erased one.
    func event(
        _ upcasters: Upcasters, _ open: (Int32) throws(EventLogError) -> JSONValue
    ) throws(EventLogError) -> Event {
        let envelope = try Body.parse(body, position: position)
        guard let type = envelope["type"]?.stringValue,
            let schemaVersion = envelope["schema_version"]?.int64Value.flatMap({ Int32(exactly: $0) }),
            let streamKind = envelope["stream_kind"]?.stringValue,
            let occurredAt = envelope["occurred_at"]?.stringValue.flatMap({ Instant(rfc3339: $0) }),
            let actor = Self.actor(envelope["actor"]),
            let correlationID = Self.uuid(envelope["correlation_id"]),
            var data = envelope["data"]
        else {
            throw EventLogError(.corrupt, "the body at position \(position) is no event")
        }
        var pointers: [Int32: JSONPointer] = [:]
        // A marker or an escaped name holds a dollar sign; few bodies do.
        if isSealed || body.contains(UInt8(ascii: "$")) {
            data = try Marker.opened(data, at: JSONPointer(tokens: ["data"]), pointers: &pointers, open)
        }
        let newest: (version: Int32, data: JSONValue)
        do {
            newest = try upcasters.apply(type, schemaVersion, data)
        } catch {
            throw EventLogError(.corrupt, "\(type) at position \(position) cannot be brought up to date", cause: error)
        }
        return Event(
            position: position, eventID: eventID, type: type, schemaVersion: newest.version, streamKind: streamKind,
            streamID: streamID, version: version, caseID: Self.uuid(envelope["case_id"]), recordedAt: recordedAt,
            occurredAt: occurredAt, actor: actor, causedBy: Self.uuid(envelope["caused_by"]),
            correlationID: correlationID, traceID: envelope["trace_id"]?.stringValue, data: newest.data,
            sealed: pointers.sorted { $0.key < $1.key }.map(\.value.description), leafHash: leafHash)
    }

    private static func uuid(_ value: JSONValue?) -> UUID? { value?.stringValue.flatMap { UUID(uuidString: $0) } }

    private static func actor(_ value: JSONValue?) -> Actor? {
        guard let value, let kind = value["kind"]?.stringValue.flatMap({ Actor.Kind(rawValue: $0) }),
            let issuer = value["issuer"]?.stringValue, let subject = value["subject"]?.stringValue,
            let lane = value["lane"]?.stringValue.flatMap({ Actor.Lane(rawValue: $0) })
        else { return nil }
        return Actor(kind: kind, issuer: issuer, subject: subject, lane: lane)
    }
}
