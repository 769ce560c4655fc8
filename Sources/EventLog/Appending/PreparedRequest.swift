import Crypto
import Events
import Foundation

/// A request with everything done that can be done outside the tenant's turn: checked, written as bodies, its evidence
/// encrypted. What is left, sealing under the entities' keys, needs the keys that are stored at that moment.
struct PreparedRequest: Sendable {
    struct SealedEvidence: Sendable {
        let evidence: (digest: [UInt8], mediaType: String, size: Int64)
        let keyID: UUID
        let wrappedKey: [UInt8]
        let nonce: [UInt8]
        let ciphertext: [UInt8]
    }

    static let eventsMaximum = 512

    let streamKind: String
    let streamID: UUID
    let caseID: UUID?
    /// nil: any.
    let expectedVersion: Int64?
    let drafts: [Draft]
    let evidence: [SealedEvidence]
    let byteCount: Int

    /// - Parameter key: needed when anything is sealed.
    /// - Throws: `malformed` for a request that no log takes, `unreadable` for a payload that its own readers refuse.
    init(
        _ request: AppendRequest, _ catalogue: SealingCatalogue, _ checks: PayloadChecks, key: TenantKey?
    ) throws(EventLogError) {
        guard (1...Self.eventsMaximum).contains(request.events.count) else {
            throw EventLogError(
                .malformed, "a request has 1 to \(Self.eventsMaximum) events, not \(request.events.count)")
        }
        guard Set(request.events.map(\.eventID)).count == request.events.count else {
            throw EventLogError(.malformed, "two events of one request have the same id")
        }
        streamKind = request.streamKind
        streamID = request.streamID
        caseID = request.caseID
        switch request.expected {
        case .any: expectedVersion = nil
        case .exactly(let version):
            guard version >= 0 else { throw EventLogError(.malformed, "an expected version below 0") }
            expectedVersion = version
        }
        var drafts: [Draft] = []
        for event in request.events {
            guard (1...1024).contains(event.type.utf8.count) else {
                throw EventLogError(.malformed, "an event's type has 1 to 1024 bytes")
            }
            guard Instant.writable.contains(event.occurredAt) else {
                throw EventLogError(.malformed, "occurred_at has no four-digit year")
            }
            try checks.check(event)
            let draft = try Draft(event, of: request, sealing: catalogue.members[event.type] ?? [], key: key)
            let bytesMaximum = catalogue.bytesMaximum[event.type] ?? SealingCatalogue.eventBytesMaximum
            let bytes = draft.byteCount
            guard bytes <= bytesMaximum else {
                throw EventLogError(
                    .tooLarge, "\(event.type) has \(bytes) bytes, and may have \(bytesMaximum)")
            }
            drafts.append(draft)
        }
        self.drafts = drafts
        var evidence: [SealedEvidence] = []
        for item in request.evidence {
            guard let key else { throw EventLogError(.tenantKey, "no tenant key to encrypt evidence with") }
            evidence.append(try Self.sealed(item, request, key))
        }
        self.evidence = evidence
        byteCount =
            evidence.reduce(0) { $0 + $1.ciphertext.count }
            + drafts.reduce(0) { $0 + $1.body.utf8.count + $1.members.reduce(0) { $0 + $1.value.count + 128 } }
    }

    /// Whether sealing is left to do.
    var hasSealedMembers: Bool { drafts.contains { !$0.members.isEmpty } }

    /// Whether anything needs the tenant's key.
    static func needsKey(_ request: AppendRequest, _ catalogue: SealingCatalogue) -> Bool {
        !request.evidence.isEmpty || request.events.contains { catalogue.members[$0.type]?.isEmpty == false }
    }

    private static func sealed(
        _ item: Evidence, _ request: AppendRequest, _ key: TenantKey
    ) throws(EventLogError) -> SealedEvidence {
        guard Events.Digest.sha256(item.bytes) == item.digest else {
            throw EventLogError(.malformed, "evidence does not have the digest that it claims")
        }
        try Draft.refuseNUL(item.mediaType)
        do {
            let dataKey = RandomBytes.key()
            let keyID = UUID.v7(at: request.events[0].occurredAt)
            let box = try Seal.close(
                item.bytes, under: dataKey, binding: Seal.binding(tenant: request.tenant, evidence: item.digest))
            return SealedEvidence(
                evidence: (item.digest.bytes, item.mediaType, Int64(item.bytes.count)), keyID: keyID,
                wrappedKey: try key.wrap(dataKey, id: keyID), nonce: box.nonce, ciphertext: box.ciphertext)
        } catch {
            throw EventLogError(.tenantKey, "evidence cannot be encrypted", cause: error)
        }
    }
}
