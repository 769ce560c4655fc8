import Detection
import Expressions
import JSON
import SeededChance

/// The readers of JSON: what one accepts the other does, and what was read can be written and read again.
struct JSONTarget: Target {
    private var records: RandomRecord
    private var chance: SeededGenerator

    init(seed: UInt64) {
        records = RandomRecord(seed: seed)
        chance = SeededGenerator(seed: ~seed)
    }

    mutating func execute() -> Execution {
        let bytes = records.next(isBroken: UInt8.random(in: 0..<4, using: &chance) > 0)
        let value: JSONValue
        do {
            value = try JSONValue.parseEvidence(bytes).value
        } catch {
            let end = JSONSkimmer.end(ofValueAt: 0, in: bytes.span, depth: 64)
            let isWhole = end.map { bytes[$0...].allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) } } ?? false
            return isWhole && error.code != .members
                ? .failed("the skimmer takes \(shown(bytes))") : .passed(isDeep: false)
        }
        guard JSONSkimmer.end(ofValueAt: 0, in: bytes.span, depth: 64) != nil else {
            return .failed("the skimmer refuses \(shown(bytes))")
        }
        guard (try? JSONValue.parse(value.canonicalBytes())) == value else {
            return .failed("not the same again: \(shown(bytes))")
        }
        return .passed(isDeep: true)
    }
}

/// The engine: a record read from its bytes meets the rules that it meets when it was read as a value, whatever came
/// before it. There are several sets of rules, since long literals are looked for otherwise than short ones, and where
/// there are few rules otherwise than where there are many.
struct MatcherTarget: Target {
    private struct Side {
        var fast: EventEvaluator
        var slow: EventEvaluator

        init(seed: UInt64, _ values: RandomRule.Values, count: Int, _ logsource: Logsource) {
            var rules = RandomRule(seed: seed, values: values)
            let set = RuleSet(rules: (0..<count).flatMap { SigmaFile(yaml: rules.next(id: $0), file: "r").rules })
            fast = EventEvaluator(set, logsource: logsource)
            slow = EventEvaluator(set, logsource: logsource)
        }
    }

    private let logsource = Logsource(product: "test")
    private var records: RandomRecord
    private var chance: SeededGenerator
    private var sides: [Side]

    init(seed: UInt64) {
        sides = [Side(seed: seed, .short, count: 100, logsource), Side(seed: seed, .long, count: 100, logsource)]
        for few in 1...14 { sides.append(Side(seed: seed + UInt64(few), .mixed, count: few, logsource)) }
        records = RandomRecord(seed: seed)
        chance = SeededGenerator(seed: ~seed)
    }

    mutating func execute() -> Execution {
        let bytes = records.next(isBroken: UInt8.random(in: 0..<4, using: &chance) == 0)
        return execute(bytes, on: &sides[Int.random(in: sides.indices, using: &chance)])
    }

    private func execute(_ bytes: [UInt8], on side: inout Side) -> Execution {
        guard let value = try? JSONValue.parseEvidence(bytes).value else {
            // It has to be refused here as well.
            do {
                try side.fast.evaluate(bytes.span)
                return .failed("read from bytes only: \(shown(bytes))")
            } catch {
                return .passed(isDeep: false)
            }
        }
        do {
            try side.fast.evaluate(bytes.span)
        } catch {
            return .failed("not read from bytes: \(shown(bytes))")
        }
        // Of a member that stands twice keywords may see both values.
        guard (try? JSONValue.parse(bytes)) != nil else { return .passed(isDeep: false) }
        side.slow.evaluate(DetectionEvent(value, logsource: logsource))
        guard side.fast.found == side.slow.found else {
            return .failed("\(side.fast.found) is not \(side.slow.found): \(shown(bytes))")
        }
        return .passed(isDeep: true)
    }
}

/// The reader of rules: whatever it takes can be compiled and held against a record.
struct RulesTarget: Target {
    private var rules: RandomRule
    private var records: RandomRecord
    private var chance: SeededGenerator
    private var number = 0

    init(seed: UInt64) {
        rules = RandomRule(seed: seed)
        records = RandomRecord(seed: seed)
        chance = SeededGenerator(seed: ~seed)
    }

    mutating func execute() -> Execution {
        number += 1
        var yaml = Array(rules.next(id: number).utf8)
        if Bool.random(using: &chance) { yaml.mutate(using: &chance) }
        let file = SigmaFile(yaml: String(decoding: yaml, as: UTF8.self), file: "f")
        if file.rules.isEmpty, file.correlations.isEmpty, file.refused.isEmpty {
            return .failed("nothing is said of a file")
        }
        guard !file.rules.isEmpty else { return .passed(isDeep: false) }
        var evaluator = EventEvaluator(RuleSet(rules: file.rules), logsource: Logsource(product: "test"))
        try? evaluator.evaluate(records.next().span)
        return .passed(isDeep: true)
    }
}

/// Regular expressions: any pattern that is taken answers, within its steps, and has the text that it cannot do without.
struct ExpressionsTarget: Target {
    private static let pieces = [
        "a", "b", "\\d", "\\w+", "(ab)*", "[a-c]", "[^x]", "^", "$", ".", "|", "(", ")", "?", "+", "*", "{2,3}", "(?i)",
        "(?:",
        "\\\\", "abc", "\\b", "(?=a)", "s", "K", "ä", "]", "[",
    ]
    private var chance: SeededGenerator
    private var text: [UInt8] = []

    init(seed: UInt64) { chance = SeededGenerator(seed: seed) }

    mutating func execute() -> Execution {
        let pattern = (0..<Int.random(in: 1...7, using: &chance)).map { _ in
            Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &chance)]
        }.joined()
        let value = (0..<Int.random(in: 0...12, using: &chance)).map { _ in
            ["a", "b", "ab", "abc", "\\", "ä", "S", "ſ", "k", "\n", "1"][Int.random(in: 0..<11, using: &chance)]
        }.joined()
        let yaml = "title: r\nid: r\nlogsource: {product: test}\ndetection: {s: {f|re: '\(pattern)'}, condition: s}\n"
        guard let rule = SigmaFile(yaml: yaml, file: "f").rules.first, let expression = try? RegularExpression(pattern)
        else {
            return .passed(isDeep: false)
        }
        var evaluator = EventEvaluator(RuleSet(rules: [rule]), logsource: Logsource(product: "test"))
        evaluator.evaluate(DetectionEvent(["f": .string(value)], logsource: Logsource(product: "test")))
        text = Array(value.utf8)
        let isFound = expression.search(text.span) == .matches
        guard isFound == !evaluator.found.isEmpty else { return .failed("\(pattern) in \(value)") }
        return .passed(isDeep: true)
    }
}

private func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
