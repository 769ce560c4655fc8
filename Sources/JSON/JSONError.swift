/// Why a text is not the JSON that was asked for.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case syntax, encoding, depth, members, duplicate, range, type, required }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// Not JSON by the grammar of RFC 8259.
        package static let syntax = Code(.syntax)
        /// Not UTF-8, or text that PostgreSQL's `json` cannot hold: U+0000, an unpaired surrogate.
        package static let encoding = Code(.encoding)
        /// Nested deeper than allowed.
        package static let depth = Code(.depth)
        /// More members in one object than allowed.
        package static let members = Code(.members)
        /// The same member name twice in one object.
        package static let duplicate = Code(.duplicate)
        /// A number that cannot be kept exactly.
        package static let range = Code(.range)
        /// Another JSON type than the one expected (decoding).
        package static let type = Code(.type)
        /// A member that must be there is not (decoding).
        package static let required = Code(.required)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    package var message: String
    /// Where in the document, as a JSON Pointer (RFC 6901).
    package var pointer: String
    /// Byte offset into the text; `nil` when the error comes from decoding a value.
    package var offset: Int?

    package init(_ code: Code, _ message: String, pointer: String = "", offset: Int? = nil) {
        self.code = code
        self.message = message
        self.pointer = pointer
        self.offset = offset
    }

    package var description: String {
        var text = "\(code): \(message)"
        if !pointer.isEmpty { text += " at \(pointer)" }
        if let offset { text += " (byte \(offset))" }
        return text
    }
}

/// What a text may hold at most. Sizes in bytes are the caller's business, who knows them before reading.
package struct JSONLimits: Sendable, Hashable {
    /// Nesting: a scalar has depth 0, `[]` has 1.
    package var depth: Int
    /// Members in one object.
    package var members: Int

    package init(depth: Int = 64, members: Int = 10_000) {
        self.depth = depth
        self.members = members
    }

    package static let standard = JSONLimits()
}
