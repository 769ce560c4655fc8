/// Why the log did not do what it was asked. Verdicts on a request (`AppendVerdict`) are no errors.
package struct EventLogError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Too much waits to be written: try again later (HTTP 503 with `Retry-After`).
        case queueFull
        /// There is no tenant of this id.
        case unknownTenant
        /// The tenant was moved or restored elsewhere: this place must not write for it any more.
        case fenced
        /// This process's clock is more than 5 s behind the tenant's last event, or more than 1 s off the database's.
        case clockBehind
        /// The request breaks a rule that every request must keep: a defect of the caller, or hostile input.
        case malformed
        /// The payload is not what the readers of its type expect: a defect of the author. Sent again, it is refused again.
        case unreadable
        /// An event is larger than its type may be: what is large belongs into evidence, which the event cites.
        case tooLarge
        /// The tenant's key file is missing although the tenant has sealed data, or cannot be read or made.
        case tenantKey
        /// Whether the request was recorded is unknown even after asking again; the same event ids may be resubmitted.
        case outcomeUnknown
        /// The database cannot be reached or refused for a reason of its own; nothing was recorded.
        case unavailable
        /// A legal hold forbids the erasure.
        case legalHold
        /// What was read is not what was written: a body that is no JSON, a ciphertext that does not open.
        case corrupt
        /// The caller's task was cancelled before its request was sent; nothing was recorded.
        case cancelled
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?
    package let file: String
    package let line: Int

    package init(
        _ code: Code, _ message: String, cause: (any Error)? = nil, file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.cause = cause
        self.file = file
        self.line = line
    }

    package var description: String {
        "\(code.rawValue): \(message)\(cause.map { ", because: \($0)" } ?? "") (\(file):\(line))"
    }
}
