/// Why a proof, a note or a package could not be made or read. What a verification finds is no error (`Finding`).
package struct ProofError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A proof that does not prove what it is held against.
        case proof
        /// A note, a key or a checkpoint that breaks its format.
        case malformed
        /// A signature of a known key that is not one.
        case signature
        /// No signature of a key that is known.
        case unknownKey
        /// A part of the tree that was asked for is not there, or has the wrong size.
        case missing
        /// What the caller asks cannot be: a position beyond the tree, events out of order.
        case range
        /// Files cannot be read or written.
        case files
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
