import Detection
import SeededChance
import Testing

@Suite("A brute force, a success and an exec")
struct BruteForceChainTests {
    private static let set = Result {
        try correlationSet(
            correlation(
                "guessing",
                "type: event_count, rules: [failed], group-by: [src_ip, host, user], timespan: 10m, "
                    + "condition: {gte: 12}")
                + correlation(
                    "break_in",
                    "type: temporal_ordered, rules: [guessing, accepted], group-by: [src_ip, host, user], "
                        + "timespan: 5m")
                + correlation(
                    "hands_on",
                    "type: temporal_ordered, rules: [break_in, exec], group-by: [src_ip], timespan: 5m, "
                        + "aliases: {src_ip: {exec: sourceIPs}}"),
            rules: ["failed", "accepted", "exec"])
    }

    private static func login(
        _ rule: String, at time: Int64, from address: String = "203.0.113.9", on host: String = "bastion-1",
        as user: String = "root"
    ) -> CorrelationInput {
        record(rule, at: time, fields: ["src_ip": [address], "host": [host], "user": [user]])
    }

    private static func exec(at time: Int64, from address: String = "203.0.113.9") -> CorrelationInput {
        record("exec", at: time, fields: ["sourceIPs": [address, "10.0.0.1"]])
    }

    /// So many failures, the last of them ten minutes less than half a minute after the first.
    private static func failures(_ count: Int, from start: Int64 = 0) -> [CorrelationInput] {
        (0..<count).map { login("failed", at: start + Int64($0) * 570 / Int64(max(1, count - 1))) }
    }

    private static func found(_ inputs: [CorrelationInput]) throws -> [CorrelationMatch] {
        var engine = CorrelationEngine(try set.get())
        return engine.consume(all: inputs)
    }

    @Test("twelve failures, a success and an exec are exactly one match, with all fourteen records")
    func twelve() throws {
        let story = Self.failures(12) + [Self.login("accepted", at: 600), Self.exec(at: 620)]
        let found = try Self.found(story)
        #expect(found.map(\.id) == ["hands_on"])
        #expect(found.first?.group == [.init(name: "src_ip", value: "203.0.113.9")])
        #expect(found.first?.digests == story.map(\.digest))
        #expect(found.first?.rules == ["id-accepted", "id-exec", "id-failed"])
        #expect(found.first?.firstOccurredAt == 0 && found.first?.lastOccurredAt == 620 * second)
    }

    @Test("forty failures and more successes and execs are still one")
    func forty() throws {
        let story =
            Self.failures(40) + [580, 590].map { Self.login("accepted", at: $0) }
            + (600..<700).map { Self.exec(at: $0) }
        #expect(try Self.found(story).count == 1)
        #expect(try Self.found(story + story).count == 1)
    }

    @Test("what is no such story makes no match")
    func others() throws {
        let twelve = Self.failures(12)
        let success = Self.login("accepted", at: 600)
        let stories: [String: [CorrelationInput]] = [
            "eleven": Self.failures(11) + [success, Self.exec(at: 620)],
            "eleven and one of them again": Self.failures(11) + Self.failures(1) + [success, Self.exec(at: 620)],
            "no success": twelve + [Self.exec(at: 620)],
            "no exec": twelve + [success],
            "a success from another address": twelve + [
                Self.login("accepted", at: 600, from: "198.51.100.1"), Self.exec(at: 620),
            ],
            "a success on another host": twelve + [
                Self.login("accepted", at: 600, on: "bastion-2"), Self.exec(at: 620),
            ],
            "a success of another user": twelve + [
                Self.login("accepted", at: 600, as: "admin"), Self.exec(at: 620),
            ],
            "an exec from another address": twelve + [success, Self.exec(at: 620, from: "198.51.100.1")],
            "a failure on another host": Self.failures(12).dropLast() + [
                Self.login("failed", at: 570, on: "bastion-2"), success, Self.exec(at: 620),
            ],
            "an exec before the success": twelve + [Self.exec(at: 590), success],
            "an exec too late": twelve + [success, Self.exec(at: 901)],
            "a success too late": twelve + [Self.login("accepted", at: 871), Self.exec(at: 880)],
        ]
        for (name, story) in stories { #expect(try Self.found(story).isEmpty, "\(name)") }
    }

    @Test("midnight is a time like any other")
    func midnight() throws {
        let eve: Int64 = 20_000 * 86_400 - 300
        let story =
            Self.failures(12, from: eve) + [Self.login("accepted", at: eve + 600), Self.exec(at: eve + 620)]
        #expect(try Self.found(story).count == 1)
    }

    @Test("the records may come in any order within the lateness", arguments: 0..<50 as Range<UInt64>)
    func anyOrder(seed: UInt64) throws {
        var choice = SeededGenerator(seed: seed)
        func shuffled(_ count: Int) -> [CorrelationInput] {
            let story = Self.failures(count) + [Self.login("accepted", at: 600), Self.exec(at: 620)]
            return story.shuffled(using: &choice).enumerated().map { index, input in
                var late = input
                late.arrivedAt = (700 + Int64(index) * 200) * second
                return late
            }
        }
        #expect(try Self.found(shuffled(12)).count == 1, "seed \(seed)")
        #expect(try Self.found(shuffled(11)).isEmpty, "seed \(seed)")
    }

    @Test("a stop anywhere in the story changes nothing")
    func restart() throws {
        let story = Self.failures(12) + [Self.login("accepted", at: 600)] + [620, 630].map { Self.exec(at: $0) }
        for cut in 0...story.count {
            var engine = CorrelationEngine(try Self.set.get())
            let before = engine.consume(all: Array(story[..<cut]))
            var next = CorrelationEngine(try Self.set.get())
            _ = next.consume(all: Array(story[..<cut]))
            let after = next.consume(all: Array(story[cut...]))
            #expect(before.count + after.count == 1, "stopped before record \(cut)")
        }
    }

    @Test("the base rules and the inner correlations make no alerts of their own")
    func silence() throws {
        let set = try Self.set.get()
        #expect(["id-failed", "id-accepted", "id-exec", "guessing", "break_in"].allSatisfy(set.isSilenced))
        #expect(!set.isSilenced("hands_on"))
        #expect(set.fields(for: ["id-exec"]) == ["sourceIPs"])
        #expect(set.reach == (10 + 5 + 5 + 5 + 4 * 60) * minute)
    }

    @Test("a flood from one address is kept within bounds of time and memory")
    func flood() throws {
        var engine = CorrelationEngine(
            try Self.set.get(), limits: CorrelationLimits(entriesPerGroup: 500, groupsPerCorrelation: 10))
        var told = 0
        for index in 0..<5_000 {
            var input = Self.login("failed", at: Int64(index) / 50, as: "root")
            input.digest = "\(index)"
            told += engine.consume(input).count
            if index % 1_000 == 999 {
                var success = Self.login("accepted", at: Int64(index) / 50)
                success.digest = "success \(index)"
                told += engine.consume(success).count + engine.consume(Self.exec(at: Int64(index) / 50 + 1)).count
            }
        }
        #expect(told == 1)
        #expect(engine.counters.entriesHeld <= 1_500 && engine.counters.entriesDropped > 4_000)
    }
}
