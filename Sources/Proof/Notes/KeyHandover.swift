/// "From now on this key signs, too": a note in which a key of a log names its successor.
///
/// Whoever trusts the old key may trust the new one from here. The second line is no number, so that this can never be
/// taken for a checkpoint.
package struct KeyHandover: Sendable, Hashable {
    package static let heading = "docket-key-handover/v1"

    package var origin: String
    package var successor: VerifierKey

    package init(origin: String, successor: VerifierKey) {
        self.origin = origin
        self.successor = successor
    }

    package var text: String { "\(Self.heading)\n\(origin)\n\(successor.text)\n" }

    package init(text: String) throws(ProofError) {
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        guard lines.count == 4, lines[0] == Self.heading, !lines[1].isEmpty, lines[3].isEmpty else {
            throw ProofError(.malformed, "this is no handover of a key")
        }
        self.init(origin: lines[1], successor: try VerifierKey(text: lines[2]))
    }

    /// Signs it with the key that is handed over from, and best with the new one, too, as proof that it is held.
    package func signed(by keys: [SigningKey]) throws(ProofError) -> SignedNote {
        try SignedNote(text: text, signedBy: keys)
    }

    /// All keys that the known ones lead to, over handovers in any order.
    ///
    /// A handover that is malformed, of another log, or signed by no key that is trusted leads nowhere.
    package static func trusted(
        from known: [VerifierKey], over handovers: [SignedNote], origin: String
    ) -> [VerifierKey] {
        var trusted = known
        var rest = handovers
        while true {
            var left: [SignedNote] = []
            for note in rest {
                do {
                    _ = try note.verify(by: trusted)
                    let handover = try KeyHandover(text: note.text)
                    if handover.origin == origin, !trusted.contains(handover.successor) {
                        trusted.append(handover.successor)
                    }
                } catch {
                    left.append(note)
                }
            }
            if left.count == rest.count { return trusted }
            rest = left
        }
    }
}
