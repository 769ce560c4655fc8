import JSON
import SeededChance
import Testing

@testable import Detection

@Suite("What is ruled out before it is read")
struct LiteralScreenTests {
    @Test("of a text that is ruled out no literal is true, whatever has to be escaped")
    func texts() {
        var chance = SeededGenerator(seed: 3)
        func text(_ range: ClosedRange<Int>) -> String {
            let letters = Array("abk/\"\\\n\t")
            return String(
                (0..<Int.random(in: range, using: &chance)).map { _ in letters.randomElement(using: &chance)! })
        }
        let places: [Predicate.Literal.Place] = [.anywhere, .whole, .start, .end]
        var ruledOut = 0
        for _ in 0..<100 {
            let literals = (0..<Int.random(in: 1...5, using: &chance)).map { _ in
                let place = places[Int.random(in: 0..<4, using: &chance)]
                return Predicate.Literal(
                    field: 0, place: place, text: Array(text(place == .start ? 1...9 : 4...12).utf8))
            }
            func texts(_ isWanted: (Predicate.Literal) -> Bool) -> [[UInt8]] { literals.filter(isWanted).map(\.text) }
            // As `FieldMatcher` divides them.
            func isEdge(_ literal: Predicate.Literal) -> Bool {
                [.start, .end].contains(literal.place) && literal.text.count <= 2
            }
            let screen = LiteralScreen(
                wholes: texts { $0.place == .whole }, parts: texts { $0.place != .whole && !isEdge($0) },
                hasEdges: literals.contains(where: isEdge))
            for _ in 0..<300 {
                let known =
                    literals.randomElement(using: &chance).map { String(decoding: $0.text, as: UTF8.self) } ?? ""
                let isBare = Int.random(in: 0..<4, using: &chance) == 0
                let value =
                    isBare ? known : text(0...30) + (Bool.random(using: &chance) ? known : "") + text(0...12)
                let record = JSONValue.string(value).canonicalBytes()
                let isThere = literals.contains { Self.holds($0, Array(value.utf8)) }
                let isRuledOut = screen.rulesOut(record.span, 1..<(record.count - 1), isObject: false)
                if isRuledOut { ruledOut += 1 }
                #expect(!(isThere && isRuledOut), "\(value)")
            }
        }
        #expect(ruledOut > 2_000, "\(ruledOut)")
    }

    private static func holds(_ literal: Predicate.Literal, _ text: [UInt8]) -> Bool {
        switch literal.place {
        case .anywhere: text.firstRange(of: literal.text) != nil
        case .whole: text == literal.text
        case .start: text.starts(with: literal.text)
        case .end: text.reversed().starts(with: literal.text.reversed())
        }
    }

    @Test("of an object that is ruled out no literal is in its canonical form, however it is written")
    func objects() throws {
        var chance = SeededGenerator(seed: 4)
        var ruledOut = 0
        var there = 0
        for _ in 0..<300 {
            // Literals are pieces of what such objects look like.
            let literals = try (0..<Int.random(in: 1...3, using: &chance)).map { _ in
                let whole = try canonical(Self.object(depth: 0, using: &chance))
                let start = Int.random(in: 0..<whole.count, using: &chance)
                return Array(whole[start...].prefix(Int.random(in: 3...12, using: &chance)))
            }
            let screen = LiteralScreen(wholes: [], parts: literals, hasEdges: false)
            for _ in 0..<40 {
                let text = Self.object(depth: 0, using: &chance)
                let value = try canonical(text)
                let isThere = literals.contains { value.firstRange(of: $0) != nil }
                let record = Array(text.utf8)
                let isRuledOut = screen.rulesOut(record.span, 0..<record.count, isObject: true)
                if isThere { there += 1 }
                if isRuledOut { ruledOut += 1 }
                #expect(!(isThere && isRuledOut), "\(text)")
            }
        }
        #expect(ruledOut > 1_000 && there > 1_000, "\(ruledOut), \(there)")
    }

    @Test(
        "a text within an object is found in whatever way it is written",
        arguments: [
            "mimikatz.exe", "MimiKatz.exe", #"mimi\u006batz.exe"#, #"mimi\u212aatz.exe"#, "mimi\u{212A}atz.exe",
        ])
    func written(text: String) throws {
        let set = RuleSet(rules: [try sigmaRule("s:\n    f|contains: mimikatz\ncondition: s")])
        var evaluator = EventEvaluator(set, logsource: Logsource(product: "test"))
        for _ in 0..<3 {
            try evaluator.evaluate(Array("{\"f\":{\"x\":[\"\(text)\"]}}".utf8).span)
            #expect(evaluator.found == [0])
        }
        try evaluator.evaluate(Array("{\"f\":{\"x\":\"notepad.exe\"}}".utf8).span)
        #expect(evaluator.found == [])
    }

    @Test("an object is not the text that reads like it, though both came before")
    func kinds() throws {
        let set = RuleSet(rules: [try sigmaRule("s:\n    f: '{}'\ncondition: s")])
        var evaluator = EventEvaluator(set, logsource: Logsource(product: "test"))
        for (record, found) in [(#"{"f":"{ }"}"#, []), (#"{"f":{ }}"#, [0])] as [(String, [Int32])] {
            for _ in 0..<3 {
                try evaluator.evaluate(Array(record.utf8).span)
                #expect(evaluator.found == found)
            }
        }
    }

    private func canonical(_ text: String) throws -> [UInt8] {
        Array(try JSONValue.parseEvidence(Array(text.utf8)).value.canonicalString().lowercased().utf8)
    }

    /// An object with blanks, numbers and an order of members that are not those of canonical JSON.
    private static func object(depth: Int, using chance: inout SeededGenerator) -> String {
        func blank() -> String { ["", "", " ", "\n  "][Int.random(in: 0..<4, using: &chance)] }
        var names = ["a", "Name", "b.c", "Id", "x y"]
        names.shuffle(using: &chance)
        let members = names.prefix(Int.random(in: 1...3, using: &chance)).map { name in
            let value: String =
                switch Int.random(in: 0..<8, using: &chance) {
                case 0 where depth < 2: object(depth: depth + 1, using: &chance)
                case 0, 1:
                    ["1.50", "100.0", "-0", "12345678901234567", "1e3", "2.5E-3", "7"].randomElement(using: &chance)!
                case 2: ["true", "false", "null", "[]", "[ 1, 2 ]", "[\"x\" ,\"yz\"]"].randomElement(using: &chance)!
                default:
                    "\"" + [
                        "Allow", "arn:aws:s3:::x", "a\\\\b", "say \\\"hi\\\"", "1.5", "true", "{\\\"k\\\":1}",
                        "line\\nend",
                    ]
                    .randomElement(using: &chance)! + "\""
                }
            return "\"\(name)\"\(blank()):\(blank())\(value)"
        }
        return "{" + blank() + members.joined(separator: "\(blank()),\(blank())") + blank() + "}"
    }
}
