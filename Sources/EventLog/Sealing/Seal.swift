import Crypto
import Events
import Foundation

/// AES-256-GCM with its nonce apart from the ciphertext, as the tables keep it; the tag ends the ciphertext.
enum Seal {
    static func close(_ bytes: [UInt8], under key: SymmetricKey, binding: [UInt8]) throws -> (
        nonce: [UInt8], ciphertext: [UInt8]
    ) {
        let box = try AES.GCM.seal(bytes, using: key, nonce: nonce(), authenticating: binding)
        return (Array(box.nonce), Array(box.ciphertext) + Array(box.tag))
    }

    /// 96 random bits (NIST SP 800-38D §8.2.2).
    static func nonce() throws -> AES.GCM.Nonce { try AES.GCM.Nonce(data: RandomBytes.make(12)) }

    static func open(
        nonce: [UInt8], ciphertext: [UInt8], under key: SymmetricKey, binding: [UInt8]
    ) throws(EventLogError) -> [UInt8] {
        do {
            let box = try AES.GCM.SealedBox(combined: nonce + ciphertext)
            return Array(try AES.GCM.open(box, using: key, authenticating: binding))
        } catch {
            throw EventLogError(.corrupt, "a ciphertext does not open", cause: error)
        }
    }

    /// What ties a sealed member to its place.
    static func binding(tenant: UUID, event: UUID, n: Int32) -> [UInt8] {
        tenant.bytes + event.bytes + (0..<4).map { UInt8(truncatingIfNeeded: n >> (24 - 8 * Int32($0))) }
    }

    static func binding(tenant: UUID, evidence: Events.Digest) -> [UInt8] { tenant.bytes + evidence.bytes }
}
