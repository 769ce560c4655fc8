import Detection
import JSON
import Testing

@Suite("Correlation sets")
struct CorrelationSetTests {
    private static func count(_ id: String, of rules: String, _ more: String = "") -> String {
        correlation(id, "type: event_count, rules: [\(rules)], timespan: 10s, condition: {gte: 2}\(more)")
    }

    @Test("rules are found by name, by id in any case, and correlations too, whatever the order of the file")
    func references() throws {
        let set = try correlationSet(
            Self.count("outer", of: "inner, Id-B") + Self.count("inner", of: "a, id-c"))
        #expect(set.refused.isEmpty, "\(set.refused)")
        #expect(set.correlations.map(\.id) == ["inner", "outer"])
        #expect(["id-a", "ID-B", "id-c"].allSatisfy(set.needs))
        #expect(!set.needs("inner") && !set.needs("id-d"))
    }

    @Test(
        "a correlation that cannot be resolved is refused with its place and reason",
        arguments: [
            (count("k", of: "nothing"), ["'nothing'"]),
            (count("k", of: "A"), ["'A'"]),
            (count("k", of: "a, ID-a"), ["named twice"]),
            (count("a", of: "b") + count("k", of: "a"), ["'a' names more than one"]),
            (count("k", of: "k"), ["refers to itself"]),
            (count("k", of: "l") + count("l", of: "k"), ["refers to itself", "'l'"]),
            (count("k", of: "a") + count("k", of: "b"), ["the id 'k'"]),
            (count("k", of: "none") + count("l", of: "a, k") + count("m", of: "l"), ["'none'", "'k'", "'l'"]),
            (count("k", of: "a", ", group-by: [ip], aliases: {ip: {b: x}}"), ["'b'"]),
            (count("k", of: "a", ", group-by: [ip], aliases: {ip: {a: x, id-a: y}}"), ["two fields"]),
            (count("k", of: "a", ", group-by: [ip]") + count("l", of: "k", ", group-by: [user]"), ["'user'"]),
        ])
    func refusals(yaml: String, reasons: [String]) throws {
        let set = try correlationSet(yaml)
        #expect(set.refused.count == reasons.count, "\(set.refused)")
        for (problem, reason) in zip(set.refused, reasons) {
            #expect(problem.reason.contains(reason) && problem.file == "c.yml" && problem.line != nil, "\(problem)")
        }
    }

    @Test("what a refused correlation names is not silenced, and the others go on")
    func refusedSilencesNothing() throws {
        let set = try correlationSet(Self.count("k", of: "a, none") + Self.count("l", of: "b"))
        #expect(!set.isSilenced("id-a") && !set.needs("id-a"))
        #expect(set.isSilenced("ID-b"))
        #expect(set.correlations.map(\.id) == ["l"])
    }

    @Test("a rule alerts on its own when nothing refers to it, or one that refers to it has 'generate'")
    func generate() throws {
        let set = try correlationSet(
            Self.count("k", of: "a, b") + Self.count("l", of: "b, k", ", generate: true")
                + Self.count("m", of: "l"))
        #expect(set.isSilenced("id-a") && !set.isSilenced("id-b") && !set.isSilenced("id-c"))
        #expect(!set.isSilenced("k") && set.isSilenced("l") && !set.isSilenced("m"))
        var engine = CorrelationEngine(set)
        let found = engine.consume(all: [
            record("a", at: 0), record("a", at: 1), record("a", at: 2), record("a", at: 3),
        ])
        #expect(found.map(\.id) == ["k", "m"])
    }

    @Test("the fields to be read are those of the groups and counted values, by the names of each rule")
    func fields() throws {
        let set = try correlationSet(
            correlation(
                "k",
                "type: value_count, rules: [a, b], group-by: [ip, host], timespan: 10s, "
                    + "aliases: {ip: {a: src_ip}, who: {b: user.name}}, condition: {field: who, gte: 2}")
                + Self.count("l", of: "a", ", group-by: [user]"))
        #expect(set.fields(for: ["id-a"]) == ["src_ip", "host", "who", "user"])
        #expect(set.fields(for: ["ID-B"]) == ["ip", "host", "user.name"])
        #expect(set.fields(for: ["id-c"]).isEmpty)
        let event = DetectionEvent(
            ["host": ["h1", "h2"], "user": ["name": "u"], "ip": nil], logsource: Logsource(product: "test"),
            extracted: ["src_ip": "1"])
        #expect(
            set.fields(for: ["id-a", "id-b"], of: event).mapValues { $0.sorted() }
                == ["src_ip": ["1"], "host": ["h1", "h2"], "user.name": ["u"]])
    }

    @Test("the reach is the sum of a chain's timespans and latenesses, and once more the last")
    func reach() throws {
        let chain = Self.count("k", of: "a") + Self.count("l", of: "k") + Self.count("m", of: "b")
        #expect(try correlationSet(chain).reach(lateness: 5 * second) == 45 * second)
        #expect(try correlationSet(chain).reach == 3 * 3_610 * second)
        #expect(CorrelationSet(correlations: [], rules: []).reach(lateness: 5) == 0)
    }

    @Test("a chain is not followed without end")
    func depth() throws {
        let chain = (0..<500).map { Self.count("k\($0)", of: $0 == 0 ? "a" : "k\($0 - 1)") }
        let set = try correlationSet(chain.reversed().joined())
        #expect(!set.refused.isEmpty && !set.correlations.isEmpty)
    }
}
