package import Cases
package import Events
import JSON

package import struct Foundation.UUID

/// Why and in whose name events are written: turns decisions into events.
///
/// A person's events get fresh ids. A reactor's are derived from the event that it reacts to, so that doing it twice
/// gives the same ids, and the log says `duplicate` instead of doubling.
package struct Cause: Sendable {
    package var actor: Actor
    package var causedBy: UUID?
    package var correlationID: UUID
    package var traceID: String?
    package var occurredAt: Instant
    private var derivation: Derivation?

    private struct Derivation: Sendable {
        var reactor: String
        var cause: UUID
    }

    /// Somebody asked for it.
    package init(command actor: Actor, traceID: String?, correlationID: UUID? = nil, at now: Instant) {
        self.actor = actor
        self.traceID = traceID
        self.correlationID = correlationID ?? UUID.v7(at: now)
        occurredAt = now
    }

    /// An event led to it.
    package init(reactor: String, actor: Actor? = nil, reactingTo event: Event, at now: Instant) {
        self.actor = actor ?? Actor(kind: .service, subject: "docket.\(reactor)", lane: .system)
        causedBy = event.eventID
        correlationID = event.correlationID
        traceID = event.traceID
        occurredAt = now
        derivation = Derivation(reactor: reactor, cause: event.eventID)
    }

    /// A moment came. Derived from what became due, so that any number of timers fire it once.
    package init(timer key: String, in stream: UUID, correlationID: UUID, at now: Instant) {
        actor = Actor(kind: .timer, subject: "docket.timer", lane: .system)
        self.correlationID = correlationID
        occurredAt = now
        derivation = Derivation(reactor: "timer:\(key)", cause: stream)
    }

    /// - Parameter salt: tells several appends of one cause apart, for example the step of a run.
    package func events(for decisions: [Decision], salt: String = "") -> [NewEvent] {
        decisions.enumerated().map { ordinal, decision in
            let id = derivation.map { derivation in
                UUID.v5(namespace: derivation.cause, name: "\(derivation.reactor)/\(salt)/\(ordinal)")
            }
            return NewEvent(
                eventID: id ?? UUID.v7(at: occurredAt), type: decision.type.rawValue, occurredAt: occurredAt,
                actor: actor, causedBy: causedBy, correlationID: correlationID, traceID: traceID, data: decision.data)
        }
    }
}
