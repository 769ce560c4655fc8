/// One YAML document of a rule file, as text: the unit that is published, versioned and retired.
package struct SigmaDocument: Sendable, Hashable {
    package var text: String
    package var file: String
    /// Line of the file on which it begins, from 1.
    package var line: Int

    package init(text: String, file: String, line: Int = 1) {
        self.text = text
        self.file = file
        self.line = line
    }

    /// Cuts a file at its document markers (`---` at the beginning of a line; YAML 1.2.2, section 9.1.2). Nothing else
    /// can stand there: the texts of a rule are indented.
    package static func documents(in yaml: String, file: String) -> [SigmaDocument] {
        var found: [SigmaDocument] = []
        var lines: [Substring] = []
        var start = 1
        func close(_ next: Int) {
            let isEmpty = lines.allSatisfy { line in
                let text = line.drop { $0 == " " || $0 == "\t" }
                return text.isEmpty || text.hasPrefix("#") || text == "..."
            }
            if !isEmpty {
                found.append(SigmaDocument(text: lines.joined(separator: "\n") + "\n", file: file, line: start))
            }
            lines = []
            start = next
        }
        for (index, line) in yaml.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line == "---" || line.hasPrefix("--- ") || line.hasPrefix("---\t") {
                close(index + 1)
                let rest = line.dropFirst(3)
                lines.append(rest)
            } else {
                lines.append(line)
            }
        }
        close(0)
        return found
    }

    /// What it holds, or why it holds nothing; with lines as in the file.
    package func contents(
        placeholders: PlaceholderValues = PlaceholderValues(), linting: Bool = false
    ) -> SigmaFile {
        SigmaFile(yaml: text, file: file, placeholders: placeholders, linting: linting).moved(by: line - 1)
    }

    /// Whether a text may hold values of placeholders: what has none need not be read to find them.
    package static func mayHoldPlaceholders(_ yaml: String) -> Bool { yaml.contains("placeholders") }
}

extension SigmaFile {
    /// The same, with problems that name the rule that they are about.
    package func about(_ ruleID: String) -> SigmaFile {
        var result = self
        for place in result.refused.indices { result.refused[place].ruleID = ruleID }
        return result
    }

    /// The same, with problems told where they stand in the file that a document was cut from.
    func moved(by lines: Int) -> SigmaFile {
        var result = self
        for place in result.refused.indices { result.refused[place].line = refused[place].line.map { $0 + lines } }
        for place in result.warnings.indices { result.warnings[place].line = warnings[place].line.map { $0 + lines } }
        return result
    }
}
