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
    /// Of a correlation: how late its records may come, in seconds, where that is not the hour that is usual. Silence is
    /// told by so much sooner, and what comes later than that does not count.
    package let latenessSeconds: Int?

    package init(pattern: String? = nil, confidenceScore: Int? = nil, latenessSeconds: Int? = nil) {
        self.pattern = pattern
        self.confidenceScore = confidenceScore
        self.latenessSeconds = latenessSeconds
    }

    /// Characters at most in `pattern`.
    package static let patternLimit = 200

    /// The hints of a document, `nil` where it has none.
    static func read(_ document: Node) throws(Refusal) -> DocketHints? {
        guard let node = document.mapping?["docket"] else { return nil }
        guard let members = node.mapping else { throw Refusal("'docket' is not a map", line: node.line) }
        var pattern: String?
        var score: Int?
        var lateness: Int?
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
            case "lateness":
                guard document.mapping?["correlation"] != nil else {
                    throw Refusal("'lateness' is a hint for a correlation", line: key.line)
                }
                lateness = try seconds(value.scalar?.string ?? "", line: key.line)
            default:
                throw Refusal("'\(key.scalar?.string ?? "?")' under 'docket' is not known", line: key.line)
            }
        }
        return DocketHints(pattern: pattern, confidenceScore: score, latenessSeconds: lateness)
    }

    /// A number and a unit, as in a timespan; a day at most.
    private static func seconds(_ text: String, line: Int?) throws(Refusal) -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()),
            (0...86_400 / unit).contains(count)
        else { throw Refusal("'lateness' is a number and one of s, m, h, d, at most a day", line: line) }
        return count * unit
    }
}
