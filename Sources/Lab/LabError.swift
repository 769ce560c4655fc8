/// Why the lab refused: an RFC 9457 problem in the making.
package struct LabError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The last part of the problem's `type` (contract §9), with the HTTP status that goes with it.
        package let description: String
        package let status: Int

        package static let malformedBody = Code(description: "malformed-body", status: 400)
        package static let idempotencyKeyRequired = Code(description: "idempotency-key-required", status: 400)
        package static let notFound = Code(description: "not-found", status: 404)
        package static let methodNotAllowed = Code(description: "method-not-allowed", status: 405)
        /// The world is not in a state in which this operation makes sense: a rule to revoke that is not there.
        package static let notApplicable = Code(description: "not-applicable", status: 409)
        /// A `refuse` fault was laid for this operation.
        package static let refused = Code(description: "refused", status: 409)
        package static let bodyTooLarge = Code(description: "body-too-large", status: 413)
        package static let validationFailed = Code(description: "validation-failed", status: 422)
        package static let idempotencyKeyReused = Code(description: "idempotency-key-reused", status: 422)
        /// The state file cannot be read or written; nothing was applied.
        package static let storage = Code(description: "internal", status: 500)
        /// The address to listen on is not a loopback address.
        package static let notLoopback = Code(description: "not-loopback", status: 500)
    }

    package var code: Code
    package var message: String
    /// JSON Pointer into the request body, where the trouble has a place.
    package var pointer: String?
    package var file: String
    package var line: Int

    package init(
        _ code: Code, _ message: String, pointer: String? = nil, file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.pointer = pointer
        self.file = file
        self.line = line
    }

    package var description: String { "\(code): \(message)" }
}
