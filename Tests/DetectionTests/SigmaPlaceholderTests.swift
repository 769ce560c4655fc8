import Detection
import JSON
import Testing

@Suite("Sigma placeholders")
struct SigmaPlaceholderTests {
    private static let values = """
        title: Ours
        id: ours
        placeholders:
            admins: [root, 'adm_*']
            hosts: [h1, h2]
            nets: [10.0.0.0/8, 192.168.0.0/16]
            limit: 5
            'DC-NAME': DC1$
        """

    private static func rule(_ selection: String) -> String {
        "title: T\nid: t\nlogsource: {product: test}\ndetection:\n    s:\n        \(selection)\n    condition: s\n"
    }

    private static func holds(_ selection: String, _ record: JSONValue) throws -> Bool {
        let file = SigmaFile(yaml: "\(rule(selection))---\n\(values)\n", file: "t.yml")
        if let problem = file.refused.first { throw problem }
        return !RuleSet(rules: file.rules).matches(record, logsource: Logsource(product: "test")).isEmpty
    }

    @Test(
        "a placeholder is any of its values, which may have wildcards",
        arguments: [
            ("f|expand: '%admins%'", "ROOT", true), ("f|expand: '%admins%'", "adm_x", true),
            ("f|expand: '%admins%'", "adm", false), ("f|expand: '%admins%'", "%admins%", false),
            ("f: '%admins%'", "%admins%", true), ("f: '%admins%'", "root", false),
            ("f|expand: '%admins%@%hosts%'", "root@h2", true), ("f|expand: '%admins%@%hosts%'", "root@h3", false),
            ("f|expand: '\\%plain%hosts%'", "%plainh1", true), ("f|expand: 'C:\\\\%hosts%'", "C:\\h1", true),
            ("f|expand: '%hosts'", "%hosts", true), ("f|expand: '100% of %hosts%'", "100% of h1", true),
            ("f|contains|expand: '%hosts%'", "on h1.", true), ("f|expand|endswith: '%hosts%'", "on h1", true),
            ("f|cidr|expand: '%nets%'", "192.168.1.1", true), ("f|cidr|expand: '%nets%'", "11.0.0.1", false),
            ("f|gt|expand: '%limit%'", "6", true), ("f|re|expand: '^%hosts%$'", "h2", true),
            ("f|expand: '%DC-NAME%'", "dc1$", true), ("f|expand|neq: '%hosts%'", "h1", false),
            ("f|expand|neq: '%hosts%'", "h3", true),
            ("f|contains|all|expand: ['%hosts%', '%admins%']", "h2 root", true),
            ("f|contains|all|expand: ['%hosts%', '%admins%']", "h1 h2", false),
            ("f|base64|expand: '%hosts%'", "aDI=", true), ("f|expand: ['%hosts%', x]", "x", true),
        ])
    func values(selection: String, text: String, expected: Bool) throws {
        #expect(try Self.holds(selection, ["f": .string(text)]) == expected)
    }

    @Test("a placeholder that nobody gives values for refuses its rule, and says which one")
    func unknown() {
        let file = SigmaFile(yaml: Self.rule("f|expand: '%nobody%'"), file: "t.yml")
        #expect(file.rules.isEmpty)
        #expect(file.refused.map(\.line) == [6])
        #expect(file.refused.first?.reason.contains("'%nobody%'") == true)
    }

    @Test("values come from the caller too, those of several documents together")
    func several() {
        let first = SigmaFile(yaml: Self.values, file: "a.yml").placeholders
        let second = SigmaFile(yaml: "title: More\nplaceholders: {hosts: [h3, h1]}", file: "b.yml").placeholders
        let all = PlaceholderValues(first + second)
        #expect(all.values["hosts"] == ["h1", "h2", "h3"])
        #expect(second.first?.id == "More")
        let file = SigmaFile(yaml: Self.rule("f|expand: '%hosts%'"), file: "t.yml", placeholders: all)
        #expect(file.refused.isEmpty)
        #expect(
            !RuleSet(rules: file.rules).matches(["f": "h3"], logsource: Logsource(product: "test")).isEmpty)
    }

    @Test(
        "a document of values without a value, or with something else, is refused",
        arguments: [
            "{}", "x", "{a: []}", "{a: {b: c}}", "{a: [[b]]}", "{'a b': c}", "{'%a%': c}", "{a: null}",
            "{a: [null, [x]]}",
        ])
    func refusals(values: String) {
        let file = SigmaFile(yaml: "title: T\nid: t\nplaceholders: \(values)\n", file: "t.yml")
        #expect(file.placeholders.isEmpty && file.refused.count == 1)
    }

    @Test("values that multiply without end are refused")
    func product() {
        let many = (0..<30).map { "v\($0)" }.joined(separator: ", ")
        let yaml =
            Self.rule("f|expand: '%a%%b%%c%%a%'")
            + "---\ntitle: V\nplaceholders: {a: [\(many)], b: [\(many)], c: [\(many)]}\n"
        #expect(SigmaFile(yaml: yaml, file: "t.yml").refused.first?.reason.contains("more than") == true)
    }
}
