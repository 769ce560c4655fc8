package import JSON

/// What a connector answers to an act that was applied.
package struct ActOutcome: Sendable, Hashable {
    /// What later steps may use.
    package var output: JSONValue
    package var before: JSONValue
    package var after: JSONValue

    package init(output: JSONValue, before: JSONValue, after: JSONValue) {
        self.output = output
        self.before = before
        self.after = after
    }
}

/// What a connector answers when it is asked about an idempotency key.
package enum ProbeOutcome: Sendable, Hashable {
    case applied(ActOutcome)
    case notApplied
}

/// Why a connector could not do what it was asked.
package struct ConnectorError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        package let description: String

        /// The other side said no; nothing was done.
        package static let refused = Code(description: "refused")
        /// No connection came about; nothing was sent.
        package static let unreachable = Code(description: "unreachable")
        /// The request went out and no answer can be trusted: the outcome is unknown.
        package static let timedOut = Code(description: "timed-out")
        /// The answer is larger than allowed: the outcome is unknown.
        package static let tooLarge = Code(description: "too-large")
        /// The address is one that connectors must not reach, or the entity maps to nothing; nothing was sent.
        package static let forbidden = Code(description: "forbidden")
    }

    package var code: Code
    package var message: String
    /// The other side's own code, where it gave one: a status or a problem type.
    package var remoteCode: String?
    package var cause: String?
    package var file: String
    package var line: Int

    package init(
        _ code: Code, _ message: String, remoteCode: String? = nil, cause: String? = nil,
        file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.remoteCode = remoteCode
        self.cause = cause
        self.file = file
        self.line = line
    }

    /// Whether the effect may be there all the same.
    package var leavesOutcomeUnknown: Bool { code == .timedOut || code == .tooLarge }

    /// Trying again gives the same answer.
    package var isFinal: Bool { code == .refused || code == .forbidden }

    package var description: String { "\(code): \(message)" + (remoteCode.map { " (\($0))" } ?? "") }
}
