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

/// The engine: a record read from its bytes meets the rules that it meets when it was read as a value.
struct MatcherTarget: Target {
    private var records: RandomRecord
    private var chance: SeededGenerator
    private let logsource: Logsource
    private let set: RuleSet
    private var fast: EventEvaluator
    private var slow: EventEvaluator

    init(seed: UInt64) {
        var rules = RandomRule(seed: seed)
        set = RuleSet(rules: (0..<100).flatMap { SigmaFile(yaml: rules.next(id: $0), file: "r").rules })
        logsource = Logsource(product: "test")
        records = RandomRecord(seed: seed)
        chance = SeededGenerator(seed: ~seed)
        fast = EventEvaluator(set, logsource: logsource)
        slow = EventEvaluator(set, logsource: logsource)
    }

    mutating func execute() -> Execution {
        let bytes = records.next(isBroken: UInt8.random(in: 0..<4, using: &chance) == 0)
        guard let value = try? JSONValue.parseEvidence(bytes).value else {
            // It has to be refused here as well.
            do {
                try fast.evaluate(bytes.span)
                return .failed("read from bytes only: \(shown(bytes))")
            } catch {
                return .passed(isDeep: false)
            }
        }
        do {
            try fast.evaluate(bytes.span)
        } catch {
            return .failed("not read from bytes: \(shown(bytes))")
        }
        // Of a member that stands twice keywords may see both values.
        guard (try? JSONValue.parse(bytes)) != nil else { return .passed(isDeep: false) }
        slow.evaluate(DetectionEvent(value, logsource: logsource))
        guard fast.found == slow.found else { return .failed("\(fast.found) is not \(slow.found): \(shown(bytes))") }
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
