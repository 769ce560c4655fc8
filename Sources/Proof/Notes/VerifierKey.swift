import Crypto
package import Events
import Foundation

/// A public Ed25519 key with the name that it signs under: C2SP signed-note, Verifier keys.
///
/// Written `<name>+<key id, 8 hexadecimal digits>+<base64(0x01 ‖ 32 bytes)>`.
package struct VerifierKey: Sendable, Hashable {
    static let ed25519: UInt8 = 1

    package let name: String
    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key): tells keys of one name apart, protects nothing.
    package let id: UInt32
    /// 32 bytes (RFC 8032).
    package let publicKey: [UInt8]

    package init(name: String, publicKey: [UInt8]) throws(ProofError) {
        guard KeyName.isValid(name) else { throw ProofError(.malformed, "a key name has no space and no plus") }
        guard publicKey.count == 32 else { throw ProofError(.malformed, "an Ed25519 key has 32 bytes") }
        self.name = name
        self.publicKey = publicKey
        id = KeyName.id(name: name, publicKey: publicKey)
    }

    /// Reads the text form strictly; a key id that is not the key's is refused.
    package init(text: String) throws(ProofError) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.first == Self.ed25519 else {
            throw ProofError(.malformed, "a verifier key is <name>+<8 hexadecimal digits>+<base64>, of type Ed25519")
        }
        try self.init(name: parts[0], publicKey: Array(bytes.dropFirst()))
        guard parts[1] == idText else { throw ProofError(.malformed, "the key id is not that of the key") }
    }

    package var text: String { "\(name)+\(idText)+\(Base64.encode([Self.ed25519] + publicKey))" }

    var idText: String { id.bigEndianBytes.hexadecimal }

    /// SHA-256 of the public key: what is compared by telephone or on paper.
    package var fingerprint: Events.Digest { .sha256(publicKey) }

    /// Whether the signature is the key's, over exactly these bytes (RFC 8032).
    package func verifies(_ signature: [UInt8], over text: [UInt8]) -> Bool {
        guard signature.count == 64, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else {
            return false  // 32 bytes that are no point of the curve verify nothing
        }
        return key.isValidSignature(signature, for: text)
    }
}

/// A private key that signs notes.
package struct SigningKey: Sendable {
    package let name: String
    private let key: Curve25519.Signing.PrivateKey

    /// A new key.
    package init(name: String) throws(ProofError) {
        try self.init(name: name, key: Curve25519.Signing.PrivateKey())
    }

    /// The key of a 32-byte seed (RFC 8032).
    package init(name: String, seed: [UInt8]) throws(ProofError) {
        let key: Curve25519.Signing.PrivateKey
        do {
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        } catch {
            throw ProofError(.malformed, "an Ed25519 seed has 32 bytes", cause: error)
        }
        try self.init(name: name, key: key)
    }

    /// Reads `PRIVATE+KEY+<name>+<key id>+<base64(0x01 ‖ seed)>`, the form of Go's `sumdb/note`.
    package init(text: String) throws(ProofError) {
        let parts = text.split(separator: "+", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", let bytes = Base64.decode(parts[4]),
            bytes.first == VerifierKey.ed25519
        else { throw ProofError(.malformed, "this is no private key of a note") }
        try self.init(name: parts[2], seed: Array(bytes.dropFirst()))
        guard parts[3] == verifierKey.idText else { throw ProofError(.malformed, "the key id is not that of the key") }
    }

    private init(name: String, key: Curve25519.Signing.PrivateKey) throws(ProofError) {
        guard KeyName.isValid(name) else { throw ProofError(.malformed, "a key name has no space and no plus") }
        self.name = name
        self.key = key
        verifierKey = try VerifierKey(name: name, publicKey: Array(key.publicKey.rawRepresentation))
    }

    package let verifierKey: VerifierKey

    /// The secret itself, for the key file.
    package var text: String {
        let secret = Base64.encode([VerifierKey.ed25519] + Array(key.rawRepresentation))
        return "PRIVATE+KEY+\(name)+\(verifierKey.idText)+\(secret)"
    }

    func signature(over text: [UInt8]) throws(ProofError) -> NoteSignature {
        do {
            return NoteSignature(name: name, keyID: verifierKey.id, bytes: Array(try key.signature(for: text)))
        } catch {
            throw ProofError(.signature, "the note could not be signed", cause: error)
        }
    }
}

enum KeyName {
    static func isValid(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { $0 != "+" && $0.value >= 0x20 && !$0.properties.isWhitespace }
    }

    static func id(name: String, publicKey: [UInt8]) -> UInt32 {
        let hash = TreeHash.sha256(Array(name.utf8) + [0x0A, VerifierKey.ed25519] + publicKey).bytes
        return hash.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * $0)) } }
}

/// Standard base64 with padding (RFC 4648 §4), one text for one value.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    static func decode(_ text: String) -> [UInt8]? {
        guard let data = Data(base64Encoded: text) else { return nil }
        let bytes = Array(data)
        return encode(bytes) == text ? bytes : nil
    }
}
