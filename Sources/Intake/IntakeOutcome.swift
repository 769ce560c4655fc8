package import Events

package import struct Foundation.UUID

/// What became of an item: an alert, or a dead letter with every reason.
package enum IntakeOutcome: Sendable, Hashable {
    case accepted(AcceptedAlert)
    case rejected(RejectedAlert)
}

/// The form of an item, as its media type says or as `BatchReader.detect(_:)` finds.
package enum IntakeFormat: String, Sendable, Hashable, CaseIterable {
    /// Docket's own form (contract §1).
    case native
    /// An OCSF finding.
    case ocsf
    /// A CloudEvents 1.0 event in structured JSON, whose data is one of the other two.
    case cloudEvents

    /// The media type under which the bytes are kept.
    package var mediaType: String {
        switch self {
        case .native, .ocsf: "application/json"
        case .cloudEvents: "application/cloudevents+json"
        }
    }
}

/// An alert that may enter the log.
package struct AcceptedAlert: Sendable, Hashable {
    package var source: String
    package var sourceRef: String
    /// Derived from tenant, source and source reference: the same alert always gets the same id.
    package var alertID: UUID
    /// Of the bytes as received.
    package var rawDigest: Digest
    /// Bytes.
    package var rawSize: Int
    package var mediaType: String
    package var alert: NormalizedAlert
    /// What was repaired, kept aside or left out, for the sender.
    package var warnings: [String]
}

/// An item that is no alert. Its bytes are kept all the same.
package struct RejectedAlert: Sendable, Hashable {
    package var rawDigest: Digest
    /// Bytes.
    package var rawSize: Int
    package var mediaType: String
    /// As far as it could be read.
    package var source: String?
    package var sourceRef: String?
    /// One sentence for a list of dead letters.
    package var reason: String
    /// All of them, at least one, at most `IntakeLimits.errors`.
    package var errors: [FieldError]
}
