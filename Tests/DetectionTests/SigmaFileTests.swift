import Detection
import Testing

@Suite("Sigma files")
struct SigmaFileTests {
    static let base = """
        title: Failed password
        id: 11111111-1111-4111-8111-111111111111
        name: failed_password
        status: experimental
        author: Someone
        tags: [attack.t1110]
        logsource: {product: linux, service: sshd}
        detection:
            keywords: ['Failed password']
            condition: keywords
        level: low
        """

    private static func correlation(_ body: String, title: String = "Many") -> String {
        let lines = body.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        return "title: \(title)\nid: c1\nlevel: high\ncorrelation:\n\(lines)\n"
    }

    @Test("a file may hold rules and correlations, each read for what it is")
    func documents() throws {
        let counted = Self.correlation(
            "type: event_count\nrules: [failed_password]\ngroup-by: [src_ip, host]\ntimespan: 10m\ncondition: {gte: 12}"
        )
        let ordered = Self.correlation(
            """
            type: temporal_ordered
            rules:
                - c1
                - accepted
            aliases:
                ip:
                    c1: src_ip
                    accepted: source
            group-by: [ip]
            timespan: 5m
            generate: true
            """)
        let file = SigmaFile(yaml: "\(Self.base)\n---\n\(counted)\n---\n\(ordered)", file: "ssh.yml")
        #expect(file.refused.isEmpty, "\(file.refused)")
        let rule = try #require(file.rules.first)
        #expect(rule.id == "11111111-1111-4111-8111-111111111111")
        #expect(rule.name == "failed_password" && rule.level == .low && rule.author == "Someone")
        #expect(rule.tags == ["attack.t1110"])
        #expect(rule.logsource == Logsource(product: "linux", service: "sshd"))
        try #require(file.correlations.count == 2)
        #expect(file.correlations[0].kind == .eventCount([.init(comparison: .gte, count: 12)]))
        #expect(file.correlations[0].groupBy == ["src_ip", "host"])
        #expect(file.correlations[0].timespanSeconds == 600)
        #expect(!file.correlations[0].generate)
        #expect(file.correlations[1].kind == .temporalOrdered)
        #expect(file.correlations[1].rules == ["c1", "accepted"])
        #expect(file.correlations[1].aliases == ["ip": ["c1": "src_ip", "accepted": "source"]])
        #expect(file.correlations[1].generate)
    }

    @Test(
        "correlations that cannot be kept are refused",
        arguments: [
            ("type: value_median\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: x}", "'value_median'"),
            ("type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}", "one field"),
            ("type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: [x, y]}", "one field"),
            ("type: value_avg\nrules: [a]\ntimespan: 1h", "needs a condition"),
            ("type: value_avg\nrules: [a]\ntimespan: 1h\ncondition: {gte: many, field: x}", "and a number"),
            ("type: value_avg\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1e300, field: x}", "and a number"),
            ("type: value_avg\nrules: [a]\ntimespan: 1h\ncondition: {percentile: 5, gte: 1, field: x}", "takes gt"),
            ("type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: {lte: 1, field: x}", "percentile: 95"),
            (
                "type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: {lte: 1, field: x, percentile: 0}",
                "above 0"
            ),
            (
                "type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: {lte: 1, field: x, percentile: 101}",
                "most 100"
            ),
            ("type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 2.5}", "whole number"),
            ("type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: -1}", "whole number"),
            ("type: value_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}", "needs a field"),
            ("type: value_count\nrules: [a]\ntimespan: 1h\ncondition: {field: x}", "compares with nothing"),
            ("type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {field: x, gte: 3}", "takes gt"),
            ("type: temporal\nrules: [a]\ntimespan: 1h", "at least two"),
            ("type: temporal_ordered\nrules: [a, b]\ntimespan: 1h\ncondition: {gte: 2}", "with a condition"),
            ("type: ordered_temporal\nrules: [a, b]\ntimespan: 1h", "'ordered_temporal'"),
            ("type: event_count\nrules: [a]\ntimespan: 1h", "needs a condition"),
            ("type: event_count\nrules: [a]\ntimespan: 1h30m\ncondition: {gte: 5}", "timespan"),
            ("type: event_count\nrules: [a]\ntimespan: 1H\ncondition: {gte: 5}", "timespan"),
            ("type: event_count\nrules: [a]\ntimespan: 9223372036854775807d\ncondition: {gte: 5}", "timespan"),
            ("type: event_count\nrules: [a]\ncondition: {gte: 5}", "timespan"),
            ("type: event_count\ntimespan: 1h\ncondition: {gte: 5}", "no rules"),
            ("type: temporal_ordered\nrules: [a]\ntimespan: 1h", "at least two"),
            ("type: temporal_ordered\nrules: [a, b]\ntimespan: 1h\nwindow: session", "'window'"),
        ])
    func correlationRefusals(body: String, reason: String) throws {
        let file = SigmaFile(yaml: Self.correlation(body), file: "c.yml")
        #expect(file.correlations.isEmpty)
        #expect(try #require(file.refused.first).reason.contains(reason), "\(file.refused)")
    }

    @Test("correlations of values and of proximity are read")
    func otherKinds() throws {
        let yaml = [
            "type: value_count\nrules: [a]\ntimespan: 1d\ncondition: {field: User, gte: 100}",
            "type: value_count\nrules: [a]\ntimespan: 1d\ncondition: {field: [x, y], gt: 1, lt: 9}",
            "type: temporal\nrules: [a, b]\ngroup-by: [x]\ntimespan: 1d",
            "type: temporal\nrules: [a, b, c]\ntimespan: 1d\ncondition: {gte: 2}",
            "type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {field: bytes, gt: 1000000}",
            "type: value_avg\nrules: [a]\ntimespan: 1h\ncondition: {field: bytes, gt: -0.5, lte: 500.25}",
            "type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: {field: ms, percentile: 99.9, gte: 1}",
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {eq: 0}",
        ].map { Self.correlation($0) }.joined(separator: "---\n")
        let file = SigmaFile(yaml: yaml, file: "c.yml")
        #expect(file.refused.isEmpty, "\(file.refused)")
        #expect(
            file.correlations.map(\.kind) == [
                .valueCount(fields: ["User"], [.init(comparison: .gte, count: 100)]),
                .valueCount(
                    fields: ["x", "y"], [.init(comparison: .gt, count: 1), .init(comparison: .lt, count: 9)]),
                .temporal([]), .temporal([.init(comparison: .gte, count: 2)]),
                .measure(.sum, field: "bytes", [.init(comparison: .gt, count: 1_000_000)]),
                .measure(
                    .average, field: "bytes",
                    [
                        .init(comparison: .gt, limit: try #require(Quantity("-0.5"))),
                        .init(comparison: .lte, limit: try #require(Quantity("500.25"))),
                    ]),
                .measure(
                    .percentile(try #require(Quantity("99.9"))), field: "ms", [.init(comparison: .gte, count: 1)]),
                .eventCount([.init(comparison: .eq, count: 0)]),
            ])
        #expect(file.correlations.map(\.isAbsence) == [false, false, false, false, false, false, false, true])
    }

    @Test("rules and correlations may carry hints for this program, and only those it knows")
    func hints() throws {
        let counted = Self.correlation("type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}")
        func read(_ hints: String) -> SigmaFile {
            SigmaFile(yaml: "\(Self.base)\n\(hints)\n---\n\(counted)\(hints)\n", file: "x.yml")
        }
        let file = read("docket: {pattern: Guessing, confidence_score: 80}")
        #expect(file.refused.isEmpty, "\(file.refused)")
        #expect(file.rules.map(\.docket) == [DocketHints(pattern: "Guessing", confidenceScore: 80)])
        #expect(file.correlations.map(\.docket) == [DocketHints(pattern: "Guessing", confidenceScore: 80)])
        #expect(read("docket: {confidence_score: 0}").rules.first?.docket == DocketHints(confidenceScore: 0))
        #expect(read("").rules.first.map { $0.docket == nil } == true)
        for refused in [
            "docket:", "docket: x", "docket: {patern: x}", "docket: {pattern: [x]}", "docket: {pattern: }",
            "docket: {pattern: \(String(repeating: "x", count: 201))}", "docket: {confidence_score: 101}",
            "docket: {lateness: 25h}", "docket: {lateness: -1s}", "docket: {lateness: soon}",
            "docket: {confidence_score: -1}", "docket: {confidence_score: 0.5}", "docket: {confidence_score: high}",
        ] {
            #expect(read(refused).refused.count == 2, "\(refused)")
        }
    }

    @Test("how late records may come is a hint for a correlation, and none for a rule")
    func latenessHint() {
        let counted = Self.correlation("type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}")
        let file = SigmaFile(
            yaml: "\(counted)docket: {lateness: 5m}\n---\n\(Self.base)\ndocket: {lateness: 5m}\n", file: "x.yml")
        #expect(file.correlations.map(\.docket) == [DocketHints(latenessSeconds: 300)])
        #expect(file.rules.isEmpty && file.refused.first?.reason.contains("for a correlation") == true)
    }

    @Test("a refused document leaves the others of its file, and says its line")
    func partial() throws {
        let yaml = "title: Broken\nid: x\nlogsource: {product: a}\n---\n\(Self.base)\n---\naction: global\ntitle: F\n"
        let file = SigmaFile(yaml: yaml, file: "mixed.yml")
        #expect(file.rules.count == 1)
        #expect(file.refused.count == 2)
        #expect(file.refused.first?.description.hasPrefix("mixed.yml:1: ") == true)
        #expect(file.refused.last?.reason.contains("collections") == true)
    }

    @Test(
        "files that are no rules are refused, not guessed at",
        arguments: ["", "just text", "- a\n- b", "a: [", "title: x\nid: y\nlogsource: {}\ndetection: {}", "\t: x"])
    func rubbish(yaml: String) {
        let file = SigmaFile(yaml: yaml, file: "x.yml")
        #expect(file.rules.isEmpty)
        #expect(!file.refused.isEmpty)
    }

    @Test("a few lines that stand for billions of nodes, and nesting without end, are refused")
    func bombs() {
        var bomb = "a0: &a0 [x, x]\n"
        for level in 1..<40 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(!SigmaFile(yaml: bomb, file: "bomb.yml").refused.isEmpty)
        let deep = "a: " + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(!SigmaFile(yaml: deep, file: "deep.yml").refused.isEmpty)
        let block = String(repeating: "- ", count: 50_000) + "x"
        #expect(!SigmaFile(yaml: block, file: "block.yml").refused.isEmpty)
    }
}
