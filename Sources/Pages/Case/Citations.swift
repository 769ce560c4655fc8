package import Events
import JSON

package import struct Foundation.UUID

/// Where the events stand that a page cites: each citation is a link to its line in the page's history.
package struct Citations: Sendable {
    private struct Place {
        var position: Int64
        var type: String
    }

    private var places: [UUID: Place] = [:]

    init(_ lines: [TimelineLine]) {
        for line in lines { places[line.eventID] = Place(position: line.position, type: line.type) }
    }

    /// In order of the log; an event that is not on the page cannot be linked and is counted instead.
    func links(_ ids: JSONValue?) -> JSONValue {
        links((ids?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(UUID.init(uuidString:)) })
    }

    func links(_ ids: [UUID]) -> JSONValue {
        let known = ids.compactMap { places[$0] }.sorted { $0.position < $1.position }
        return .array(
            known.map { place in
                [
                    "href": .string("#event-\(place.position)"), "label": .string("\(place.position)"),
                    "what": .string(Words.event(place.type)),
                ]
            })
    }
}

/// A line of the history of a case.
package struct TimelineLine: Sendable {
    package var eventID: UUID
    package var position: Int64
    package var type: String
    package var recordedAt: Instant
    package var actor: Actor
    /// What the event says, in a sentence; empty when its name says it all.
    package var text: String
    /// Whether it lies in the stream of the case itself, and not in that of an alert or an asset that is cited.
    package var isOfCase: Bool

    package init(
        eventID: UUID, position: Int64, type: String, recordedAt: Instant, actor: Actor, text: String, isOfCase: Bool
    ) {
        self.eventID = eventID
        self.position = position
        self.type = type
        self.recordedAt = recordedAt
        self.actor = actor
        self.text = text
        self.isOfCase = isOfCase
    }

    package init(_ event: Event) {
        self.init(
            eventID: event.eventID, position: event.position, type: event.type, recordedAt: event.recordedAt,
            actor: event.actor, text: EventText.sentence(event), isOfCase: true)
    }
}
