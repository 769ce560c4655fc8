import Foundation

/// One signature line of a note.
package struct NoteSignature: Sendable, Hashable {
    package var name: String
    package var keyID: UInt32
    /// What follows the key id: 64 bytes for Ed25519, anything for types unknown here.
    package var bytes: [UInt8]

    var line: String { "\u{2014} \(name) \(Base64.encode(keyID.bigEndianBytes + bytes))\n" }
}

/// Text signed by one or more keys: C2SP signed-note, Go's `golang.org/x/mod/sumdb/note`.
///
/// The text means nothing until `verify` has passed with a key that was known beforehand.
package struct SignedNote: Sendable, Hashable {
    /// With its final newline, without the blank line that ends it.
    package let text: String
    package let signatures: [NoteSignature]

    /// The specification demands that at least 16 are read.
    package static let signatureLimit = 100
    /// More than any checkpoint with 100 post-quantum signatures.
    package static let byteLimit = 1 << 20

    /// Signs a text, which must end in a newline.
    package init(text: String, signedBy keys: [SigningKey]) throws(ProofError) {
        guard text.hasSuffix("\n"), Self.isClean(text.utf8) else {
            throw ProofError(.malformed, "the text of a note ends in a newline and has no other control characters")
        }
        self.text = text
        var signatures: [NoteSignature] = []
        for key in keys { signatures.append(try key.signature(over: Array(text.utf8))) }
        self.signatures = signatures
    }

    /// The same text with further signatures: a new key beside an old one, a witness.
    package func signed(by keys: [SigningKey]) throws(ProofError) -> SignedNote {
        let added = try SignedNote(text: text, signedBy: keys).signatures
        return SignedNote(text: text, signatures: signatures + added)
    }

    private init(text: String, signatures: [NoteSignature]) {
        self.text = text
        self.signatures = signatures
    }

    /// Reads a note strictly; says nothing about who signed it.
    package init(_ bytes: [UInt8]) throws(ProofError) {
        guard bytes.count <= Self.byteLimit, Self.isClean(bytes), let note = String(validating: bytes, as: UTF8.self)
        else { throw ProofError(.malformed, "a note is UTF-8 without control characters, up to 1 MiB") }
        let all = Array(note.utf8)
        guard let blank = Self.lastBlankLine(of: all) else {
            throw ProofError(.malformed, "a note has a blank line before its signatures")
        }
        let lines = String(decoding: all[(blank + 1)...], as: UTF8.self)
        guard lines.hasSuffix("\n") else { throw ProofError(.malformed, "a note ends in a newline") }
        var signatures: [NoteSignature] = []
        for line in lines.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            signatures.append(try Self.signature(line))
        }
        guard signatures.count <= Self.signatureLimit else {
            throw ProofError(.malformed, "a note with more than \(Self.signatureLimit) signatures")
        }
        text = String(decoding: all[..<blank], as: UTF8.self)
        self.signatures = signatures
    }

    package var bytes: [UInt8] { Array((text + "\n" + signatures.map(\.line).joined()).utf8) }

    /// The known keys that signed; never empty.
    ///
    /// Signatures of unknown keys are passed over, as the specification demands, so that rotation and witnesses are
    /// possible. A wrong signature of a known key refuses the note, whatever else it has.
    /// - Throws: `signature` or `unknownKey`.
    package func verify(by keys: [VerifierKey]) throws(ProofError) -> [VerifierKey] {
        let signed = Array(text.utf8)
        var found: [VerifierKey] = []
        for signature in signatures {
            for key in keys where key.name == signature.name && key.id == signature.keyID {
                guard key.verifies(signature.bytes, over: signed) else {
                    throw ProofError(.signature, "the signature of \(key.name)+\(key.idText) is not valid")
                }
                if !found.contains(key) { found.append(key) }
            }
        }
        guard !found.isEmpty else { throw ProofError(.unknownKey, "no signature of a known key") }
        return found
    }

    private static func isClean(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 || $0 == 0x0A }
    }

    /// Where the blank line is, as the offset of its newline; the text before it is not empty.
    private static func lastBlankLine(of bytes: [UInt8]) -> Int? {
        var index = bytes.count - 2
        while index > 0 {
            if bytes[index] == 0x0A, bytes[index - 1] == 0x0A { return index }
            index -= 1
        }
        return nil
    }

    private static func signature(_ line: Substring) throws(ProofError) -> NoteSignature {
        let parts = line.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 3, parts[0].unicodeScalars.elementsEqual("\u{2014}".unicodeScalars),
            KeyName.isValid(parts[1]), let bytes = Base64.decode(parts[2]), bytes.count >= 5
        else { throw ProofError(.malformed, "a signature line is: em dash, space, name, space, base64") }
        return NoteSignature(
            name: parts[1], keyID: bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }, bytes: Array(bytes.dropFirst(4)))
    }
}
