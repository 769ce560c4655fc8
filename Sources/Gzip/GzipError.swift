/// Why compressed bytes were not expanded.
package struct GzipError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Not gzip (RFC 1952), or damaged on the way.
        case malformed
        /// The stream ends before its end mark.
        case truncated
        /// More bytes than allowed came out.
        case tooLarge
        /// More bytes came out for each one that went in than allowed: a bomb.
        case ratio
        /// zlib could not get memory.
        case resources
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
