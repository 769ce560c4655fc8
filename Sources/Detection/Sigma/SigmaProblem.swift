package import JSON

/// Why a rule file, or one document in it, is not usable.
///
/// What this version cannot evaluate exactly is refused here, never left out: a rule that silently lost a filter alerts
/// on everything, one that lost a selection on nothing.
package struct SigmaProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file's name as the caller gave it.
    package var file: String
    /// Line in the file, from 1; `nil` when the reason concerns the document as a whole.
    package var line: Int?
    /// One sentence that a rule's author can act on.
    package var reason: String
    /// Id of the rule, correlation or filter that it is about, where that was read.
    package var ruleID: String?

    package init(file: String, line: Int? = nil, reason: String, ruleID: String? = nil) {
        self.file = file
        self.line = line
        self.reason = reason
        self.ruleID = ruleID
    }

    /// `{"file", "line", "reason"}`, as the command line and the API show it.
    package var json: JSONValue {
        [
            "file": .string(file), "line": line.map { .integer(Int64($0)) } ?? .null, "reason": .string(reason),
        ]
    }

    package var description: String {
        line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)"
    }
}

/// A reason on its way to the place that knows the file and the line.
struct Refusal: Error {
    var reason: String
    var line: Int?

    init(_ reason: String, line: Int? = nil) {
        self.reason = reason
        self.line = line
    }
}
