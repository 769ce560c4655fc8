import Yams

/// The documents of one rule file: rules, correlations, and what was refused with its reason.
///
/// A refused document does not take the others with it; YAML that cannot be read does.
package struct SigmaFile: Sendable {
    package private(set) var rules: [SigmaRule] = []
    package private(set) var correlations: [SigmaCorrelation] = []
    package internal(set) var refused: [SigmaProblem] = []

    /// Bytes at most in one file.
    package static let sizeLimit = 1 << 20
    /// Nodes at most in one document, counted with aliases written out: some lines of YAML can stand for billions.
    package static let nodeLimit = 50_000

    package init(yaml: String, file: String) {
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
        for document in documents where !document.isNull {
            do {
                try read(document, file: file)
            } catch {
                refused.append(SigmaProblem(file: file, line: error.line ?? document.line, reason: error.reason))
            }
        }
        if documents.isEmpty { refused.append(SigmaProblem(file: file, reason: "the file holds no document")) }
    }

    private mutating func read(_ document: Node, file: String) throws(Refusal) {
        var budget = Self.nodeLimit
        try Self.spend(document, &budget)
        guard let members = document.mapping else { throw Refusal("the document is not a map") }
        if members["action"] != nil { throw Refusal("'action' documents (Sigma 1 collections) are not supported") }
        if members["correlation"] != nil {
            correlations.append(try SigmaCorrelation(document: document, file: file))
        } else if members["filter"] != nil {
            throw Refusal("Sigma filters are not supported")
        } else {
            rules.append(try SigmaRule(document: document, file: file))
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
