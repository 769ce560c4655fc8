import Crypto
import Events
import Foundation
import JSON

/// An event made ready to be written: its body, and what was taken out of it to be sealed.
///
/// Everything here follows from the event and the tenant's key alone, so the same event gives the same body again, and
/// a resubmitted one is recognized byte for byte. What is random (salts, nonces, keys) is outside the body.
struct Draft: Sendable {
    struct Member: Sendable {
        let keyID: UUID
        /// A key of this value alone, new with it; nil: the entity's key, which may exist already.
        let hasOwnKey: Bool
        /// Canonical JSON.
        let value: [UInt8]
        let salt: [UInt8]
        /// SHA-256(salt ‖ value): what the leaf binds, and what stays after an erasure.
        let digest: [UInt8]
    }

    let event: NewEvent
    let actor: String
    let body: String
    let members: [Member]

    /// Bytes of the event, sealed members included.
    var byteCount: Int { body.utf8.count + members.reduce(0) { $0 + $1.value.count } }

    init(
        _ event: NewEvent, of request: AppendRequest, sealing catalogue: [SealedMember], key: TenantKey?
    ) throws(EventLogError) {
        self.event = event
        let actor: JSONValue = [
            "kind": .string(event.actor.kind.rawValue), "issuer": .string(event.actor.issuer),
            "subject": .string(event.actor.subject), "lane": .string(event.actor.lane.rawValue),
        ]
        self.actor = actor.canonicalString()

        var envelope = JSONValue.object([
            "type": .string(event.type), "schema_version": .integer(Int64(event.schemaVersion)),
            "stream_kind": .string(request.streamKind), "case_id": .uuid(request.caseID),
            "occurred_at": .string(event.occurredAt.rfc3339), "actor": actor, "caused_by": .uuid(event.causedBy),
            "correlation_id": .uuid(event.correlationID), "trace_id": event.traceID.map { .string($0) } ?? .null,
            "data": try Marker.escaped(event.data),
        ])
        try Self.refuseUnkeepable(envelope, depth: 0)

        var members: [Member] = []
        for (pointer, member) in Self.targets(in: envelope, catalogue) {
            guard let key else { throw EventLogError(.tenantKey, "no tenant key to seal with") }
            let value = envelope.at(pointer) ?? .null
            let canonical = value.canonicalBytes()
            let label = try Self.label(of: member, at: pointer, in: envelope, event.type)
            let code = key.match(label, canonical)
            envelope = envelope.replacing(at: pointer, with: Marker(n: Int32(members.count), code: code).json)
            let salt = RandomBytes.make(32)
            members.append(
                Member(
                    keyID: member.subject == .item
                        ? .v7(at: event.occurredAt) : SubjectKeyID.derive(tenant: request.tenant, code: code),
                    hasOwnKey: member.subject == .item, value: canonical, salt: salt,
                    digest: Array(SHA256.hash(data: salt + canonical))))
        }
        self.members = members
        body = envelope.canonicalString()
    }

    /// The members to seal, outermost only: what lies within a sealed one goes with it. `null` has nothing to hide.
    private static func targets(
        in envelope: JSONValue, _ catalogue: [SealedMember]
    ) -> [(pointer: JSONPointer, member: SealedMember)] {
        var seen: Set<JSONPointer> = []
        let found = catalogue.flatMap { member in
            envelope.pointers(matching: member.pointer).map { (pointer: $0, member: member) }
        }
        .filter { seen.insert($0.pointer).inserted && envelope.at($0.pointer)?.isNull == false }
        return found.filter { target in
            let tokens = target.pointer.tokens
            return !(1..<tokens.count).contains { seen.contains(JSONPointer(tokens: Array(tokens.prefix($0)))) }
        }
    }

    /// The type that the matching code covers.
    private static func label(
        of member: SealedMember, at pointer: JSONPointer, in envelope: JSONValue, _ eventType: String
    ) throws(EventLogError) -> String {
        switch member.subject {
        case .item: return "\(eventType)\(member.pointer)"
        case .entityOfType(let type): return type
        case .entity:
            let parent = JSONPointer(tokens: pointer.tokens.dropLast())
            guard let type = envelope.at(parent)?["type"]?.stringValue else {
                throw EventLogError(.malformed, "\(eventType): no `type` beside the entity value at \(pointer)")
            }
            return type
        }
    }

    /// PostgreSQL's `json` would store U+0000, and every later reading of the row in SQL would fail. (A lone surrogate
    /// cannot be in a Swift string.) A number that strict reading refuses would stop every reader at this event.
    private static func refuseUnkeepable(_ value: JSONValue, depth: Int) throws(EventLogError) {
        guard depth <= Body.depthMaximum else {
            throw EventLogError(.malformed, "the event is nested deeper than \(Body.depthMaximum)")
        }
        switch value {
        case .string(let text): try refuseNUL(text)
        case .integer, .number:
            guard !value.isIntegerBeyondExactness else {
                throw EventLogError(.malformed, "the event holds an integer beyond ±2^53")
            }
        case .array(let elements): for element in elements { try refuseUnkeepable(element, depth: depth + 1) }
        case .object(let members):
            for (key, member) in members {
                try refuseNUL(key)
                try refuseUnkeepable(member, depth: depth + 1)
            }
        default: break
        }
    }

    static func refuseNUL(_ text: String) throws(EventLogError) {
        guard !text.utf8.contains(0) else { throw EventLogError(.malformed, "the event holds U+0000") }
    }
}

enum SubjectKeyID {
    private static let namespace = UUID.v5(
        namespace: UUID(
            uuid: (0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8)),
        name: "docket:subject-key")

    /// The key id of an entity: from its matching code, so that all its occurrences find the same key and the id alone
    /// tells nothing.
    static func derive(tenant: UUID, code: [UInt8]) -> UUID {
        .v5(namespace: .v5(namespace: namespace, name: tenant.bytes), name: code)
    }
}

extension JSONValue {
    static func uuid(_ id: UUID?) -> JSONValue { id.map { .string($0.lowercased) } ?? .null }
}
