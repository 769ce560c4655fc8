package import Events
package import JSON

package import struct Foundation.UUID

/// What became of an alert.
package enum AlertDisposition: String, Codable, Sendable, Hashable, CaseIterable {
    case pending
    case caseOpened = "case_opened"
    case caseJoined = "case_joined"
    case tagged, suppressed
}

/// An alert as the API shows it (contract §1). It is also the fold's state: the next event changes the stored view.
///
/// Every member that can be erased is optional: the alert then shows `null` there.
package struct AlertView: Codable, Sendable, Hashable {
    /// The bytes exactly as received.
    package struct Raw: Codable, Sendable, Hashable {
        package var digest: Digest?
        package var mediaType: String
        package var size: Int64?
        package var href: String
    }

    package struct EntityMention: Codable, Sendable, Hashable {
        package var type: Entity.EntityType
        package var value: String?
        package var role: Entity.Role

        package var key: EntityKey? { value.map { EntityKey(type: type, value: Entity.normalize($0, as: type)) } }
    }

    package var id: UUID
    /// The same, by the name that the answer to a sent alert gives it.
    package var alertID: UUID
    /// Of the newest event in the alert's own stream.
    package var position: Int64
    /// Of the alert's stream.
    package var version: Int64
    package var firstPosition: Int64
    package var receivedAt: Instant
    package var updatedAt: Instant
    package var source: String?
    package var sourceRef: String?
    package var title: String?
    package var description: String?
    package var occurredAt: Instant?
    package var severity: Severity = .unknown
    package var severityID: Int = Severity.unknown.id
    package var confidenceScore: Int?
    package var pattern: String?
    package var sourceURL: String?
    package var rule: JSONValue = .null
    package var attackTechniques: [String] = []
    package var entities: [EntityMention] = []
    package var evidence: JSONValue = []
    package var environment: DeploymentEnvironment = .unknown
    package var region: String?
    package var unmapped: JSONValue = [:]
    package var ocsf: JSONValue = .null
    package var raw: Raw
    package var disposition: AlertDisposition = .pending
    package var caseIDs: [UUID] = []
    package var clockSuspect = false
    package var duplicateCount: Int64 = 0

    init(_ id: UUID, firstSeenIn event: Event) {
        self.id = id
        alertID = id
        position = event.position
        version = 0
        firstPosition = event.position
        receivedAt = event.recordedAt
        updatedAt = event.recordedAt
        raw = Raw(digest: nil, mediaType: "application/json", size: nil, href: "/v1/alerts/\(id.lowercased)/raw")
    }
}
