import Yams

/// How urgent a match is (Sigma rules specification 2.1, "Level").
package enum SigmaLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    case informational, low, medium, high, critical

    package static func < (left: SigmaLevel, right: SigmaLevel) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// A Sigma rule, ready to be held against events.
package struct SigmaRule: Sendable {
    /// The rule's `id` in lower case; the name or the title where there is none.
    package let id: String
    package let name: String?
    package let title: String
    package let level: SigmaLevel?
    package let status: String?
    package let tags: [String]
    /// Whose work the rule is; the Detection Rule License wants it shown with a match.
    package let author: String?
    package let description: String?
    package let references: [String]
    package let falsePositives: [String]
    package let logsource: Logsource
    package private(set) var detection: SigmaDetection
    package let docket: DocketHints?
    package let file: String
    /// Line on which the document begins.
    package let line: Int

    /// Reads the only rule of a file.
    package init(yaml: String, file: String) throws(SigmaProblem) {
        let contents = SigmaFile(yaml: yaml, file: file)
        if let problem = contents.refused.first { throw problem }
        guard contents.rules.count == 1, contents.correlations.isEmpty, contents.filters.isEmpty else {
            throw SigmaProblem(file: file, reason: "the file holds something else than one rule")
        }
        self = contents.rules[0]
    }

    init(document: Node, file: String, placeholders: PlaceholderValues = PlaceholderValues()) throws(Refusal) {
        (id, name, title) = try Self.identity(document, kind: "rule")
        level = try Self.level(document)
        status = document.text("status")
        tags = document.mapping?["tags"]?.texts ?? []
        author = document.text("author")
        description = document.text("description")
        references = document.mapping?["references"]?.texts ?? []
        falsePositives = document.mapping?["falsepositives"]?.texts ?? []
        logsource = try Self.logsource(document, kind: "rule")
        guard let detection = document.mapping?["detection"] else {
            throw Refusal("the rule has no detection", line: document.line)
        }
        self.detection = try SigmaDetection(detection, placeholders: placeholders)
        docket = try DocketHints.read(document)
        self.file = file
        line = document.line ?? 1
    }

    /// The same rule, which does not hold where a test does.
    func without(_ test: FieldTest) -> SigmaRule {
        var rule = self
        rule.detection = SigmaDetection(test: .all([detection.test, .not(test)]))
        return rule
    }

    /// Id, name and title of a document. The id is optional in the specification and so is the name, but something must
    /// tell the next version of a rule from another rule.
    static func identity(
        _ document: Node, kind: String
    ) throws(Refusal) -> (id: String, name: String?, title: String) {
        guard let title = document.text("title") else { throw Refusal("the \(kind) has no title", line: document.line) }
        let name = document.text("name")
        return (document.text("id")?.lowercased() ?? name ?? title, name, title)
    }

    static func level(_ document: Node) throws(Refusal) -> SigmaLevel? {
        guard let text = document.text("level") else { return nil }
        guard let level = SigmaLevel(rawValue: text) else {
            throw Refusal("the level '\(text)' is not known", line: document.mapping?["level"]?.line)
        }
        return level
    }

    static func logsource(_ document: Node, kind: String) throws(Refusal) -> Logsource {
        guard let node = document.mapping?["logsource"], node.mapping != nil else {
            throw Refusal("the \(kind) has no logsource", line: document.line)
        }
        let logsource = Logsource(
            product: node.text("product"), category: node.text("category"), service: node.text("service"))
        guard logsource != Logsource() else {
            throw Refusal("the logsource names neither product, category nor service", line: node.line)
        }
        return logsource
    }
}
