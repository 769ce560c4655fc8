import Detection
import JSON
import Testing

@Suite("Lines")
struct LineDetectorTests {
    private static func rule(_ id: String, _ logsource: String, _ selection: String) throws -> SigmaRule {
        try SigmaRule(
            yaml: """
                title: \(id)
                id: \(id)
                logsource: {\(logsource)}
                detection:
                    s: {\(selection)}
                    condition: s
                level: high
                """, file: "\(id).yml")
    }

    @Test("lines keep their number, and broken ones are counted and told")
    func lines() throws {
        let rules = RuleSet(rules: [try Self.rule("r", "product: linux", "a: 1")])
        let text = "{\"a\":1}\n\n{broken\n{\"a\":2}\r\n[1]\n{\"a\":1}"
        let report = DetectionReport(lines: Array(text.utf8), rules: rules, logsource: Logsource(product: "linux"))
        #expect(report.findings.map(\.line) == [0, 5])
        #expect(report.broken.map(\.line) == [2])
        #expect(report.counts.records == 5)
        #expect(report.counts.matched == 2 && report.counts.unmatched == 2 && report.counts.broken == 1)
    }

    @Test("an event meets only the rules of its log source")
    func logsources() throws {
        let rules = RuleSet(rules: [
            try Self.rule("linux", "product: linux", "a: 1"),
            try Self.rule("sshd", "product: linux, service: sshd", "a: 1"),
            try Self.rule("cron", "product: linux, service: cron", "a: 1"),
            try Self.rule("aws", "product: aws, service: cloudtrail", "a: 1"),
            try Self.rule("k8s", "product: kubernetes, category: application, service: audit", "a: 1"),
            try Self.rule("created", "product: windows, category: process_creation", "a: 1"),
            try Self.rule("security", "product: windows, service: security", "a: 1"),
        ])
        func met(_ record: JSONValue, _ logsource: Logsource) -> [String] {
            rules.matches(record, logsource: logsource).map(\.ruleID)
        }
        #expect(met(["a": 1], Logsource(product: "linux", service: "sshd")) == ["linux", "sshd"])
        #expect(met(["a": 1], Logsource(service: "sshd")) == ["linux", "sshd"])
        #expect(met(["a": 1], Logsource(product: "linux")) == ["linux"])
        #expect(met(["a": 1], Logsource(service: "cloudtrail")) == ["aws"])
        #expect(met(["a": 1], Logsource(product: "kubernetes", service: "audit")) == ["k8s"])
        let sysmon: JSONValue = ["a": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1]
        #expect(met(sysmon, Logsource(product: "windows")) == ["created"])
        #expect(
            met(["a": 1, "Channel": "Security", "EventID": "4688"], Logsource(product: "windows")) == ["security"])
        #expect(
            met(["a": 1], Logsource(product: "windows", category: "process_creation")) == ["created"])
        #expect(met(["a": 1], Logsource(product: "windows")) == [])
    }

    @Test("Windows events arrive in three forms and mean the same")
    func windowsForms() throws {
        let rules = RuleSet(rules: [
            try Self.rule(
                "r", "product: windows, service: security", "EventID: 4625, Provider_Name: Audit, ProcessName: p")
        ])
        let forms: [JSONValue] = [
            ["Channel": "Security", "EventID": 4625, "SourceName": "Audit", "Process Name": "p"],
            [
                "Event": [
                    "System": [
                        "Provider": ["#attributes": ["Name": "Audit"]], "EventID": 4625, "Channel": "Security",
                    ], "EventData": ["ProcessName": "p"],
                ]
            ],
            [
                "System": ["Provider": ["#attributes": ["Name": "Audit"]], "EventID": 4625, "Channel": "Security"],
                "EventData": ["Data": [["#attributes": ["Name": "ProcessName"], "#text": "p"]]],
            ],
            ["log_name": "Security", "event_id": 4625, "source_name": "Audit", "event_data": ["ProcessName": "p"]],
        ]
        for form in forms {
            #expect(rules.matches(form, logsource: Logsource(product: "windows")).count == 1, "\(form)")
        }
    }

    @Test("fields that a source read out of a text are fields, unless the record says otherwise")
    func extracted() throws {
        let rules = RuleSet(rules: [try Self.rule("r", "product: linux", "src_ip: 1.2.3.4, host: h")])
        func met(_ record: JSONValue, _ extracted: [String: String]) -> Bool {
            !rules.matches(record, logsource: Logsource(product: "linux"), extracted: extracted).isEmpty
        }
        #expect(met(["host": "h"], ["src_ip": "1.2.3.4"]))
        #expect(!met(["host": "h"], [:]))
        #expect(!met(["host": "h", "src_ip": "9.9.9.9"], ["src_ip": "1.2.3.4"]))
        #expect(!met(["host": "h", "src_ip": nil], ["src_ip": "1.2.3.4"]))
        #expect(!met(["hostname": "other"], ["src_ip": "1.2.3.4", "host": "h"]))
        let report = DetectionReport(
            lines: Array("{\"host\":\"h\",\"message\":\"from 1.2.3.4\"}\n{\"host\":\"h\"}".utf8), rules: rules,
            logsource: Logsource(product: "linux")
        ) { record in
            record["message"]?.stringValue.map { ["src_ip": String($0.dropFirst(5))] } ?? [:]
        }
        #expect(report.findings.map(\.line) == [0])
    }
}
