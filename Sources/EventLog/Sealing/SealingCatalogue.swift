package import JSON

/// One member of an event type that can hold personal data.
package struct SealedMember: Sendable, Hashable {
    /// Whose key it is sealed under, and so what is erased together.
    package enum Subject: Sendable, Hashable {
        /// A key of its own: free text, names in passing.
        case item
        /// The key of the entity that the value names; all its occurrences in the tenant share it. The entity's type is
        /// the string `type` beside the member (`{"type": "user", "value": …}`).
        case entity
        /// The same, for a member whose entity type is known from its place.
        case entityOfType(String)
    }

    /// From the event's root, so it begins with `/data/`; `*` stands for every element or member.
    package let pointer: JSONPointer
    package let subject: Subject

    package init(pointer: String, subject: Subject) throws(EventLogError) {
        guard let parsed = JSONPointer(pointer), parsed.tokens.count >= 2, parsed.tokens[0] == "data" else {
            throw EventLogError(.malformed, "a sealed member's pointer begins with /data/: \(pointer)")
        }
        self.pointer = parsed
        self.subject = subject
    }
}

/// Which members of which event type are personal, and how large its events may be. This is knowledge of the domain;
/// the log only obeys it.
package struct SealingCatalogue: Sendable {
    package var members: [String: [SealedMember]]
    /// Bytes of canonical JSON that an event of a type may have, where that is not `eventBytesMaximum`.
    package var bytesMaximum: [String: Int]

    /// Bytes of canonical JSON that an event may have, sealed members included: 256 KiB. What is larger is evidence, which
    /// events cite by digest.
    package static let eventBytesMaximum = 256 << 10

    package init(_ members: [String: [SealedMember]] = [:], bytesMaximum: [String: Int] = [:]) {
        self.members = members
        self.bytesMaximum = bytesMaximum
    }
}
