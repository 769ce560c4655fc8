import Detection
import JSON
import Testing

@Suite("Sigma conditions")
struct SigmaConditionTests {
    private static let identifiers = """
        sel_a:
            a: 1
        sel_b:
            b: 1
        filter_c:
            c: 1
        _hidden:
            h: 1
        """

    @Test(
        "conditions read as the specification ranks them",
        arguments: [
            ("sel_a or sel_b and filter_c", ["a"], true),
            ("(sel_a or sel_b) and filter_c", ["a"], false),
            ("not sel_a and sel_b", ["b"], true),
            ("not (sel_a and sel_b)", ["b"], true),
            ("not not sel_a", ["a"], true),
            ("1 of sel_*", ["b"], true),
            ("all of sel_*", ["b"], false),
            ("all of sel_*", ["a", "b"], true),
            ("not 1 of filter_* and sel_a", ["a"], true),
            ("not 1 of filter_* and sel_a", ["a", "c"], false),
            ("1 of *_b", ["b"], true),
            ("1 of s*_a", ["b"], false),
            ("1 of them", ["h"], false),
            ("all of them", ["a", "b", "c"], true),
            ("_hidden", ["h"], true),
            ("1 of _*", ["h"], true),
            ("1 of *", ["h"], false),
            ("1 of sel_a", ["a"], true),
            ("sel_a and(sel_b)", ["a", "b"], true),
        ])
    func precedence(condition: String, fields: [String], expected: Bool) throws {
        let record = JSONValue.object(Dictionary(uniqueKeysWithValues: fields.map { ($0, 1) }))
        #expect(try holds("\(Self.identifiers)\ncondition: \(condition)", record) == expected)
    }

    @Test("one of several conditions is enough")
    func conditionList() throws {
        let detection = "\(Self.identifiers)\ncondition:\n    - sel_a and sel_b\n    - filter_c"
        #expect(try holds(detection, ["c": 1]))
        #expect(try !holds(detection, ["a": 1]))
    }

    @Test("maps are and, lists of maps or, lists of texts keywords anywhere in the event")
    func searches() throws {
        #expect(try holds("s:\n    a: 1\n    b: 2\ncondition: s", ["a": 1, "b": 2]))
        #expect(try !holds("s:\n    a: 1\n    b: 2\ncondition: s", ["a": 1]))
        #expect(try holds("s:\n    - a: 1\n    - b: 2\ncondition: s", ["b": 2]))
        let keywords = "k:\n    - 'Failed password'\n    - 'in*user'\ncondition: k"
        #expect(try holds(keywords, ["message": "sshd: failed PASSWORD for root"]))
        #expect(try holds(keywords, ["x": ["y": ["an invalid user here"]]]))
        #expect(try !holds(keywords, ["failed password": "no"]))
        let all = "k:\n    '|all':\n        - one\n        - two\ncondition: k"
        #expect(try holds(all, ["a": "xonex", "b": "two"]))
        #expect(try !holds(all, ["a": "xonex"]))
        #expect(try holds("k: word\ncondition: k", ["a": "a word"]))
    }

    @Test("a missing field does not match, and so matches under not")
    func missing() throws {
        #expect(try holds("s:\n    a: 1\nf:\n    b: 2\ncondition: s and not f", ["a": 1]))
        #expect(try holds("s:\n    a: 1\nf:\n    b|contains: 2\ncondition: s and not f", ["a": 1, "b": nil]))
    }

    @Test(
        "what is not understood is refused with its reason and its line",
        arguments: [
            ("s:\n    a|expand: '%x%'\ncondition: s", "the placeholder '%x%'", 7),
            ("s:\n    a|near: x\ncondition: s", "'near' is not known", 7),
            ("s:\n    a|hour: three\ncondition: s", "whole number", 7),
            ("s:\n    a|re: '(x'\ncondition: s", "byte", 7),
            ("s:\n    a|re: '(a)\\2'\ncondition: s", "byte", 7),
            ("s:\n    a|re|contains: 'x'\ncondition: s", "does not go after 're'", 7),
            ("s:\n    a|cidr: 10.0.0\ncondition: s", "CIDR", 7),
            ("s:\n    a|wide|windash: x\ncondition: s", "after an encoding", 7),
            ("s:\n    a|base64: 'x*'\ncondition: s", "wildcards", 7),
            ("s:\n    a|gt: x\ncondition: s", "no number", 7),
            ("s:\n    a: []\ncondition: s", "empty list", 7),
            ("s: {}\ncondition: s", "empty map", 6),
            ("s:\n    a: 1\ncondition: s and t", "'t'", 8),
            ("s:\n    a: 1\ncondition: 1 of t*", "'t*'", 8),
            ("s:\n    a: 1\ncondition: 2 of s*", "'2 of'", 8),
            ("s:\n    a: 1\ncondition: (s", "'('", 8),
            ("s:\n    a: 1\ncondition: s s", "does not end", 8),
            ("s:\n    a: 1\ncondition: s | count() > 5", "aggregations", 8),
            ("s:\n    a: 1\ntimeframe: 5m\ncondition: s", "timeframe", 8),
            ("s:\n    a: 1", "no condition", 6),
            ("s:\n    a: {b: 1}\ncondition: s", "neither a text", 7),
            ("s:\n    a: 1\n    a: 2\ncondition: s", "YAML", nil),
        ] as [(String, String, Int?)])
    func refusals(detection: String, reason: String, line: Int?) throws {
        let problem = try #require(refusal(detection))
        #expect(problem.reason.contains(reason), "\(problem)")
        if let line { #expect(problem.line == line, "\(problem)") }
        #expect(problem.file == "test.yml")
    }
}
