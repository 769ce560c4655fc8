import Yams

/// What a rule says to this program: the custom member `docket` of a rule or a correlation.
///
/// Sigma leaves other top-level members to the user (rules specification 2.1, "Custom Attributes"). A misspelt hint
/// would be a hint that is silently missing, so members that are not known are refused.
package struct DocketHints: Sendable, Hashable {
    /// The attack pattern in the analyst's words; 200 characters at most.
    package let pattern: String?
    /// How far a match is to be trusted, 0 to 100 (OCSF's `confidence_score`).
    package let confidenceScore: Int?

    package init(pattern: String? = nil, confidenceScore: Int? = nil) {
        self.pattern = pattern
        self.confidenceScore = confidenceScore
    }

    /// Characters at most in `pattern`.
    package static let patternLimit = 200

    /// The hints of a document, `nil` where it has none.
    static func read(_ document: Node) throws(Refusal) -> DocketHints? {
        guard let node = document.mapping?["docket"] else { return nil }
        guard let members = node.mapping else { throw Refusal("'docket' is not a map", line: node.line) }
        var pattern: String?
        var score: Int?
        for (key, value) in members {
            switch key.scalar?.string {
            case "pattern":
                guard let text = value.scalar?.string, !value.isNull, !text.isEmpty, text.count <= patternLimit else {
                    throw Refusal("'pattern' is a text of 1 to \(patternLimit) characters", line: key.line)
                }
                pattern = text
            case "confidence_score":
                guard let number = Int(value.scalar?.string ?? ""), (0...100).contains(number) else {
                    throw Refusal("'confidence_score' is a whole number from 0 to 100", line: key.line)
                }
                score = number
            default:
                throw Refusal("'\(key.scalar?.string ?? "?")' under 'docket' is not known", line: key.line)
            }
        }
        return DocketHints(pattern: pattern, confidenceScore: score)
    }
}
