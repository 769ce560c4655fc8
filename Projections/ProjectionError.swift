/// Why a projection could not be read, brought forward or waited for.
package struct ProjectionError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// There is no projection of this name.
        case unknownProjection
        /// The projection has not reached the position in time (HTTP 503 `projection-behind` with `Retry-After`).
        case behind
        /// The cursor is none that this list gave out, or was given out for another order.
        case malformedCursor
        /// The log lacks a position: events were removed, or the feed is broken.
        case gap
        /// An event cannot be folded; the projection stands still in front of it.
        case blocked
        /// The set of tables that readers should be sent to does not exist, is being filled, or is behind.
        case notReady
        /// What a rebuild filled was taken from it: by another rebuild, by an erasure, or because it was dropped.
        case superseded
        /// The database cannot be reached or refused.
        case database
        /// The log could not be read.
        case log
        /// A stored row is not what this version writes.
        case corrupt
        /// The caller's task was cancelled.
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
