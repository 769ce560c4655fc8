package import Events
package import JSON

/// The `data` of one event type.
package protocol Payload: Codable, Sendable, Hashable {
    static var type: EventType { get }
}

extension Event {
    /// - Throws: `JSONError` when the data does not have the shape of the type: a poison event, never skipped.
    package func payload<P: Payload>(_ type: P.Type = P.self) throws -> P {
        try data.decode(P.self)
    }

    /// The domain's name for this event, `nil` for one that a newer version wrote.
    package var kind: EventType? { EventType(rawValue: type) }
}

/// An event that a decision wants written: what happened, before anyone gave it an id or a place.
package struct Decision: Sendable, Hashable {
    package var type: EventType
    package var data: JSONValue

    package init(_ payload: some Payload) {
        self.init(type: Swift.type(of: payload).type, payload)
    }

    /// For events whose data another module made, such as a run's steps.
    package init(type: EventType, data: JSONValue) {
        self.type = type
        self.data = data
    }

    /// For payloads that several event types share.
    package init(type: EventType, _ payload: some Encodable) {
        self.type = type
        do {
            data = try JSONValue(encoding: payload)
        } catch {
            preconditionFailure("\(type.rawValue) cannot be written as JSON: \(error)")
        }
    }
}
