import Content
import Events
import Foundation
import JSON

@testable import Cases

/// The people, ids and times that every suite shares.
enum Fixture {
    static let tenant = uuid("00000000-0000-5000-8000-000000000001")
    static let caseID = uuid("00000000-0000-5000-8000-0000000000ca")
    static let start = instant("2026-11-21T02:38:00.123456Z")

    static let docket = Actor(kind: .service, subject: "docket.pipeline", lane: .system)
    static let timer = Actor(kind: .timer, subject: "docket.timer", lane: .system)
    static let alice = person("alice")
    static let bob = person("bob")
    static let carol = person("carol")

    static func person(_ subject: String) -> Actor { Actor(kind: .person, subject: subject, lane: .analyst) }

    static func uuid(_ text: String) -> UUID {
        guard let uuid = UUID(uuidString: text) else { preconditionFailure("\(text) is no UUID") }
        return uuid
    }

    /// The same name gives the same id on every run: golden files need that.
    static func id(_ name: String) -> UUID { UUID.v5(namespace: tenant, name: name) }

    static func instant(_ text: String) -> Instant {
        guard let instant = Instant(rfc3339: text) else { preconditionFailure("\(text) is no RFC 3339 time") }
        return instant
    }

    static func principal(_ subject: String, _ roles: Set<Role>, token: String = "token") -> Principal {
        Principal(
            tenant: tenant, identity: Identity(subject: subject), roles: roles, tokenID: id("\(token) of \(subject)"))
    }

    static func analyst(_ subject: String = "alice") throws -> Permit<HandleCases> {
        try principal(subject, [.analyst]).permit()
    }

    static func responder(_ subject: String, token: String = "token") throws -> Permit<Respond> {
        try principal(subject, [.responder], token: token).permit()
    }

    static func policy() throws -> Policy {
        try JSONValue.parse(Array(Content.defaultPolicy.utf8)).decode()
    }

    /// An event of a stream that is not a case's.
    static func governance(
        _ type: EventType, _ data: JSONValue, by actor: Actor = docket, position: Int64 = 0
    ) -> Event {
        Event(
            position: position, eventID: id("governance/\(position)/\(type.rawValue)"), type: type.rawValue,
            streamKind: "tenant", streamID: tenant, version: position + 1, caseID: nil,
            recordedAt: start.adding(milliseconds: position), occurredAt: start, actor: actor, correlationID: tenant,
            data: data)
    }
}
