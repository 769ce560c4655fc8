package import Events
package import Foundation

/// An event as it lies in the database, copies and all: what an exporter hands over, unjudged.
package struct ExportedEvent: Sendable, Hashable {
    /// The columns that are copies of members of the body, for queries.
    package struct Columns: Sendable, Hashable {
        /// JSON as stored.
        package var actor: String
        package var caseID: UUID?
        package var causedBy: UUID?
        package var correlationID: UUID
        package var occurredAt: Instant
        package var streamKind: String
        package var traceID: String?

        package init(
            actor: String, caseID: UUID?, causedBy: UUID?, correlationID: UUID, occurredAt: Instant,
            streamKind: String, traceID: String?
        ) {
            self.actor = actor
            self.caseID = caseID
            self.causedBy = causedBy
            self.correlationID = correlationID
            self.occurredAt = occurredAt
            self.streamKind = streamKind
            self.traceID = traceID
        }
    }

    /// One sealed member, in the order of its number.
    package struct Sealed: Sendable, Hashable {
        package enum State: Sendable, Hashable {
            /// The salt of 32 bytes and the value in canonical JSON.
            case open(salt: TreeHash, value: [UInt8])
            case erased
            /// There, but the exporter may not see it.
            case withheld
        }

        package var digest: TreeHash
        package var state: State

        package init(digest: TreeHash, state: State) {
            self.digest = digest
            self.state = state
        }
    }

    package var position: Int64
    package var eventID: UUID
    package var streamID: UUID
    package var version: Int64
    package var schemaVersion: Int32
    package var recordedAt: Instant
    package var type: String
    package var columns: Columns
    package var sealedDigest: TreeHash
    package var sealed: [Sealed]
    /// The exact bytes.
    package var body: [UInt8]

    package init(
        position: Int64, eventID: UUID, streamID: UUID, version: Int64, schemaVersion: Int32, recordedAt: Instant,
        type: String, columns: Columns, sealedDigest: TreeHash, sealed: [Sealed], body: [UInt8]
    ) {
        self.position = position
        self.eventID = eventID
        self.streamID = streamID
        self.version = version
        self.schemaVersion = schemaVersion
        self.recordedAt = recordedAt
        self.type = type
        self.columns = columns
        self.sealedDigest = sealedDigest
        self.sealed = sealed
        self.body = body
    }

    package func leaf(of tenant: UUID) -> Leaf {
        Leaf(
            tenant: tenant, position: position, stream: streamID, version: version, event: eventID,
            schemaVersion: schemaVersion, recordedAt: recordedAt, type: type)
    }
}

/// Raw input that an event names by its digest.
package struct ExportedEvidence: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case included([UInt8])
        case erased
        case withheld
    }

    /// An exported event whose body holds the digest's text (`sha256:…`).
    package var position: Int64
    package var digest: Events.Digest
    package var mediaType: String
    package var size: Int64
    package var state: State

    package init(position: Int64, digest: Events.Digest, mediaType: String, size: Int64, state: State) {
        self.position = position
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
        self.state = state
    }
}
