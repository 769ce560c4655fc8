import Expressions
import JSON
import SeededChance
import Testing

@testable import Detection

@Suite("Engine")
struct EngineTests {
    @Test(
        "an engine of many rules finds what each rule alone would, on any record, whatever it saw before",
        arguments: 0..<6 as Range<UInt64>, RandomRule.Values.allCases)
    func equivalence(seed: UInt64, values: RandomRule.Values) throws {
        var random = RandomRule(seed: seed, values: values)
        let rules = (0..<150).flatMap { SigmaFile(yaml: random.next(id: $0), file: "r").rules }
        try #require(rules.count > 80, "\(rules.count)")
        let set = RuleSet(rules: rules)
        let logsource = Logsource(product: "test")
        var evaluator = EventEvaluator(set, logsource: logsource)
        var records = RandomRecord(seed: seed)
        var holding = 0
        for _ in 0..<250 {
            let bytes = records.next()
            guard let value = try? JSONValue.parseEvidence(bytes).value else { continue }
            // Of a member that stands twice keywords may see both values (`EventScanner`).
            let isDoubtful = !(((try? JSONValue.parse(bytes)) != nil))
            let event = DetectionEvent(value, logsource: logsource)
            let expected = rules.filter { ReferenceMatcher.holds($0.detection.test, event) }.map(\.id)
            holding += expected.count
            evaluator.evaluate(event)
            try #require(evaluator.found.map { set.match($0).ruleID } == expected, "read by the parser")
            if isDoubtful { continue }
            try evaluator.evaluate(bytes.span)
            try #require(
                evaluator.found.map { set.match($0).ruleID } == expected, "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(holding > 600)
    }

    @Test("an automaton and its prefilter find every literal, wherever it stands", arguments: 0..<40 as Range<UInt64>)
    func literals(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        func bytes(_ range: ClosedRange<Int>, _ letters: ClosedRange<UInt8>) -> [UInt8] {
            (0..<Int.random(in: range, using: &chance)).map { _ in UInt8.random(in: letters, using: &chance) }
        }
        let letters: ClosedRange<UInt8> = seed % 2 == 0 ? 97...99 : 0...255
        let shortest = Int(seed % 3) * 2 + 2
        let literals = Array(
            Set((0..<Int.random(in: 1...60, using: &chance)).map { _ in bytes(shortest...9, letters) }))
        let automaton = Automaton(literals)
        for _ in 0..<50 {
            let text = bytes(0...60, letters) + (literals.randomElement(using: &chance) ?? []) + bytes(0...9, letters)
            var row: UInt32 = 0
            var found: Set<Int32> = []
            for byte in text {
                let cell = automaton.cells[Int(row | UInt32(automaton.columns[Int(byte)]))]
                row = cell & ~Automaton.hit
                if cell & Automaton.hit != 0 {
                    found.formUnion(automaton.outputs(at: row).map { automaton.outputs[$0] })
                }
            }
            let expected = Set(literals.indices.filter { text.firstRange(of: literals[$0]) != nil }.map(Int32.init))
            #expect(found == expected)
            guard let prefilter = automaton.prefilter else { continue }
            for start in text.indices {
                let next = prefilter.next(text.span, from: start, to: text.count)
                let first = (start..<text.count).first { at in literals.contains { text[at...].starts(with: $0) } }
                if let first { #expect(next.start <= first) }
                #expect(next.start >= start && (next.least > next.start || next.start == text.count))
            }
        }
    }

    @Test("of many literals in one text all are found, the second and third time as well")
    func manyAtOnce() throws {
        let rules = try (0..<50).map { try sigmaRule("s:\n    f|contains: 'literal-\($0)-'\ncondition: s") }
        let set = RuleSet(rules: rules)
        var evaluator = EventEvaluator(set, logsource: Logsource(product: "test"))
        let text = (0..<50).map { "literal-\($0)-" }.joined()
        for _ in 0..<3 {
            try evaluator.evaluate(Array("{\"f\":\"\(text)\"}".utf8).span)
            #expect(evaluator.found == Array(0..<50))
        }
    }

    @Test(
        "the text that an expression cannot do without is one that it cannot do without",
        arguments: [
            ("abcd", "abcd"), ("ab(cd)?efgh", "efgh"), ("abcd|efgh", nil), ("(abcd|efgh)ijk", "ijk"),
            ("a.bcde", "bcde"),
            ("abcde?", "abcd"), ("abcde*", "abcd"), ("abcde+f", "abcde"), ("abcd{0,3}", "abc"), ("abcd{2}", "abcd"),
            ("[abcd]efg", "efg"), ("\\\\pipe\\\\x", "\\pipe\\x"), ("(?i)ABCD", "abcd"), ("(?i)assbcd", "bcd"),
            ("(?x)a b c", nil),
            ("a\\Qb|c\\E", nil), ("\\x41bcd", nil), ("ab", nil), ("x{", nil), ("(?=abcd)efgh", nil), ("ABCD", "abcd"),
            ("äbcd", nil),
        ] as [(String, String?)])
    func requiredLiteral(pattern: String, expected: String?) throws {
        guard let expression = try? RegularExpression(pattern) else { return #expect(expected == nil) }
        #expect(RequiredLiteral.of(expression).map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test("a rule whose expression takes too many steps is skipped for that record, and counted")
    func skipped() throws {
        let rules = try [
            sigmaRule("s:\n    f|re: '^(a+)+$'\ncondition: s"), sigmaRule("s:\n    f|re: '^(a+)+$'\ncondition: not s"),
            sigmaRule("s:\n    f|startswith: aaa\ncondition: s"),
        ]
        let set = RuleSet(rules: rules)
        var evaluator = EventEvaluator(set, logsource: Logsource(product: "test"))
        let long = Array("{\"f\":\"\(String(repeating: "a", count: 50_000))!\"}".utf8)
        try evaluator.evaluate(long.span)
        #expect(evaluator.found == [2] && evaluator.statistics.skipped == [1, 1, 0])
        let short = Array("{\"f\":\"aaa\"}".utf8)
        try evaluator.evaluate(short.span)
        #expect(evaluator.found == [0, 2] && evaluator.statistics.skipped == [1, 1, 0])
    }
}
