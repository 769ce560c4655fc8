/// What is wrong with one member of an input: an item of a problem document's `errors` (RFC 9457).
package struct FieldError: Sendable, Hashable, Codable {
    package enum Code: String, Sendable, Hashable, Codable {
        case required, type, `enum`, format, range, length, syntax, encoding
        case unknownParameter = "unknown_parameter"
    }

    /// JSON Pointer (RFC 6901) into the input.
    package var pointer: String
    package var code: Code
    package var detail: String
    /// The values that would be right, where there are few.
    package var allowed: [String]?

    package init(_ pointer: String, _ code: Code, _ detail: String, allowed: [String]? = nil) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
        self.allowed = allowed
    }
}
