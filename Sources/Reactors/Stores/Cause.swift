package import Cases
package import Events
import JSON

package import struct Foundation.UUID

/// Why and in whose name events are written: turns decisions into events.
///
/// A person's events get fresh ids, unless the request can be repeated: then the same content has the same id, and a
/// repetition records nothing twice. A reactor's are derived from the event that it reacts to, so that doing it twice
/// gives the same ids, and the log says `duplicate` instead of doubling.
package struct Cause: Sendable {
    package var actor: Actor
    package var causedBy: UUID?
    package var correlationID: UUID
    package var traceID: String?
    package var occurredAt: Instant
    private var derivation: Derivation?
    private var repetition: UUID?

    private struct Derivation: Sendable {
        var reactor: String
        var cause: UUID
    }

    /// Somebody asked for it.
    /// - Parameter repetition: the same for each repetition of this request, and for no other one.
    package init(
        command actor: Actor, traceID: String?, correlationID: UUID? = nil, repetition: UUID? = nil, at now: Instant
    ) {
        self.repetition = repetition
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

    /// - Parameters:
    ///   - salt: tells several appends of one cause apart, for example the step of a run.
    ///   - stream: where they go; the same content in two streams is two events.
    package func events(for decisions: [Decision], salt: String = "", stream: UUID? = nil) -> [NewEvent] {
        decisions.enumerated().map { ordinal, decision in
            var id = derivation.map { derivation in
                UUID.v5(namespace: derivation.cause, name: "\(derivation.reactor)/\(salt)/\(ordinal)")
            }
            if let repetition, let stream {
                let content = Digest.sha256(decision.data.canonicalBytes()).text
                let name = "\(stream.lowercased)/\(salt)/\(decision.type.rawValue)/\(content)/\(ordinal)"
                id = UUID.v5(namespace: repetition, name: name)
            }
            return NewEvent(
                eventID: id ?? UUID.v7(at: occurredAt), type: decision.type.rawValue, occurredAt: occurredAt,
                actor: actor, causedBy: causedBy, correlationID: correlationID, traceID: traceID, data: decision.data)
        }
    }
}
