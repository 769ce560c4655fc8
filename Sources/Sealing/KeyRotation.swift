package import EventLog
package import Events
package import Foundation
import JSON
package import Proof

/// Puts a new signing key in the place of a tenant's old one, with the old key's signature under it, so that whoever
/// trusts the old key can follow.
///
/// Three steps, each safe to repeat: the new key lies beside the old one; `key.rotated` is in the log, with the handover;
/// the new key takes the old one's place, which is the end of the old one. After a crash the same call goes on where it
/// stopped.
package struct KeyRotation: Sendable {
    private let log: EventLog
    private let keys: SigningKeys
    private let clock: @Sendable () -> Instant

    package init(log: EventLog, keys: SigningKeys, clock: @escaping @Sendable () -> Instant = { .now() }) {
        self.log = log
        self.keys = keys
        self.clock = clock
    }

    /// - Returns: the new public key.
    package func rotate(_ tenant: UUID, reason: String, by actor: Actor) async throws -> VerifierKey {
        guard let old = try keys.find(tenant) else {
            throw SealingError(
                "the tenant has no signing key: it is made with the first checkpoint, or its file was lost")
        }
        let new = try keys.makeSuccessor(tenant)
        let handover = KeyHandover(origin: SigningKeys.origin(of: tenant), successor: new.verifierKey)
        let note = try handover.signed(by: [old, new])
        let event = NewEvent(
            eventID: UUID.v5(namespace: tenant, name: "key.rotated/" + new.verifierKey.text), type: "key.rotated",
            occurredAt: clock(), actor: actor, correlationID: UUID.v7(at: clock()),
            data: [
                "old_key": .string(old.verifierKey.text), "old_fingerprint": .string(old.verifierKey.fingerprint.text),
                "new_key": .string(new.verifierKey.text), "new_fingerprint": .string(new.verifierKey.fingerprint.text),
                "handover": .string(String(decoding: note.bytes, as: UTF8.self)), "reason": .string(reason),
            ])
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: "system", streamID: UUID.v5(namespace: tenant, name: "signing key"),
                caseID: nil, expected: .any, events: [event], evidence: []))
        if case .conflict = verdict { throw SealingError("the rotation was not recorded; repeat it") }
        try keys.promoteSuccessor(tenant)
        return new.verifierKey
    }

    /// The handovers that the log holds, oldest first, and every key that ever signed, the newest last.
    package static func history(
        of tenant: UUID, in log: EventLog, current: VerifierKey
    ) async throws -> (handovers: [SignedNote], keys: [VerifierKey]) {
        var handovers: [SignedNote] = []
        var keys: [VerifierKey] = []
        var next: Int64 = 0
        while true {
            let page = try await log.page(tenant: tenant, from: next, limit: 500, types: ["key.rotated"])
            for event in page.events {
                guard let note = event.data["handover"]?.stringValue, let old = event.data["old_key"]?.stringValue
                else { continue }
                handovers.append(try SignedNote(Array(note.utf8)))
                keys.append(try VerifierKey(text: old))
            }
            guard page.next > next, !page.events.isEmpty else { break }
            next = page.next
        }
        return (handovers, keys.filter { $0 != current } + [current])
    }
}
