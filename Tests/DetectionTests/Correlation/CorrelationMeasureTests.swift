import SeededChance
import Testing

@testable import Detection

@Suite("Correlations of numbers")
struct CorrelationMeasureTests {
    private static func measure(_ type: String, _ condition: String, groupBy: String = "[host]") -> String {
        correlation(
            "k",
            "type: \(type), rules: [a, b], group-by: \(groupBy), timespan: 10s, condition: {field: bytes, \(condition)}"
        )
    }

    private static func sent(
        _ time: Int64, _ bytes: String..., rule: String = "a", host: String = "h", count: Int = 1
    ) -> CorrelationInput {
        record(
            rule, at: time, digest: "\(time) \(rule) \(bytes) \(host)", fields: ["host": [host], "bytes": bytes],
            count: count)
    }

    private static func found(_ yaml: String, _ inputs: [CorrelationInput]) throws -> [String] {
        try matches(yaml, inputs).map { "\($0.lastOccurredAt / second):\($0.measured?.description ?? "none")" }
    }

    @Test("numbers are added up within the window and the group, exactly, and what is none does not count")
    func sum() throws {
        let yaml = Self.measure("value_sum", "gt: 0.3")
        #expect(try Self.found(yaml, [Self.sent(0, "0.1"), Self.sent(1, "0.2")]).isEmpty)
        #expect(
            try Self.found(yaml, [Self.sent(0, "0.1"), Self.sent(1, "0.2"), Self.sent(2, "0.000001")]) == ["2:0.300001"]
        )
        #expect(try Self.found(yaml, [Self.sent(0, "0.2"), Self.sent(11, "0.2")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "0.2"), Self.sent(1, "0.2", host: "i")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "0.2"), Self.sent(1, "-0.1"), Self.sent(2, "0.2")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "0.2"), Self.sent(0, "0.2", rule: "b")]) == ["0:0.4"])
        #expect(try Self.found(yaml, [Self.sent(0, "0.2"), Self.sent(0, "0.2")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "0.2", "0.2")]) == ["0:0.4"])
        #expect(try Self.found(yaml, [Self.sent(0, "0.1", count: 4)]) == ["0:0.4"])
        for text in ["many", "", "nan", "inf", "0x10", "1,5", " 1", "1e999999"] {
            #expect(try Self.found(yaml, [Self.sent(0, text)]).isEmpty, "\(text)")
        }
        let match = try #require(try matches(yaml, [Self.sent(0, "1"), Self.sent(1, "x"), Self.sent(2, "2")]).first)
        #expect(match.count == 1)
    }

    @Test("a record for which two rules hold is added once, but with each of the fields that the rules name")
    func twoRules() throws {
        let same = Self.measure("value_sum", "gte: 2")
        let both = record("a", "b", at: 0, fields: ["host": ["h"], "bytes": ["1"], "out": ["1"]])
        #expect(try matches(same, [both]).isEmpty)
        let own = correlation(
            "k",
            "type: value_sum, rules: [a, b], group-by: [host], timespan: 10s, condition: {field: n, gte: 2}, "
                + "aliases: {n: {a: bytes, b: out}}")
        #expect(try matches(own, [both]).map { $0.measured?.description } == ["2"])
    }

    @Test("the average is of the numbers, not of the records, and of nothing there is none")
    func average() throws {
        let yaml = Self.measure("value_avg", "lt: 2.5")
        #expect(try Self.found(yaml, [Self.sent(0, "2"), Self.sent(1, "3")]) == ["0:2"])
        #expect(try Self.found(yaml, [Self.sent(0, "3"), Self.sent(1, "2")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "3"), Self.sent(1, "2"), Self.sent(2, "1")]) == ["2:2"])
        #expect(try Self.found(yaml, [Self.sent(0, "x"), Self.sent(1, "9")]).isEmpty)
        #expect(try Self.found(yaml, [Self.sent(0, "9"), Self.sent(1, "1", count: 9)]) == ["1:1.8"])
        let third = Self.measure("value_avg", "gt: 0.333333, lt: 0.333334")
        #expect(try Self.found(third, [Self.sent(0, "1"), Self.sent(1, "0"), Self.sent(2, "0")]) == ["2:0.333333"])
    }

    @Test(
        "a percentile is the number at the nearest rank",
        arguments: [
            ("50", ["5", "1", "3"], "3"), ("50", ["4", "1", "3", "2"], "2"), ("100", ["4", "1", "3"], "4"),
            ("1", ["4", "1", "3"], "1"), ("75", ["4", "1", "3", "2"], "3"), ("75.1", ["4", "1", "3", "2"], "4"),
            ("50", ["7", "7", "7", "1"], "7"), ("0.000001", ["2", "1"], "1"), ("50", ["-1", "-2", "-3"], "-2"),
        ])
    func percentile(rank: String, numbers: [String], expected: String) throws {
        let yaml = Self.measure("value_percentile", "percentile: \(rank), gt: -100")
        let input = record("a", at: 0, fields: ["host": ["h"], "bytes": numbers + ["none"]])
        #expect(try Self.found(yaml, [input]) == ["0:\(expected)"])
    }

    @Test("a percentile follows the window, also where a late record lengthens it")
    func slidingPercentile() throws {
        let yaml = Self.measure("value_percentile", "percentile: 50, gte: 5")
        let inputs = [Self.sent(0, "1"), Self.sent(1, "2"), Self.sent(8, "9"), Self.sent(11, "5")]
        #expect(try Self.found(yaml, inputs) == ["11:5"])
        let late = [inputs[0], inputs[1], inputs[3], inputs[2]].map { input in
            var late = input
            late.arrivedAt = 20 * second
            return late
        }
        #expect(try Self.found(yaml, late) == ["11:5"])
    }

    @Test("a hit of a chain is measured by a number that it is grouped by")
    func chains() throws {
        let yaml =
            correlation("inner", "type: event_count, rules: [a], group-by: [port], timespan: 10s, condition: {gte: 2}")
            + correlation(
                "outer", "type: value_sum, rules: [inner], timespan: 20s, condition: {field: port, gte: 100}")
        func at(_ time: Int64, _ port: String) -> CorrelationInput {
            record("a", at: time, fields: ["port": [port]])
        }
        let found = try matches(yaml, [at(0, "22"), at(1, "22"), at(2, "80"), at(3, "80"), at(4, "x"), at(5, "x")])
        #expect(found.map { $0.measured?.description } == ["102"])
    }

    @Test(
        "numbers are read as they are written, to six places",
        arguments: [
            ("0", "0"), ("-0", "0"), ("12", "12"), ("+7", "7"), ("1e3", "1000"), ("0.1", "0.1"), ("-2.50", "-2.5"),
            ("123456789012345", "123456789012345"), ("9007199254740993", "9007199254740993"), ("0.0000004", "0"),
            ("0.0000006", "0.000001"), ("1e300", "100000000000000000"), ("-9223372036854775808", "-100000000000000000"),
            ("123456.789", "123456.789"),
        ])
    func quantities(text: String, expected: String) throws {
        #expect(try #require(Quantity(text)).description == expected)
    }

    @Test("the tree of ranks says what sorting says", arguments: 0..<20 as Range<UInt64>)
    func ranks(seed: UInt64) {
        var choice = SeededGenerator(seed: seed)
        let numbers = (0..<choice.number(1...40)).map { _ in Int128(choice.number(-5...5)) }
        var tree = RankTree(numbers)
        var held: [Int128] = []
        for number in numbers {
            let times = choice.number(1...3)
            tree.add(number, times: times)
            held += Array(repeating: number, count: times)
            if choice.number(0...2) == 0, let gone = held.randomElement(using: &choice), held.count > 1 {
                tree.add(gone, times: -1)
                if let place = held.firstIndex(of: gone) { held.remove(at: place) }
            }
            let sorted = held.sorted()
            let found = (1...sorted.count).map { tree.number(at: $0) }
            #expect(found == sorted, "seed \(seed)")
        }
    }
}
