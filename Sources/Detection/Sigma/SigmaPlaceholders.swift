import Yams

/// A document that says what placeholders stand for: a map `placeholders` of name to value or list of values, beside a
/// title.
///
/// Sigma leaves the source of the values to the tool. As a document among the rules they are published, versioned and
/// retired like these, so the log tells with which values a record was looked at.
package struct SigmaPlaceholders: Sendable, Hashable {
    /// In lower case; the name or the title where there is none.
    package let id: String
    package let name: String?
    package let title: String
    package let values: [String: [String]]
    package let file: String
    package let line: Int

    /// Values at most in one document.
    package static let valueLimit = 20_000

    init(document: Node, file: String) throws(Refusal) {
        (id, name, title) = try SigmaRule.identity(document, kind: "document")
        guard let node = document.mapping?["placeholders"], let mapping = node.mapping, !mapping.isEmpty else {
            throw Refusal("'placeholders' is not a map of names to values", line: document.line)
        }
        var values: [String: [String]] = [:]
        var count = 0
        for (key, value) in mapping {
            guard let name = key.scalar?.string, !name.isEmpty, !name.contains(where: { $0 == "%" || $0.isWhitespace })
            else { throw Refusal("a placeholder's name has neither blanks nor percent signs", line: key.line) }
            let texts = value.texts
            guard !texts.isEmpty, texts.count == value.sequence?.count ?? 1 else {
                throw Refusal("the placeholder '\(name)' has no list of texts or numbers", line: key.line)
            }
            count += texts.count
            values[name] = texts
        }
        guard count <= Self.valueLimit else {
            throw Refusal("the document has more than \(Self.valueLimit) values", line: node.line)
        }
        self.values = values
        self.file = file
        line = document.line ?? 1
    }
}
