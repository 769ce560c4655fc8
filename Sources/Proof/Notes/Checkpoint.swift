/// What a log says of itself at one size: the text of a C2SP tlog-checkpoint.
package struct Checkpoint: Sendable, Hashable {
    /// The log's identity; each tenant has one of its own.
    package var origin: String
    package var size: Int64
    package var root: TreeHash
    /// Signed, but opaque.
    package var extensions: [String]

    package init(origin: String, size: Int64, root: TreeHash, extensions: [String] = []) {
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// The signed part: origin, size and root, each on its line, then the extensions.
    package var text: String {
        ([origin, String(size), root.base64] + extensions).map { $0 + "\n" }.joined()
    }

    /// Reads the signed part strictly: one text for one checkpoint.
    package init(text: String) throws(ProofError) {
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        guard lines.count >= 4, lines.removeLast().isEmpty, lines.allSatisfy({ !$0.isEmpty }) else {
            throw ProofError(.malformed, "a checkpoint has at least three lines and no empty one")
        }
        guard let size = Int64(lines[1]), size >= 0, String(size) == lines[1] else {
            throw ProofError(.malformed, "the second line of a checkpoint is its size")
        }
        guard let root = Base64.decode(lines[2]).flatMap({ TreeHash($0) }) else {
            throw ProofError(.malformed, "the third line of a checkpoint is its root")
        }
        self.init(origin: lines[0], size: size, root: root, extensions: Array(lines.dropFirst(3)))
        // What splits or joins differently would be another text of the same checkpoint.
        guard Array(self.text.utf8) == Array(text.utf8) else { throw ProofError(.malformed, "an ambiguous checkpoint") }
    }

    /// Signs it, by several keys while one replaces the other.
    package func signed(by keys: [SigningKey]) throws(ProofError) -> SignedNote {
        guard !origin.isEmpty, size >= 0 else { throw ProofError(.malformed, "a checkpoint has an origin and a size") }
        return try SignedNote(text: text, signedBy: keys)
    }

    /// Reads a note whose text is a checkpoint and that a known key has signed.
    package init(_ note: SignedNote, verifiedBy keys: [VerifierKey]) throws(ProofError) {
        _ = try note.verify(by: keys)
        try self.init(text: note.text)
    }
}
