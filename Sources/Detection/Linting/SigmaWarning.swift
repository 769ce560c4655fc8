package import JSON

/// Something in a document that is evaluated as it stands and is most likely not what its author meant.
package struct SigmaWarning: Sendable, Hashable, CustomStringConvertible {
    /// What was looked for; the raw values are part of the output.
    package enum Check: String, Sendable, Hashable, CaseIterable {
        /// A field that events of the log source do not have (`LogsourceFields`).
        case unknownField = "unknown_field"
        /// A condition, a selection or a value for which no event can be found (`Satisfiability`).
        case neverMatches = "never_matches"
        /// A filter that suppresses what it does not describe, or a rule that holds for what it does not.
        case inverted
        /// A search identifier that the condition does not use.
        case unused
        /// A value or a modifier that the specification discourages or that does nothing.
        case value
        /// A member beside the detection that is not as the specification has it.
        case metadata
        /// Two documents that are called the same.
        case ambiguous
        /// A filter that names what is not there, or what another log source is about.
        case idle
    }

    /// The file's name as the caller gave it.
    package var file: String
    /// Line in the file, from 1.
    package var line: Int?
    package var check: Check
    /// One sentence that a rule's author can act on.
    package var reason: String

    init(file: String, line: Int?, check: Check, reason: String) {
        self.file = file
        self.line = line
        self.check = check
        self.reason = reason
    }

    /// What `FilteredRules` says of a filter.
    package init(idle problem: SigmaProblem) {
        self.init(file: problem.file, line: problem.line, check: .idle, reason: problem.reason)
    }

    /// `{"file", "line", "check", "reason"}`, as the command line and the API show it.
    package var json: JSONValue {
        [
            "file": .string(file), "line": line.map { .integer(Int64($0)) } ?? .null, "check": .string(check.rawValue),
            "reason": .string(reason),
        ]
    }

    package var description: String {
        "\(file):\(line.map { "\($0):" } ?? "") warning: \(reason) [\(check.rawValue)]"
    }

    /// Rules, correlations and filters of several files that are called the same: whatever refers to them is refused.
    package static func ambiguities(
        rules: [SigmaRule], correlations: [SigmaCorrelation] = [], filters: [SigmaFilter] = []
    ) -> [SigmaWarning] {
        var seen: [String: (file: String, line: Int)] = [:]
        var found: [SigmaWarning] = []
        func see(_ names: [String], _ file: String, _ line: Int) {
            for name in names {
                if let other = seen[name] {
                    found.append(
                        SigmaWarning(
                            file: file, line: line, check: .ambiguous,
                            reason: "what stands at \(other.file):\(other.line) is called \(name) as well"))
                } else {
                    seen[name] = (file, line)
                }
            }
        }
        for rule in rules { see(["id \(rule.id)"] + (rule.name.map { ["name \($0)"] } ?? []), rule.file, rule.line) }
        for other in correlations {
            see(["id \(other.id)"] + (other.name.map { ["name \($0)"] } ?? []), other.file, other.line)
        }
        for filter in filters {
            see(["id \(filter.id)"] + (filter.name.map { ["name \($0)"] } ?? []), filter.file, filter.line)
        }
        return found
    }
}
