import Yams

/// The documents of one rule file: rules, correlations, filters, values of placeholders, and what was refused with its
/// reason.
///
/// A refused document does not take the others with it; YAML that cannot be read does.
package struct SigmaFile: Sendable {
    package private(set) var rules: [SigmaRule] = []
    package private(set) var correlations: [SigmaCorrelation] = []
    package private(set) var filters: [SigmaFilter] = []
    package private(set) var placeholders: [SigmaPlaceholders] = []
    package internal(set) var refused: [SigmaProblem] = []
    /// What is most likely not meant, where it was looked for.
    package internal(set) var warnings: [SigmaWarning] = []

    /// Bytes at most in one file.
    package static let sizeLimit = 1 << 20
    /// Nodes at most in one document, counted with aliases written out: some lines of YAML can stand for billions.
    package static let nodeLimit = 50_000

    /// - Parameters:
    ///   - placeholders: what placeholders stand for, besides what the file itself says of them.
    ///   - linting: looks for what is most likely not meant, too.
    package init(
        yaml: String, file: String, placeholders known: PlaceholderValues = PlaceholderValues(), linting: Bool = false
    ) {
        guard yaml.utf8.count <= Self.sizeLimit else {
            refused.append(SigmaProblem(file: file, reason: "the file is larger than \(Self.sizeLimit) bytes"))
            return
        }
        var documents: [Node] = []
        do {
            var composed = try Yams.compose_all(yaml: yaml)
            while let document = composed.next() { documents.append(document) }
            if let error = composed.error { throw error }  // the sequence ends at an error as at the end
        } catch {
            refused.append(Self.problem(error, file: file))
            return
        }
        documents = documents.filter { !$0.isNull }
        let isValues: (Node) -> Bool = { $0.mapping?["placeholders"] != nil }
        // What placeholders stand for comes first, wherever it stands.
        for document in documents.filter(isValues) + documents.filter({ !isValues($0) }) {
            do {
                var values = known
                for document in self.placeholders { values.add(document) }
                try read(document, file: file, values)
                guard linting else { continue }
                var lint = DocumentLint(file: file, placeholders: values)
                lint.look(at: document)
                warnings += lint.warnings
            } catch {
                refused.append(SigmaProblem(file: file, line: error.line ?? document.line, reason: error.reason))
            }
        }
        refused.sort { ($0.line ?? 0) < ($1.line ?? 0) }
        if documents.isEmpty { refused.append(SigmaProblem(file: file, reason: "the file holds no document")) }
    }

    private mutating func read(_ document: Node, file: String, _ values: PlaceholderValues) throws(Refusal) {
        var budget = Self.nodeLimit
        try Self.spend(document, &budget)
        guard let members = document.mapping else { throw Refusal("the document is not a map") }
        if members["action"] != nil {
            throw Refusal("'action' documents were Sigma 1's collections: Sigma 2 has whole documents after '---'")
        }
        let kinds = ["correlation", "filter", "placeholders", "detection"].filter { members[$0] != nil }
        if kinds.count > 1 { throw Refusal("'\(kinds[0])' and '\(kinds[1])' do not go into one document") }
        switch kinds.first {
        case "correlation": correlations.append(try SigmaCorrelation(document: document, file: file))
        case "filter": filters.append(try SigmaFilter(document: document, file: file, placeholders: values))
        case "placeholders": placeholders.append(try SigmaPlaceholders(document: document, file: file))
        default: rules.append(try SigmaRule(document: document, file: file, placeholders: values))
        }
    }

    private static func spend(_ node: Node, _ budget: inout Int) throws(Refusal) {
        budget -= 1
        if budget < 0 { throw Refusal("the document has more than \(nodeLimit) nodes") }
        if let mapping = node.mapping {
            for (key, value) in mapping {
                try spend(key, &budget)
                try spend(value, &budget)
            }
        } else if let sequence = node.sequence {
            for item in sequence { try spend(item, &budget) }
        }
    }

    private static func problem(_ error: any Error, file: String) -> SigmaProblem {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            SigmaProblem(file: file, line: mark.line, reason: "no valid YAML: \(problem)")
        default: SigmaProblem(file: file, reason: "no valid YAML: \(error)")
        }
    }
}
