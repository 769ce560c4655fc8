/// Why a body cannot be split into items. What is wrong with a single item is an outcome, not an error.
package struct IntakeError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case bodyTooLarge, itemTooLarge, tooManyItems, syntax }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// 413.
        package static let bodyTooLarge = Code(.bodyTooLarge)
        /// 413.
        package static let itemTooLarge = Code(.itemTooLarge)
        /// 413.
        package static let tooManyItems = Code(.tooManyItems)
        /// A JSON array that is none, or one with a broken element: 400.
        package static let syntax = Code(.syntax)

        package var description: String { kind.rawValue }
    }

    package var code: Code
    package var message: String
    /// The item, counted from 0, where it is one item's fault.
    package var item: Int?
    /// Byte offset into the body.
    package var offset: Int?

    init(_ code: Code, _ message: String, item: Int? = nil, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.item = item
        self.offset = offset
    }

    package var description: String {
        var text = "\(code): \(message)"
        if let item { text += " (item \(item))" }
        if let offset { text += " (byte \(offset))" }
        return text
    }
}
