package import Events
package import Foundation

/// Which version of the stream the author has seen.
package enum ExpectedVersion: Sendable, Hashable {
    case any
    /// 0: the stream must be new.
    case exactly(Int64)
}

/// Raw input exactly as received: stored encrypted, once per content, in the transaction of the events that name it.
package struct Evidence: Sendable, Hashable {
    package var digest: Digest
    package var mediaType: String
    package var bytes: [UInt8]

    package init(mediaType: String, bytes: [UInt8]) {
        digest = .sha256(bytes)
        self.mediaType = mediaType
        self.bytes = bytes
    }
}

/// Events for one stream, recorded together or not at all.
package struct AppendRequest: Sendable {
    package var tenant: UUID
    /// The same for every event of a stream.
    package var streamKind: String
    package var streamID: UUID
    package var caseID: UUID?
    package var expected: ExpectedVersion
    /// 1 to 512.
    package var events: [NewEvent]
    package var evidence: [Evidence]

    package init(
        tenant: UUID, streamKind: String, streamID: UUID, caseID: UUID? = nil, expected: ExpectedVersion,
        events: [NewEvent], evidence: [Evidence] = []
    ) {
        self.tenant = tenant
        self.streamKind = streamKind
        self.streamID = streamID
        self.caseID = caseID
        self.expected = expected
        self.events = events
        self.evidence = evidence
    }
}

/// Where the events of a request lie.
package struct AppendedRange: Sendable, Hashable {
    package var firstPosition: Int64
    package var lastPosition: Int64
    package var firstVersion: Int64
    package var lastVersion: Int64
    /// Of the last event.
    package var recordedAt: Instant
}

/// The log's answer to a request.
package enum AppendVerdict: Sendable, Hashable {
    case appended(AppendedRange)
    /// All of these events are there already, with these very bodies: the first answer stands. Success.
    case duplicate(AppendedRange)
    /// An event of this id is there with another body, type or stream: the first one stands.
    case mismatch(eventID: UUID)
    /// The stream is not at the expected version; nothing was recorded.
    case conflict(current: Int64)
}
