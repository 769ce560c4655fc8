/// What placeholders stand for (Sigma rules specification 2.1, "Placeholders").
///
/// A value is a Sigma string, so it may have wildcards; under `re` it is put into the expression as it stands. Names are
/// compared exactly.
package struct PlaceholderValues: Sendable, Hashable {
    package private(set) var values: [String: [String]] = [:]

    package init() {}

    /// Values at most that one value of a rule becomes.
    static let expansionLimit = 10_000

    /// Adds values; those that several documents have for one name all count.
    package mutating func add(_ document: SigmaPlaceholders) {
        for (name, texts) in document.values {
            let known = values[name] ?? []
            values[name] = known + texts.filter { !known.contains($0) }
        }
    }

    package init(_ documents: some Sequence<SigmaPlaceholders>) {
        for document in documents { add(document) }
    }

    /// Everything that a value with placeholders stands for. `\\%` is a plain percent sign.
    func expand(_ text: String) throws(Refusal) -> [String] {
        var results = [""]
        for piece in Self.pieces(of: text) {
            switch piece {
            case .text(let text): for index in results.indices { results[index] += text }
            case .placeholder(let name):
                guard let texts = values[name] else {
                    throw Refusal("the placeholder '%\(name)%' has no values: no 'placeholders' document names it")
                }
                guard results.count * texts.count <= Self.expansionLimit else {
                    throw Refusal("the placeholders of one value stand for more than \(Self.expansionLimit) values")
                }
                results = results.flatMap { head in texts.map { head + $0 } }
            }
        }
        return results
    }

    /// Whether `expand` finds something to replace.
    static func hasPlaceholder(_ text: String) -> Bool {
        pieces(of: text).contains { if case .placeholder = $0 { true } else { false } }
    }

    private enum Piece {
        case text(String)
        case placeholder(String)
    }

    private static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var plain = ""
        var rest = text[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            if character == "\\", rest.first == "%" {
                plain.append("%")
                rest = rest.dropFirst()
            } else if character == "\\", rest.first == "\\" {
                plain += "\\\\"
                rest = rest.dropFirst()
            } else if character == "%", let end = rest.firstIndex(of: "%"), isName(rest[..<end]) {
                pieces += [.text(plain), .placeholder(String(rest[..<end]))]
                plain = ""
                rest = rest[rest.index(after: end)...]
            } else {
                plain.append(character)
            }
        }
        return pieces + [.text(plain)]
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { !$0.isWhitespace && $0 != "\\" }
    }
}
