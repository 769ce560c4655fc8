package import JSON

package import struct Foundation.UUID

/// An event as the log keeps it: read back, with its place and its proof.
package struct Event: Sendable, Hashable {
    /// The tenant's order: 0, 1, 2, … without a gap.
    package var position: Int64
    package var eventID: UUID
    /// `noun.past_participle`, stable for ever.
    package var type: String
    package var schemaVersion: Int32
    package var streamKind: String
    package var streamID: UUID
    /// The stream's order, from 1.
    package var version: Int64
    package var caseID: UUID?
    /// When the log wrote it: strictly increasing within a tenant.
    package var recordedAt: Instant
    /// When it happened, as the source claims: never used for order.
    package var occurredAt: Instant
    package var actor: Actor
    /// The event that led to this one.
    package var causedBy: UUID?
    /// The same for everything that follows from one input.
    package var correlationID: UUID
    /// W3C trace id, 32 hexadecimal digits.
    package var traceID: String?
    /// The payload with sealed members opened; an erased one is `null`. Parsed at the first look.
    package var data: JSONValue {
        get { payload.value }
        set { payload = .value(newValue) }
    }
    /// JSON Pointers, from the event's root, of the members that live sealed.
    package var sealed: [String]
    /// RFC 6962 leaf hash, 32 bytes.
    package var leafHash: [UInt8]
    private var payload: StoredData

    package init(
        position: Int64, eventID: UUID, type: String, schemaVersion: Int32 = 1, streamKind: String, streamID: UUID,
        version: Int64, caseID: UUID?, recordedAt: Instant, occurredAt: Instant, actor: Actor, causedBy: UUID? = nil,
        correlationID: UUID, traceID: String? = nil, data: JSONValue, sealed: [String] = [], leafHash: [UInt8] = []
    ) {
        self.init(
            position: position, eventID: eventID, type: type, schemaVersion: schemaVersion, streamKind: streamKind,
            streamID: streamID, version: version, caseID: caseID, recordedAt: recordedAt, occurredAt: occurredAt,
            actor: actor, causedBy: causedBy, correlationID: correlationID, traceID: traceID, payload: .value(data),
            sealed: sealed, leafHash: leafHash)
    }

    /// The same with a payload that is parsed when it is looked at.
    package init(
        position: Int64, eventID: UUID, type: String, schemaVersion: Int32, streamKind: String, streamID: UUID,
        version: Int64, caseID: UUID?, recordedAt: Instant, occurredAt: Instant, actor: Actor, causedBy: UUID?,
        correlationID: UUID, traceID: String?, payload: StoredData, sealed: [String], leafHash: [UInt8]
    ) {
        self.position = position
        self.eventID = eventID
        self.type = type
        self.schemaVersion = schemaVersion
        self.streamKind = streamKind
        self.streamID = streamID
        self.version = version
        self.caseID = caseID
        self.recordedAt = recordedAt
        self.occurredAt = occurredAt
        self.actor = actor
        self.causedBy = causedBy
        self.correlationID = correlationID
        self.traceID = traceID
        self.payload = payload
        self.sealed = sealed
        self.leafHash = leafHash
    }

    package enum StoredData: Sendable, Hashable {
        case value(JSONValue)
        case unread(LazyJSON)

        fileprivate var value: JSONValue {
            switch self {
            case .value(let value): value
            case .unread(let lazy): lazy.value
            }
        }

        package static func == (left: StoredData, right: StoredData) -> Bool { left.value == right.value }
        package func hash(into hasher: inout Hasher) { hasher.combine(value) }
    }
}

/// An event before it is appended: what its author knows. Place and time of recording exist only under the log's lock.
package struct NewEvent: Sendable, Hashable {
    package var eventID: UUID
    package var type: String
    package var schemaVersion: Int32
    package var occurredAt: Instant
    package var actor: Actor
    package var causedBy: UUID?
    package var correlationID: UUID
    package var traceID: String?
    /// The payload in the clear; the log seals what the catalogue lists.
    package var data: JSONValue

    package init(
        eventID: UUID, type: String, schemaVersion: Int32 = 1, occurredAt: Instant, actor: Actor,
        causedBy: UUID? = nil, correlationID: UUID, traceID: String? = nil, data: JSONValue
    ) {
        self.eventID = eventID
        self.type = type
        self.schemaVersion = schemaVersion
        self.occurredAt = occurredAt
        self.actor = actor
        self.causedBy = causedBy
        self.correlationID = correlationID
        self.traceID = traceID
        self.data = data
    }
}
