/// One thing wrong with a playbook or with what a plan would need, and where.
package struct PlaybookProblem: Sendable, Hashable, Codable, CustomStringConvertible {
    /// JSON Pointer into the playbook's document.
    package var pointer: String
    /// `required`, `type`, `format`, `reference`, `cycle`, `unreachable`, `while-condition`, `irreversible-action`, …
    package var code: String
    package var detail: String

    package init(pointer: String, code: String, detail: String) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(pointer): \(code): \(detail)" }
}

/// A playbook, or a plan from it, is refused: with every problem, not only the first.
package struct PlaybookRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    package var problems: [PlaybookProblem]

    package init(problems: [PlaybookProblem]) {
        self.problems = problems
    }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
