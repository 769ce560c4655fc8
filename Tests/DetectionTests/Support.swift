import Detection
import JSON

/// A rule around a `detection` section, written at the left margin.
func sigmaRule(_ detection: String, logsource: String = "product: test") throws(SigmaProblem) -> SigmaRule {
    let body = detection.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
    return try SigmaRule(
        yaml: "title: Test\nid: test\nlogsource:\n    \(logsource)\ndetection:\n\(body.joined(separator: "\n"))\n",
        file: "test.yml")
}

/// Whether a rule with this `detection` holds for a record.
func holds(_ detection: String, _ record: JSONValue) throws -> Bool {
    let rules = RuleSet(rules: [try sigmaRule(detection)])
    return !rules.matches(record, logsource: Logsource(product: "test")).isEmpty
}

/// Whether one selection, such as `Image|endswith: x`, holds for a record.
func selects(_ selection: String, _ record: JSONValue) throws -> Bool {
    let lines = selection.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
    return try holds("selection:\n\(lines.joined(separator: "\n"))\ncondition: selection", record)
}

/// The reason for which a `detection` is refused.
func refusal(_ detection: String) -> SigmaProblem? {
    do {
        _ = try sigmaRule(detection)
        return nil
    } catch {
        return error
    }
}
