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

    /// From the columns of a COPY, in the order of `columns` above.
    init(_ columns: Span<UInt8>) throws(EventLogError) {
        var reader = ColumnReader()
        position = Int64(truncatingIfNeeded: try reader.integer(columns))
        eventID = try reader.uuid(columns)
        streamID = try reader.uuid(columns)
        version = Int64(truncatingIfNeeded: try reader.integer(columns))
        recordedAt = Instant(
            microseconds: PostgresTimestamp.epochOffset
                + Int64(truncatingIfNeeded: try reader.integer(columns)))
        isSealed = try reader.bytes(columns).contains { $0 != 0 }
        leafHash = try reader.bytes(columns)
        body = try reader.bytes(columns)
    }

    /// The event with its sealed members opened; `open` gives a member's value, `null` for an erased one. A payload in
    /// which nothing is to be opened or brought up to date is left unread.
    func event(
        _ upcasters: Upcasters, _ open: (Int32) throws(EventLogError) -> JSONValue
    ) throws(EventLogError) -> Event {
        guard let envelope = Envelope(body) else {
            throw EventLogError(.corrupt, "the body at position \(position) is no event")
        }
        var schemaVersion = envelope.schemaVersion
        var payload = Event.StoredData.unread(LazyJSON(body, envelope.data))
        var pointers: [Int32: JSONPointer] = [:]
        // A marker or an escaped name holds a dollar sign; few other bodies do.
        let holdsMarkers = isSealed || body.contains(UInt8(ascii: "$"))
        if holdsMarkers || upcasters.knows(envelope.type, schemaVersion) {
            var data = try Body.parse(Array(body[envelope.data]), position: position)
            if holdsMarkers {
                data = try Marker.opened(data, at: JSONPointer(tokens: ["data"]), pointers: &pointers, open)
            }
            do {
                (schemaVersion, data) = try upcasters.apply(envelope.type, schemaVersion, data)
            } catch {
                throw EventLogError(
                    .corrupt, "\(envelope.type) at position \(position) cannot be brought up to date", cause: error)
            }
            payload = .value(data)
        }
        return Event(
            position: position, eventID: eventID, type: envelope.type, schemaVersion: schemaVersion,
            streamKind: envelope.streamKind, streamID: streamID, version: version, caseID: envelope.caseID,
            recordedAt: recordedAt, occurredAt: envelope.occurredAt, actor: envelope.actor,
            causedBy: envelope.causedBy, correlationID: envelope.correlationID, traceID: envelope.traceID,
            payload: payload, sealed: pointers.sorted { $0.key < $1.key }.map(\.value.description),
            leafHash: leafHash)
    }
}

/// Steps through the columns of one row in COPY's binary format.
private struct ColumnReader {
    private var offset = 0

    mutating func bytes(_ columns: Span<UInt8>) throws(EventLogError) -> [UInt8] {
        let count = try length(columns)
        defer { offset += count }
        return columns.extracting(offset..<(offset + count)).array
    }

    mutating func integer(_ columns: Span<UInt8>) throws(EventLogError) -> UInt64 {
        guard try length(columns) == 8 else { throw Self.malformed }
        defer { offset += 8 }
        return Self.number(columns, at: offset)
    }

    mutating func uuid(_ columns: Span<UInt8>) throws(EventLogError) -> UUID {
        guard try length(columns) == 16 else { throw Self.malformed }
        defer { offset += 16 }
        return UUID(high: Self.number(columns, at: offset), low: Self.number(columns, at: offset + 8))
    }

    /// Of the next column, whose bytes are all there; none of the columns read here is ever NULL.
    private mutating func length(_ columns: Span<UInt8>) throws(EventLogError) -> Int {
        guard offset + 4 <= columns.count else { throw Self.malformed }
        var length: UInt32 = 0
        for index in offset..<(offset + 4) { length = length << 8 | UInt32(columns[index]) }
        offset += 4
        guard length <= UInt32(Int32.max), offset + Int(length) <= columns.count else { throw Self.malformed }
        return Int(length)
    }

    private static func number(_ columns: Span<UInt8>, at offset: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in offset..<(offset + 8) { value = value << 8 | UInt64(columns[index]) }
        return value
    }

    private static var malformed: EventLogError { EventLogError(.corrupt, "a row of the log is cut short") }
}
