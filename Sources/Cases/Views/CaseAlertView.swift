package import Events

package import struct Foundation.UUID

/// Why an alert is part of a case: an item of `GET /v1/cases/{id}/alerts`. What the alert says is `GET /v1/alerts/{id}`.
package struct CaseAlertView: Codable, Sendable, Hashable {
    package enum JoinedBy: String, Codable, Sendable, Hashable {
        /// The first one.
        case opened
        case overlap, tagged, merge, split
    }

    package var alertID: UUID
    package var occurredAt: Instant
    /// The event that brought it here.
    package var eventID: UUID
    package var joinedBy: JoinedBy
    /// `nil` where nothing was compared: for the first one, and for what people moved.
    package var overlapScore: Double?
    package var sharedEntities: [CaseAlertLinked.SharedEntity]
    package var alsoFits: [CaseAlertLinked.OtherFit]
    package var joinedDuringRun: Bool

    package init(_ alert: CaseRecord.LinkedAlert) {
        alertID = alert.alertID
        occurredAt = alert.occurredAt
        eventID = alert.eventID
        joinedDuringRun = alert.joinedDuringRun
        sharedEntities = alert.joining?.sharedEntities ?? []
        alsoFits = alert.joining?.alsoFits ?? []
        guard let joining = alert.joining else {
            joinedBy = .opened
            return
        }
        joinedBy = joining.by.flatMap { JoinedBy(rawValue: $0.rawValue) } ?? .overlap
        if joinedBy == .overlap || joinedBy == .tagged { overlapScore = joining.overlapScore }
    }
}
