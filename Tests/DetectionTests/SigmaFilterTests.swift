import Detection
import JSON
import Testing

@Suite("Sigma filters")
struct SigmaFilterTests {
    private static func rule(
        _ id: String, name: String? = nil, logsource: String = "{product: t, service: s}"
    ) -> String {
        "title: Rule\nid: \(id)\n\(name.map { "name: \($0)\n" } ?? "")logsource: \(logsource)\n"
            + "detection: {s: {action: delete}, condition: s}\n---\n"
    }

    private static func filter(_ body: String, logsource: String = "{product: t}") -> String {
        "title: Backups\nlogsource: \(logsource)\nfilter:\n    \(body.replacing("\n", with: "\n    "))\n---\n"
    }

    /// Ids of the rules that hold for a record of `product: t, service: s` after filtering.
    private static func matches(_ yaml: String, _ record: JSONValue) throws -> [String] {
        let file = SigmaFile(yaml: yaml, file: "f.yml")
        if let problem = file.refused.first { throw problem }
        let set = RuleSet(rules: FilteredRules(file.rules, filters: file.filters).rules)
        return set.matches(record, logsource: Logsource(product: "t", service: "s")).map(\.ruleID)
    }

    private static let both = rule("R1") + rule("R2", name: "second") + rule("R3")

    @Test("where a filter's condition holds, the rules that it names are silent, and no others")
    func suppresses() throws {
        let yaml =
            Self.both
            + Self.filter("rules: [r1, second]\nselection: {user|startswith: adm_}\ncondition: selection")
        #expect(try Self.matches(yaml, ["action": "delete", "user": "eve"]) == ["r1", "r2", "r3"])
        #expect(try Self.matches(yaml, ["action": "delete", "user": "adm_eve"]) == ["r3"])
        #expect(try Self.matches(yaml, ["action": "delete"]) == ["r1", "r2", "r3"])
        #expect(try Self.matches(yaml, ["action": "list", "user": "adm_eve"]).isEmpty)
    }

    @Test("several filters of a rule each suppress, and a filter may have several selections")
    func several() throws {
        let yaml =
            Self.both + Self.filter("rules: [r1]\nselection: {user: a}\ncondition: selection")
            + Self.filter("rules: [r1]\na: {user: b}\nb: {host: h}\ncondition: a and not b")
        #expect(try Self.matches(yaml, ["action": "delete", "user": "a"]) == ["r2", "r3"])
        #expect(try Self.matches(yaml, ["action": "delete", "user": "b"]) == ["r2", "r3"])
        #expect(try Self.matches(yaml, ["action": "delete", "user": "b", "host": "h"]) == ["r1", "r2", "r3"])
    }

    @Test("what a filter names and cannot reach is told, and the rest of it holds")
    func unreachable() throws {
        let yaml =
            Self.both + Self.rule("other", logsource: "{product: u}")
            + Self.filter("rules: [nobody, other, r1]\nselection: {user: a}\ncondition: selection")
        let file = SigmaFile(yaml: yaml, file: "f.yml")
        let filtered = FilteredRules(file.rules, filters: file.filters)
        #expect(filtered.problems.count == 2)
        #expect(filtered.problems[0].reason.contains("'nobody'"))
        #expect(filtered.problems[1].reason.contains("product=u"))
        #expect(filtered.problems[0].line == file.filters.first?.line)
        #expect(try Self.matches(yaml, ["action": "delete", "user": "a"]) == ["r2", "r3"])
    }

    @Test(
        "a filter that is not whole is refused",
        arguments: [
            "selection: {a: 1}\ncondition: selection", "rules: []\nselection: {a: 1}\ncondition: selection",
            "rules: [r1]\nselection: {a: 1}", "rules: [r1]\ncondition: selection",
            "rules: [r1]\nselection: {a|nothing: 1}\ncondition: selection",
            "rules: [r1]\nselection: {a|expand: '%nobody%'}\ncondition: selection",
        ])
    func refusals(body: String) {
        let file = SigmaFile(yaml: Self.filter(body), file: "f.yml")
        #expect(file.filters.isEmpty && file.refused.count == 1)
    }

    @Test("a filter needs a logsource, and no document is a filter and a rule")
    func shape() {
        let bare = "title: F\nfilter: {rules: [a], selection: {b: 1}, condition: selection}\n"
        #expect(SigmaFile(yaml: bare, file: "f.yml").refused.first?.reason.contains("logsource") == true)
        let mixed = bare + "logsource: {product: t}\ndetection: {s: {a: 1}, condition: s}\n"
        #expect(SigmaFile(yaml: mixed, file: "f.yml").refused.first?.reason.contains("one document") == true)
    }
}
