import Detection
import Testing

@Suite("Correlations of what does not happen")
struct CorrelationAbsenceTests {
    /// Told when a host is silent for ten seconds.
    private static let heartbeat = correlation(
        "k", "type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {eq: 0}")
    private static let late = 5 * second

    private static func beat(_ time: Int64, host: String = "h", arrived: Int64? = nil) -> CorrelationInput {
        record("a", at: time, arrived: arrived, fields: ["host": [host]])
    }

    private static func engine(
        _ yaml: String, activeSince: [String: Int64] = [:], limits: CorrelationLimits = CorrelationLimits()
    ) throws -> CorrelationEngine {
        let set = try correlationSet(yaml)
        if let problem = set.refused.first { throw problem }
        return CorrelationEngine(set, lateness: late, limits: limits, activeSince: activeSince)
    }

    @Test("a silence is told when nothing on time can fill it any more, not before, to the microsecond")
    func due() throws {
        var engine = try Self.engine(Self.heartbeat)
        #expect(engine.consume(all: [Self.beat(0), Self.beat(4)]).isEmpty)
        #expect(engine.advance(to: 19 * second).isEmpty)
        let found = engine.advance(to: 19 * second + 1)
        try #require(found.count == 1)
        #expect(found[0].group.map(\.value) == ["h"] && found[0].count == 0)
        #expect(found[0].firstOccurredAt == 4 * second && found[0].lastOccurredAt == 14 * second)
        #expect(found[0].judgedAt == 19 * second + 1)
        #expect(found[0].digests == [Self.beat(4).digest] && found[0].rules == ["id-a"])
        #expect(engine.advance(to: 10_000 * second).isEmpty)
    }

    @Test(
        "what keeps coming is no silence, what comes late but on time fills one, and what comes later does not",
        arguments: [
            ([(0, 0), (10, 10), (20, 20)], 34, 0), ([(0, 0), (11, 11)], 25, 1), ([(0, 0), (10, 15)], 25, 0),
            ([(0, 0), (10, 16)], 25, 1), ([(0, 0), (20, 20), (9, 12)], 30, 1), ([(0, 0), (20, 20), (10, 14)], 30, 0),
            ([(0, 0), (0, 0)], 20, 1),
        ] as [([(Int64, Int64)], Int64, Int)])
    func lateness(beats: [(Int64, Int64)], until: Int64, expected: Int) throws {
        var engine = try Self.engine(Self.heartbeat)
        var found = 0
        for (time, arrived) in beats.sorted(by: { $0.1 < $1.1 }) {
            found += engine.consume(Self.beat(time, arrived: arrived)).count
        }
        #expect(found + engine.advance(to: until * second).count == expected)
    }

    @Test("a silence is told once, and again when something was heard in between and it is another one")
    func episodes() throws {
        var engine = try Self.engine(Self.heartbeat)
        #expect(engine.consume(Self.beat(0)).isEmpty)
        #expect(engine.advance(to: 1_000 * second).count == 1)
        #expect(engine.advance(to: 2_000 * second).isEmpty)
        #expect(engine.consume(Self.beat(2_000)).isEmpty)
        #expect(engine.advance(to: 3_000 * second).count == 1)
        // Silences that lie within a timespan of each other are one.
        #expect(engine.consume(all: [3_000, 3_015, 3_030].map { Self.beat($0) }).count == 1)
        #expect(engine.advance(to: 4_000 * second).isEmpty)
    }

    @Test("each group that was heard has a silence of its own, and one that was never heard has none")
    func groups() throws {
        var engine = try Self.engine(Self.heartbeat)
        var found = engine.consume(all: [Self.beat(0, host: "a"), Self.beat(1, host: "b"), Self.beat(9, host: "a")])
        found += engine.advance(to: 17 * second)
        #expect(found.map { $0.group.map(\.value) } == [["b"]])
        found = engine.advance(to: 100 * second)
        #expect(found.map { $0.group.map(\.value) } == [["a"]])
        #expect(engine.counters == CorrelationCounters())
    }

    @Test("a record that comes later than the lateness begins no silence, and one from the future is of now")
    func times() throws {
        var engine = try Self.engine(Self.heartbeat)
        #expect(engine.consume(Self.beat(0, host: "old", arrived: 6)).isEmpty)
        #expect(engine.consume(Self.beat(9_999, host: "fast", arrived: 6)).isEmpty)
        let found = engine.advance(to: 100 * second)
        #expect(found.map { $0.group.map(\.value) } == [["fast"]])
        #expect(found.map(\.lastOccurredAt) == [16 * second])
    }

    @Test("what is sent again late is still what came on time")
    func resent() throws {
        var engine = try Self.engine(Self.heartbeat)
        #expect(engine.consume(all: [Self.beat(0), Self.beat(0, arrived: 12)]).isEmpty)
        #expect(engine.advance(to: 16 * second).map(\.lastOccurredAt) == [10 * second])
    }

    @Test("without groups there is one, which is there from when the correlation began to hold")
    func ungrouped() throws {
        let all = correlation("k", "type: event_count, rules: [a], timespan: 10s, condition: {lt: 1}")
        var engine = try Self.engine(all, activeSince: ["k": 100 * second])
        #expect(engine.advance(to: 115 * second).isEmpty)
        let found = engine.advance(to: 116 * second)
        #expect(found.map(\.firstOccurredAt) == [100 * second] && found.map(\.digests) == [[]])
        var fed = try Self.engine(all, activeSince: ["k": 100 * second])
        #expect(fed.consume(record("a", at: 107)).isEmpty)
        #expect(fed.advance(to: 122 * second).isEmpty)
        #expect(fed.advance(to: 123 * second).map(\.firstOccurredAt) == [107 * second])
        // Nothing is known of a time whose inputs are not given.
        let set = try correlationSet(all)
        var later = CorrelationEngine(
            set, lateness: Self.late, activeSince: ["k": 100 * second], knownSince: 101 * second)
        #expect(later.advance(to: 1_000 * second).isEmpty)
    }

    @Test("what was over before the correlation began to hold is not told, what is over afterwards is")
    func activation() throws {
        var engine = try Self.engine(Self.heartbeat, activeSince: ["k": 18 * second])
        var found = engine.consume(all: [Self.beat(0, host: "a"), Self.beat(5, host: "b")])
        found += engine.advance(to: 100 * second)
        #expect(found.map { $0.group.map(\.value) } == [["b"]])
    }

    @Test(
        "too few, too few different ones, too little and too few of several rules are told as well",
        arguments: [
            ("type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {lt: 3}", [1, 2, 3], 0),
            ("type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {lt: 3}", [1, 2], 1),
            ("type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {neq: 2}", [1, 2], 0),
            (
                "type: value_count, rules: [a], group-by: [host], timespan: 10s, condition: {field: v, lte: 1}",
                [1, 2], 1
            ),
            (
                "type: value_count, rules: [a], group-by: [host], timespan: 10s, condition: {field: w, lte: 1}",
                [1, 2], 0
            ),
            (
                "type: value_sum, rules: [a], group-by: [host], timespan: 10s, condition: {field: n, lt: 2.5}", [1, 2],
                1
            ),
            ("type: value_sum, rules: [a], group-by: [host], timespan: 10s, condition: {field: n, lt: 2}", [1, 2], 0),
            ("type: temporal, rules: [a, b], group-by: [host], timespan: 10s, condition: {lt: 1}", [1], 0),
            ("type: temporal, rules: [a, b], group-by: [host], timespan: 10s, condition: {lt: 2}", [1], 1),
        ] as [(String, [Int64], Int)])
    func kinds(body: String, times: [Int64], expected: Int) throws {
        var engine = try Self.engine(correlation("k", body))
        func one(_ time: Int64) -> CorrelationInput {
            record(
                "a", at: time,
                fields: ["host": ["h"], "v": ["same"], "w": ["\(time)"], "n": ["1"]])
        }
        // The window after the first one; those after the others are not over yet.
        var found = engine.consume(all: ([0] + times).map(one))
        found += engine.advance(to: 15 * second + 1)
        #expect(found.count == expected, "\(found)")
    }

    @Test("a silence counts in a chain at the time when it ended")
    func chains() throws {
        let quiet = Self.heartbeat + correlation("outer", "type: temporal_ordered, rules: [k, b], timespan: 20s")
        var engine = try Self.engine(quiet)
        var found = engine.consume(all: [Self.beat(0), record("b", at: 12)])
        #expect(found.isEmpty)
        found = engine.advance(to: 16 * second)
        #expect(found.map(\.id) == ["outer"])
        #expect(found.map(\.lastOccurredAt) == [12 * second] && found.map(\.firstOccurredAt) == [0])
        var early = try Self.engine(quiet)
        #expect(early.consume(all: [Self.beat(0), record("b", at: 9)]).isEmpty)
        #expect(early.advance(to: 100 * second).isEmpty)
    }

    @Test("a correlation that says so waits for less, or for longer")
    func ownLateness() throws {
        for (lateness, instant) in [("0s", 10), ("1m", 70)] as [(String, Int64)] {
            let yaml = Self.heartbeat.replacing("level: high", with: "docket: {lateness: \(lateness)}")
            var engine = try Self.engine(yaml)
            #expect(engine.consume(Self.beat(0)).isEmpty)
            #expect(engine.advance(to: instant * second).isEmpty)
            #expect(engine.advance(to: instant * second + 1).count == 1, "\(lateness)")
        }
    }

    @Test("a flood into one group is one timer, and what a bound costs begins no silence")
    func flood() throws {
        var engine = try Self.engine(Self.heartbeat, limits: CorrelationLimits(entriesPerGroup: 10))
        for index in 0..<2_000 {
            var beat = Self.beat(1)
            beat.digest = "\(index)"
            #expect(engine.consume(beat).isEmpty)
        }
        #expect(engine.counters.entriesHeld == 10 && engine.counters.entriesDropped == 1_990)
        #expect(engine.advance(to: 17 * second).count == 1)
    }

    @Test("times at the ends of the numbers do no harm")
    func extremes() throws {
        var engine = try Self.engine(Self.heartbeat, activeSince: ["k": .min])
        for time in [Int64.min, .max, 0, .max, .min] {
            for arrival in [Int64.min, .max, 0] {
                _ = engine.consume(
                    CorrelationInput(
                        rules: ["id-a"], occurredAt: time, arrivedAt: arrival, digest: "\(time)\(arrival)",
                        fields: ["host": ["h"]], count: .max))
                _ = engine.advance(to: arrival)
            }
        }
        _ = engine.advance(to: .max)
        #expect(engine.counters.groupsHeld <= 1)
    }
}
