import Detection
import Testing

@Suite("Correlations")
struct CorrelationEngineTests {
    private static let three = correlation(
        "k", "type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 3}")
    private static let root = ["user": ["root"]]

    private static func root(_ times: [Int64]) -> [CorrelationInput] {
        times.map { record("a", at: $0, fields: root) }
    }

    @Test("a match says what it is, in which group, when, how many and by which records")
    func contents() throws {
        let found = try matches(Self.three, Self.root([1, 4, 11]))
        try #require(found.count == 1)
        let match = found[0]
        #expect(match.id == "k" && match.title == "Title of k" && match.level == .high)
        #expect(match.tags == ["attack.t1110"] && match.author == "Someone")
        #expect(match.group == [.init(name: "user", value: "root")])
        #expect(match.firstOccurredAt == 1 * second && match.lastOccurredAt == 11 * second)
        #expect(match.count == 3)
        #expect(match.digests == Self.root([1, 4, 11]).map(\.digest))
        #expect(match.rules == ["id-a"])
    }

    @Test(
        "a window slides, has no fixed boundaries, and holds its first and its last event",
        arguments: [
            ([0, 5, 10], 1), ([0, 5, 11], 0), ([9, 10, 11], 1), ([0, 1], 0), ([0, 6, 12, 16], 1),
            ([86_395, 86_399, 86_401], 1), ([5, 5, 5], 0),
        ] as [([Int64], Int)])
    func windows(times: [Int64], expected: Int) throws {
        #expect(try matches(Self.three, Self.root(times)).count == expected)
    }

    @Test("three different records of one time count as three, the same one thrice as one")
    func distinct() throws {
        let same = (0..<3).map { _ in record("a", at: 5, digest: "d", fields: Self.root) }
        let different = (0..<3).map { record("a", at: 5, digest: "d\($0)", fields: Self.root) }
        #expect(try matches(Self.three, same).isEmpty)
        #expect(try matches(Self.three, different).count == 1)
        #expect(try matches(Self.three, different + same + different).count == 1)
    }

    @Test("a record for which two rules of a count hold is one record, and both rules are told")
    func twoRules() throws {
        let both = correlation("k", "type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}")
        #expect(try matches(both, [record("a", "b", at: 1)]).isEmpty)
        let found = try matches(both, [record("a", "b", at: 1), record("a", at: 2)])
        #expect(found.map(\.rules) == [["id-a", "id-b"]])
    }

    @Test("records that were only counted count as many")
    func counted() throws {
        let found = try matches(
            Self.three, [record("a", at: 1, fields: Self.root), record("a", at: 2, fields: Self.root, count: 7)])
        #expect(found.map(\.count) == [8])
        let late = try matches(
            Self.three,
            [
                record("a", at: 1, fields: Self.root, count: 7), record("a", at: 30, fields: Self.root),
                record("a", at: 31, fields: Self.root),
            ])
        #expect(late.map(\.lastOccurredAt) == [1 * second])
    }

    @Test("groups are counted apart, and a record without one of the fields does not count")
    func groups() throws {
        let pair = correlation(
            "k", "type: event_count, rules: [a], group-by: [user, host], timespan: 10s, condition: {gte: 2}")
        func at(_ time: Int64, _ user: String, _ host: String) -> CorrelationInput {
            record("a", at: time, fields: ["user": [user], "host": [host]])
        }
        #expect(try matches(pair, [at(1, "u", "h"), at(2, "u", "i"), at(3, "v", "h"), at(4, "U", "h")]).isEmpty)
        let bare = [record("a", at: 1, fields: Self.root), record("a", at: 2, fields: Self.root)]
        #expect(try matches(pair, bare).isEmpty)
        #expect(try matches(pair, [record("a", at: 1), record("a", at: 2)]).isEmpty)
        let found = try matches(pair, [at(1, "u", "h"), at(2, "v", "h"), at(3, "u", "h")])
        #expect(found.map(\.group) == [[.init(name: "user", value: "u"), .init(name: "host", value: "h")]])
        // Values that run together are not the same.
        #expect(try matches(pair, [at(1, "u", "vh"), at(2, "uv", "h")]).isEmpty)
    }

    @Test("a field with several values puts a record into each group, sixteen at most, and tells what it left out")
    func severalValues() throws {
        let two = correlation(
            "k", "type: event_count, rules: [a], group-by: [ip, user], timespan: 10s, condition: {gte: 2}")
        let many = ["ip": (0..<5).map { "ip\($0)" }, "user": ["u", "v", "u", "w", "x"]]
        var engine = CorrelationEngine(try correlationSet(two))
        _ = engine.consume(record("a", at: 1, fields: many))
        #expect(engine.counters.groupsHeld == 16 && engine.counters.combinationsDropped == 4)
        let found = engine.consume(record("a", at: 2, fields: ["ip": ["ip3", "ip4"], "user": ["v"]]))
        #expect(found.map(\.group) == [[.init(name: "ip", value: "ip3"), .init(name: "user", value: "v")]])
        let endless = ["ip": (0..<3_000).map { "\($0)" }, "user": (0..<3_000).map { "\($0)" }]
        _ = engine.consume(record("a", at: 3, fields: endless))
        #expect(engine.counters.combinationsDropped == 4 + 9_000_000 - 16)
    }

    @Test("one episode is one match, however long it goes on; after a pause of more than a timespan it is another")
    func episodes() throws {
        #expect(try matches(Self.three, Self.root(Array(0..<200))).count == 1)
        #expect(try matches(Self.three, Self.root([0, 1, 2, 12, 13, 14])).count == 1)
        let two = try matches(Self.three, Self.root([0, 1, 2, 13, 14, 15]))
        #expect(two.map(\.firstOccurredAt) == [0, 13 * second])
        let otherGroup = ["user": ["guest"]]
        let mixed = Self.root([0, 1, 2]) + (3...5).map { record("a", at: $0, fields: otherGroup) }
        #expect(try matches(Self.three, mixed).count == 2)
    }

    @Test("late records complete windows that ended before, and extend an episode backwards without a word")
    func late() throws {
        func at(_ time: Int64) -> CorrelationInput {
            record("a", at: time, arrived: 100, fields: Self.root)
        }
        let backwards = try matches(Self.three, [at(11), at(5), at(1)])
        #expect(backwards.map(\.firstOccurredAt) == [1 * second])
        #expect(backwards.map(\.lastOccurredAt) == [11 * second])
        #expect(try matches(Self.three, [at(50), at(51), at(52), at(48), at(44), at(40), at(36)]).count == 1)
        #expect(try matches(Self.three, [at(50), at(51), at(52), at(30), at(31), at(32)]).count == 2)
        let bridged = try matches(Self.three, [at(50), at(51), at(52), at(30), at(31), at(32), at(41), at(42), at(43)])
        #expect(bridged.count == 2)
    }

    @Test("a record counts until its arrival lies further back than the timespan and the lateness, to the microsecond")
    func retention() throws {
        func arriving(_ arrival: Int64) throws -> Int {
            var last = record("a", at: 3, fields: Self.root)
            last.arrivedAt = arrival
            return try matches(
                Self.three, [record("a", at: 1, fields: Self.root), record("a", at: 2, fields: Self.root), last],
                lateness: 5 * second
            ).count
        }
        #expect(try arriving(16 * second) == 1)
        #expect(try arriving(16 * second + 1) == 0)
    }

    @Test("a recording read long afterwards gives what it would have given then")
    func backfill() throws {
        let live = Self.root([0, 1, 2, 40, 41, 42, 1_000, 1_001, 1_002])
        var replayed = live
        for index in replayed.indices { replayed[index].arrivedAt = 1_000_000_000 * second }
        #expect(try matches(Self.three, live).count == 3)
        #expect(try matches(Self.three, replayed) == matches(Self.three, live))
    }

    @Test("what a restart needs is the reach, to the microsecond")
    func reach() throws {
        let pair = try correlationSet(
            correlation("k", "type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}"))
        let inputs = [
            record("a", at: 0), record("a", at: 10, arrived: 15), record("a", at: 20, arrived: 30),
        ]
        func told(from arrival: Int64) -> Int {
            var engine = CorrelationEngine(pair, lateness: 5 * second)
            for input in inputs.dropLast() where input.arrivedAt >= arrival { _ = engine.consume(input) }
            return engine.consume(inputs[2]).count
        }
        let reach = CorrelationEngine(pair, lateness: 5 * second).reach
        #expect(told(from: 30 * second - reach) == 0)
        #expect(told(from: 30 * second - reach + 1) == 1)
    }

    @Test("records are forgotten, and nothing is held of groups that fell silent")
    func forgetting() throws {
        var engine = CorrelationEngine(try correlationSet(Self.three), lateness: 0)
        for time in 0..<100 {
            _ = engine.consume(record("a", at: Int64(time), fields: ["user": ["u\(time)"]]))
        }
        #expect(engine.counters.groupsHeld == 11 && engine.counters.entriesHeld == 11)
        _ = engine.consume(record("b", at: 1_000))
        #expect(engine.counters == CorrelationCounters())
    }

    @Test("a match is told once more when its records are resent after they were forgotten, not before")
    func resent() throws {
        let first = Self.root([0, 1, 2])
        func again(after: Int64) throws -> Int {
            var later = first
            for index in later.indices { later[index].arrivedAt = (2 + after) * second }
            return try matches(Self.three, first + later, lateness: 0).count
        }
        #expect(try again(after: 5) == 1)
        #expect(try again(after: 10) == 1)
        #expect(try again(after: 11) == 2)
    }

    @Test(
        "conditions that more events make false are held against what is known when an input arrives",
        arguments: [
            ("eq: 2", [0, 1], 1), ("eq: 2", [0], 0), ("neq: 1, gt: 0", [0], 0), ("neq: 1, gt: 0", [0, 1], 1),
            ("lt: 3, gt: 1", [0, 1, 2], 1), ("lte: 2, gte: 2", [0, 30], 0), ("gt: 2", [0, 1], 0),
            ("gt: 2", [0, 1, 2], 1), ("lt: 2, gte: 1", [0, 1, 2], 1),
        ] as [(String, [Int64], Int)])
    func comparisons(condition: String, times: [Int64], expected: Int) throws {
        let yaml = correlation("k", "type: event_count, rules: [a], timespan: 10s, condition: {\(condition)}")
        #expect(try matches(yaml, times.map { record("a", at: $0) }).count == expected)
    }

    @Test("different values are counted, not records; of two fields the pairs; missing ones not at all")
    func values() throws {
        let spray = correlation(
            "k", "type: value_count, rules: [a], group-by: [ip], timespan: 10s, condition: {field: user, gte: 3}")
        func at(_ time: Int64, _ users: [String]) -> CorrelationInput {
            record("a", at: time, fields: ["ip": ["1"], "user": users])
        }
        #expect(try matches(spray, [at(1, ["u"]), at(2, ["u"]), at(3, ["v"]), at(4, ["u"])]).isEmpty)
        #expect(try matches(spray, [at(1, ["u"]), at(2, ["v"]), at(13, ["w"])]).isEmpty)
        #expect(try matches(spray, [at(1, ["u"]), at(2, []), at(3, ["v"])]).isEmpty)
        let found = try matches(spray, [at(1, ["u"]), at(2, ["v"]), at(3, ["v"]), at(4, ["w"])])
        #expect(found.map(\.count) == [3])
        #expect(found.map(\.digests.count) == [4])
        #expect(try matches(spray, [at(1, ["u"]), at(2, ["v", "w"])]).map(\.count) == [3])
        #expect(try matches(spray, [at(11, ["w"]), at(2, ["v"]), at(1, ["u"])]).map(\.lastOccurredAt) == [11 * second])

        let pairs = correlation(
            "k", "type: value_count, rules: [a], timespan: 10s, condition: {field: [x, y], gte: 3}")
        func pair(_ time: Int64, _ x: String, _ y: String) -> CorrelationInput {
            record("a", at: time, fields: ["x": [x], "y": [y]])
        }
        #expect(try matches(pairs, [pair(1, "1", "2"), pair(2, "2", "1"), pair(3, "1", "2")]).isEmpty)
        #expect(try matches(pairs, [pair(1, "1", "2"), pair(2, "2", "1"), pair(3, "1", "1")]).count == 1)
        #expect(try matches(pairs, (1...3).map { record("a", at: $0, fields: ["x": ["\($0)"]]) }).isEmpty)
    }

    @Test("temporal wants every rule within the timespan, in any order; one record may be several")
    func temporal() throws {
        let all = correlation("k", "type: temporal, rules: [a, b, c], timespan: 10s")
        #expect(try matches(all, [record("c", at: 0), record("a", at: 5), record("b", at: 10)]).map(\.count) == [3])
        #expect(try matches(all, [record("c", at: 0), record("a", at: 5), record("b", at: 11)]).isEmpty)
        #expect(try matches(all, [record("a", at: 0), record("a", at: 5), record("b", at: 6)]).isEmpty)
        #expect(try matches(all, [record("a", "b", at: 0), record("c", at: 5)]).map(\.digests.count) == [2])
        let late = [record("a", at: 5, arrived: 20), record("b", at: 9, arrived: 20), record("c", at: 1, arrived: 20)]
        #expect(try matches(all, late).map(\.lastOccurredAt) == [9 * second])
    }

    @Test(
        "temporal_ordered wants the rules in their order, within the timespan",
        arguments: [
            ([("a", 0), ("b", 5), ("c", 10)], 1), ([("a", 0), ("b", 5), ("c", 11)], 0),
            ([("a", 0), ("c", 5), ("b", 6)], 0), ([("b", 0), ("a", 1), ("c", 2)], 0),
            ([("a", 0), ("b", 1), ("a", 3), ("c", 11)], 0), ([("a", 0), ("a", 5), ("b", 6), ("c", 11)], 1),
            ([("a", 5), ("b", 5), ("c", 5)], 1), ([("c", 5), ("b", 5), ("a", 5)], 1),
            ([("c", 9), ("b", 5), ("a", 0)], 1),
            ([("a", 0), ("b", 1), ("c", 2), ("c", 3), ("b", 4), ("c", 5)], 1),
        ] as [([(String, Int64)], Int)])
    func ordered(steps: [(String, Int64)], expected: Int) throws {
        let yaml = correlation("k", "type: temporal_ordered, rules: [a, b, c], timespan: 10s")
        let found = try matches(yaml, steps.map { record($0.0, at: $0.1, arrived: 20) })
        #expect(found.count == expected)
        #expect(found.allSatisfy { $0.rules == ["id-a", "id-b", "id-c"] && $0.count == 3 })
    }

    @Test("in a sequence one record is one step, and of those of one time each may stand where it is needed")
    func oneRecordOneStep() throws {
        let yaml = correlation("k", "type: temporal_ordered, rules: [a, b], timespan: 10s")
        #expect(try matches(yaml, [record("a", "b", at: 5)]).isEmpty)
        #expect(try matches(yaml, [record("a", "b", at: 5), record("a", "b", at: 6)]).count == 1)
        #expect(try matches(yaml, [record("a", "b", at: 5, digest: "x"), record("a", at: 5, digest: "y")]).count == 1)
        #expect(try matches(yaml, [record("a", "b", at: 5, digest: "y"), record("a", at: 5, digest: "x")]).count == 1)
        let three = correlation("k", "type: temporal_ordered, rules: [a, b, c], timespan: 10s")
        let tied = [
            record("a", "b", "c", at: 5, digest: "x"), record("a", "b", at: 5, digest: "y"),
            record("b", "c", at: 5, digest: "z"),
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            #expect(try matches(three, order.map { tied[$0] }).count == 1, "\(order)")
        }
        #expect(try matches(three, Array(tied.prefix(2))).isEmpty)
    }

    @Test("other names of fields are read through aliases, for each rule its own")
    func aliases() throws {
        let yaml = correlation(
            "k",
            "type: temporal, rules: [a, ID-b], timespan: 10s, group-by: [ip, user], "
                + "aliases: {ip: {a: src, b: client.ip}}")
        let first = record("a", at: 1, fields: ["src": ["1"], "client.ip": ["9"], "user": ["u"]])
        let same = record("b", at: 2, fields: ["client.ip": ["1"], "src": ["9"], "user": ["u"]])
        let other = record("b", at: 2, fields: ["client.ip": ["2"], "src": ["1"], "user": ["u"]])
        #expect(try matches(yaml, [first, other]).isEmpty)
        let found = try matches(yaml, [first, same])
        #expect(found.map(\.group) == [[.init(name: "ip", value: "1"), .init(name: "user", value: "u")]])
    }

    @Test("every hit counts in a chained correlation, and only the outer one is told")
    func chains() throws {
        let yaml =
            correlation("inner", "type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}")
            + correlation("outer", "type: event_count, rules: [inner], timespan: 20s, condition: {gte: 3}")
        let found = try matches(yaml, [0, 1, 2, 3].map { record("a", at: $0) })
        #expect(found.map(\.id) == ["outer"])
        #expect(found.map(\.count) == [3])
        #expect(found.map(\.firstOccurredAt) == [0])
        #expect(found.map(\.lastOccurredAt) == [3 * second])
        #expect(found.map(\.digests.count) == [4])
        #expect(found.map(\.rules) == [["id-a"]])
        #expect(try matches(yaml, [0, 1, 2].map { record("a", at: $0) }).isEmpty)
    }

    @Test("a hit is no other record than the one that ended it, unless several did")
    func hitsAreRecords() throws {
        let yaml =
            correlation("inner", "type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}")
            + correlation("outer", "type: temporal_ordered, rules: [inner, b], timespan: 20s")
        #expect(try matches(yaml, [record("a", at: 0), record("a", "b", at: 5)]).isEmpty)
        #expect(try matches(yaml, [record("a", at: 0), record("a", at: 5), record("b", at: 5)]).count == 1)
        let tied = [record("a", at: 5), record("a", "b", at: 5)]
        #expect(try matches(yaml, tied).count == 1)
    }

    @Test("bounds are kept, the oldest goes first, and what is lost is counted")
    func bounds() throws {
        let set = try correlationSet(Self.three)
        var engine = CorrelationEngine(
            set, limits: CorrelationLimits(entriesPerGroup: 2, groupsPerCorrelation: 3))
        #expect(engine.consume(all: Self.root(Array(0..<20))).isEmpty)
        #expect(engine.counters.entriesHeld == 2 && engine.counters.entriesDropped == 18)
        for user in ["u", "v", "root", "w"] {
            _ = engine.consume(record("a", at: 20, fields: ["user": [user]]))
        }
        #expect(engine.counters.groupsHeld == 3 && engine.counters.groupsDropped == 1)
        #expect(engine.counters.entriesHeld == 4)
        // Of u and v it is v that goes, to which nothing was added for longer.
        var smaller = CorrelationEngine(set, limits: CorrelationLimits(entriesPerGroup: 3, groupsPerCorrelation: 2))
        let found = smaller.consume(
            all: ["u", "v", "u", "w", "u"].enumerated().map { record("a", at: Int64($0), fields: ["user": [$1]]) })
        #expect(found.map(\.group) == [[.init(name: "user", value: "u")]])
        #expect(smaller.counters.groupsDropped == 1)
    }

    @Test("a match lists a thousand records at most, the newest, in the order of time")
    func evidence() throws {
        let many = correlation("k", "type: event_count, rules: [a], timespan: 1h, condition: {gte: 1200}")
        let found = try matches(many, (0..<1_200).map { record("a", at: $0, digest: "\($0)") })
        #expect(found.map(\.digests) == [(200..<1_200).map { "\($0)" }])
        #expect(found.map(\.count) == [1_200])
        #expect(found.map(\.firstOccurredAt) == [0])
    }

    @Test("times and counts at the ends of the numbers do no harm")
    func extremes() throws {
        var engine = CorrelationEngine(try correlationSet(Self.three), lateness: .max)
        for time in [Int64.min, .max, 0, .max, .min] {
            for arrival in [Int64.min, .max, 0] {
                _ = engine.consume(
                    CorrelationInput(
                        rules: ["id-a"], occurredAt: time, arrivedAt: arrival, digest: "\(time)\(arrival)",
                        fields: Self.root, count: .max))
            }
        }
        #expect(engine.counters.entriesHeld == 9)
    }
}
