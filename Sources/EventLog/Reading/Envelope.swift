import Events
import Foundation
import JSON

/// An event's body (canonical JSON of one shape), read in one pass without parsing its data.
///
/// The members stand in the order of RFC 8785, so each is found where it must be: what stands there instead is no event.
struct Envelope {
    let actor: Actor
    let caseID: UUID?
    let causedBy: UUID?
    let correlationID: UUID
    /// Where the data stands in the body.
    let data: Range<Int>
    let occurredAt: Instant
    let schemaVersion: Int32
    let streamKind: String
    let traceID: String?
    let type: String

    /// `nil` when the body is not what the log writes.
    init?(_ body: [UInt8]) {
        var reader = CanonicalReader()
        let bytes = body.span
        guard reader.take(bytes, #"{"actor":{"issuer":"#), let issuer = reader.string(bytes),
            reader.take(bytes, #","kind":"#), let kind = reader.string(bytes).flatMap(Actor.Kind.init(rawValue:)),
            reader.take(bytes, #","lane":"#), let lane = reader.string(bytes).flatMap(Actor.Lane.init(rawValue:)),
            reader.take(bytes, #","subject":"#), let subject = reader.string(bytes),
            reader.take(bytes, #"},"case_id":"#), let caseID = reader.optionalUUID(bytes),
            reader.take(bytes, #","caused_by":"#), let causedBy = reader.optionalUUID(bytes),
            reader.take(bytes, #","correlation_id":"#), let correlationID = reader.optionalUUID(bytes) ?? nil,
            reader.take(bytes, #","data":"#), let data = reader.value(bytes, depth: Body.limits.depth),
            reader.take(bytes, #","occurred_at":""#), let occurredAt = reader.instant(bytes),
            reader.take(bytes, #"","schema_version":"#), let schemaVersion = reader.integer(bytes),
            reader.take(bytes, #","stream_kind":"#), let streamKind = reader.string(bytes),
            reader.take(bytes, #","trace_id":"#), let traceID = reader.optionalString(bytes),
            reader.take(bytes, #","type":"#), let type = reader.string(bytes),
            reader.take(bytes, "}"), reader.index == bytes.count
        else { return nil }
        actor = Actor(kind: kind, issuer: issuer, subject: subject, lane: lane)
        self.caseID = caseID
        self.causedBy = causedBy
        self.correlationID = correlationID
        self.data = data
        self.occurredAt = occurredAt
        self.schemaVersion = schemaVersion
        self.streamKind = streamKind
        self.traceID = traceID
        self.type = type
    }
}

/// Steps through canonical JSON.
private struct CanonicalReader {
    private(set) var index = 0

    mutating func take(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + count <= bytes.count else { return false }
        for offset in 0..<count {
            guard unsafe bytes[index + offset] == text.utf8Start[offset] else { return false }
        }
        index += count
        return true
    }

    mutating func string(_ bytes: Span<UInt8>) -> String? {
        let start = index
        guard let range = value(bytes, depth: 0), bytes[start] == UInt8(ascii: "\"") else { return nil }
        let text = bytes.extracting((range.lowerBound + 1)..<(range.upperBound - 1))
        for offset in text.indices where text[offset] == UInt8(ascii: "\\") {
            // Rare: left to the parser.
            let value: JSONValue
            do {
                value = try JSONValue.parse(bytes.extracting(range).array)
            } catch {
                return nil
            }
            return value.stringValue
        }
        return unsafe text.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
    }

    /// `.some(nil)` for `null`.
    mutating func optionalString(_ bytes: Span<UInt8>) -> String?? {
        take(bytes, "null") ? .some(nil) : string(bytes).map { .some($0) }
    }

    /// `.some(nil)` for `null`.
    mutating func optionalUUID(_ bytes: Span<UInt8>) -> UUID?? {
        if take(bytes, "null") { return .some(nil) }
        guard index + 38 <= bytes.count, bytes[index] == UInt8(ascii: "\""), bytes[index + 37] == UInt8(ascii: "\""),
            let id = UUID(utf8: bytes.extracting((index + 1)..<(index + 37)))
        else { return nil }
        index += 38
        return .some(id)
    }

    mutating func instant(_ bytes: Span<UInt8>) -> Instant? {
        guard index + 27 <= bytes.count else { return nil }
        defer { index += 27 }
        return Instant(canonical: bytes.extracting(index..<(index + 27)))
    }

    mutating func integer(_ bytes: Span<UInt8>) -> Int32? {
        let isNegative = take(bytes, "-")
        var value: Int64 = 0
        let start = index
        while index < bytes.count, index - start < 10, bytes[index] &- UInt8(ascii: "0") < 10 {
            value = value * 10 + Int64(bytes[index] - UInt8(ascii: "0"))
            index += 1
        }
        return index > start ? Int32(exactly: isNegative ? -value : value) : nil
    }

    mutating func value(_ bytes: Span<UInt8>, depth: Int) -> Range<Int>? {
        guard let end = JSONSkimmer.end(ofValueAt: index, in: bytes, depth: depth) else { return nil }
        defer { index = end }
        return index..<end
    }
}

extension Span<UInt8> {
    /// The bytes as an owned array.
    var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }
}
