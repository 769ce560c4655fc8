import JSON
import SeededChance
import Testing

@testable import Detection

@Suite("What no event can be")
struct SatisfiabilityPropertyTests {
    private static let values = ["a", "A", "ab", "abc", "b", "5", "6", "10.0.0.1", "2026-11-21T05:06:07Z", ""]

    private static func item(_ choice: inout SeededGenerator) -> String {
        let field = ["f", "g"][choice.number(0...1)]
        func value(_ choice: inout SeededGenerator) -> String { "'\(values[choice.number(0...values.count - 1)])'" }
        switch choice.number(0...15) {
        case 0: return "\(field): null"
        case 1: return "\(field)|exists: \(["true", "false"][choice.number(0...1)])"
        case 2: return "\(field)|\(["gt", "gte", "lt", "lte"][choice.number(0...3)]): \(choice.number(4...6))"
        case 3: return "\(field)|hour|\(["gt", "gte", "lt", "lte"][choice.number(0...3)]): \(choice.number(4...6))"
        case 4: return "\(field)|cidr: \(["10.0.0.0/8", "10.0.0.1/32", "11.0.0.0/8"][choice.number(0...2)])"
        case 5: return "\(field)|re: '\(["^a", "A$", "[0-9]", "b"][choice.number(0...3)])'"
        case 6: return "\(field)|fieldref: \(["f", "g"][choice.number(0...1)])"
        case 7: return "\(field)|neq: \(value(&choice))"
        case 8: return "\(field): '\(["a*", "*b", "a?", "*", "a*c"][choice.number(0...4)])'"
        default:
            let modifiers = ["", "|startswith", "|endswith", "|contains", "|cased", "|contains|cased"]
            let all = choice.number(0...3) == 0 ? "|all" : ""
            let list = (0...choice.number(0...2)).map { _ in value(&choice) }.joined(separator: ", ")
            return "\(field)\(modifiers[choice.number(0...5)])\(all): [\(list)]"
        }
    }

    private static func test(_ choice: inout SeededGenerator) throws -> FieldTest {
        var yaml = ""
        var names: [String] = []
        for name in ["s", "t", "u"].prefix(choice.number(1...3)) {
            names.append(name)
            // A field may stand once in a map, so each has a list of one or two maps.
            yaml += "\(name):\n" + (0...choice.number(0...1)).map { _ in "    - \(item(&choice))\n" }.joined()
        }
        let links = [" and ", " and ", " or ", " and not "]
        var condition = choice.number(0...4) == 0 ? "not s" : "s"
        for name in names.dropFirst() { condition += links[choice.number(0...3)] + name }
        return try sigmaRule("\(yaml)condition: \(condition)").detection.test
    }

    private static func event(_ choice: inout SeededGenerator, valuesAtMost: Int) -> DetectionEvent {
        var members: [String: JSONValue] = [:]
        for field in ["f", "g"] {
            switch choice.number(0...8) {
            case 0: continue
            case 1: members[field] = .null
            default:
                let texts = (0..<choice.number(1...valuesAtMost)).map { _ in
                    JSONValue.string(values[choice.number(0...values.count - 1)])
                }
                members[field] = texts.count == 1 ? texts[0] : .array(texts)
            }
        }
        return DetectionEvent(.object(members), logsource: Logsource(product: "test"))
    }

    /// Questions of all kinds about values that have much in common.
    private static func questions() throws -> [ValueTest] {
        var keys: [String] = []
        for value in ["a", "A", "ab", "aB", "ba", "é", "5", "10.0.0.1", "a*b", "*"] {
            for modifier in ["", "|startswith", "|endswith", "|contains"] {
                keys += ["f\(modifier): '\(value)'", "f\(modifier)|cased: '\(value)'"]
            }
        }
        for comparison in ["lt", "lte", "gt", "gte"] {
            keys += ["f|\(comparison): 5", "f|\(comparison): 6", "f|hour|\(comparison): 5", "f|hour|\(comparison): 6"]
        }
        keys += ["f|hour: 5", "f|hour: 24", "f|day: 21", "f|gt: nan", "f|cidr: 10.0.0.0/8", "f|cidr: 10.0.0.0/31"]
        keys += ["f|cidr: 10.0.0.1", "f|cidr: 11.0.0.0/8", "f|cidr: '::/0'", "f|re: ^a", "f|re: b$", "f|re|i: B"]
        return try keys.compactMap { key in
            guard case .field(_, let value) = try sigmaRule("s:\n    \(key)\ncondition: s").detection.test else {
                return nil
            }
            return value
        }
    }

    @Test("what one question to a value says about another is true of every text")
    func questionsAgree() throws {
        let questions = try Self.questions()
        let texts =
            [
                "a", "A", "ab", "aB", "AB", "ba", "aab", "abba", "a-b", "é", "É", "", "4", "5", "5.5", "6", "7", "nan",
                "10.0.0.1", "10.0.0.2", "10.1.1.1", "11.0.0.1", "::1", "2026-11-21T04:00:00Z", "2026-11-21T05:00:00Z",
                "2026-11-20T06:00:00Z", "2026-11-21T07:00:00Z",
            ].map { EventText($0) }
        let answers = questions.map { question in texts.map { question.holds($0) } }
        var known = 0
        for (one, first) in zip(questions, answers) {
            let isFound = first.contains(true)
            #expect(one.isPossible || !isFound, "\(one)")
            for (two, second) in zip(questions, answers) {
                let both = zip(first, second).contains { $0 && $1 }
                let onlyFirst = zip(first, second).contains { $0 && !$1 }
                if one.excludes(two) {
                    known += 1
                    #expect(!both, "\(one) is said to exclude \(two)")
                }
                if one.implies(two) {
                    known += 1
                    #expect(!onlyFirst, "\(one) is said to imply \(two)")
                }
            }
        }
        // Knowing nothing would be true as well.
        #expect(known > 3_000, "\(known)")
    }

    @Test("whatever holds for some event is never said to be impossible", arguments: 0..<6 as Range<UInt64>)
    func sound(seed: UInt64) throws {
        var choice = SeededGenerator(seed: seed)
        var proofs = 0
        for round in 0..<120 {
            let test = try Self.test(&choice)
            for valuesAtMost in [1, 3] {
                if Satisfiability(isSingle: { _ in valuesAtMost == 1 }).canHold(test) { continue }
                proofs += 1
                for _ in 0..<100 {
                    let event = Self.event(&choice, valuesAtMost: valuesAtMost)
                    let holds = ReferenceMatcher.holds(test, event)
                    try #require(!holds, "seed \(seed), round \(round): \(test) holds for \(event)")
                }
            }
        }
        // It would be sound to say yes always.
        #expect(proofs > 2, "seed \(seed): \(proofs)")
    }
}
