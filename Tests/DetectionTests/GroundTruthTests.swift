import Foundation
import JSON
import Testing

@testable import Detection

@Suite("Ground truth", .enabled(if: SharedRules.isPresent, Comment(rawValue: SharedRules.absence)))
struct GroundTruthTests {
    @Test("every published rule loads, but those with placeholders that have no values, and these load with them")
    func rulesLoad() throws {
        let all = SharedRules.files + SharedRules.trees(["rules-placeholder", "rules-compliance"])
        #expect(all.count == 3_780)
        let refused = all.flatMap(\.contents.refused)
        let isOther = refused.filter { !$0.reason.contains("the placeholder '%") }
        #expect(isOther.isEmpty)
        #expect(refused.count == 25)
        #expect(all.flatMap(\.contents.rules).count == 3_755)
        let paths = Set(refused.map(\.file))
        var names: Set<String> = []
        var left = refused
        // A rule is refused for the first of its placeholders.
        for _ in 0..<4 where !left.isEmpty {
            names.formUnion(left.compactMap { $0.reason.split(separator: "%").dropFirst().first.map(String.init) })
            let document = "title: V\nplaceholders:\n" + names.map { "    \($0): [a]\n" }.joined()
            let values = PlaceholderValues(SigmaFile(yaml: document, file: "v.yml").placeholders)
            let again = SharedRules.trees(["rules-placeholder", "rules-threat-hunting"], placeholders: values)
            left = again.filter { paths.contains($0.path) }.flatMap(\.contents.refused)
        }
        #expect(left.isEmpty)
        let unmapped = Set(SharedRules.windows.unmapped)
        #expect(unmapped.isEmpty, "log sources of evaluable rules without a mapping: \(unmapped)")
    }

    /// `DOCKET_SIGMA_RECORDINGS=all` holds every recording against the truth, which takes minutes.
    static var recordings: [String] {
        if ProcessInfo.processInfo.environment["DOCKET_SIGMA_RECORDINGS"] == "all" {
            guard case .success(let truth) = SharedRules.truth else { return ["the truth cannot be read"] }
            return truth["files"]?.objectValue?.keys.sorted() ?? []
        }
        return [
            "telemetry/windows/credential_access__cmd_sam_copy_esentutl_2020-10-1900290001.ndjson.gz",
            "telemetry/windows/defense_evasion__cmd_bitsadmin_download_psh_script_2020-10-2302365189.ndjson.gz",
            "telemetry/windows/defense_evasion__cmd_process_herpaderping_snippingtool_2020-10-2708290130.ndjson.gz",
        ]
    }

    @Test("a recording meets the same rules on the same lines as the reference engine", arguments: recordings)
    func recording(path: String) throws {
        let truth = try #require(try SharedRules.truth.get()["files"]?[path])
        var expected: [String: [Int64]] = [:]
        for (rule, entry) in try #require(truth["matches"]?.objectValue) {
            expected[rule] = entry["lines"]?.arrayValue?.compactMap(\.int64Value)
        }
        let rules = SharedRules.windows
        let bytes = try SharedRules.bytes(path)
        let clock = ContinuousClock()
        let start = clock.now
        let report = DetectionReport(lines: bytes, rules: rules, logsource: Logsource(product: "windows"))
        print("\(path): \(report.counts.records) records in \(clock.now - start)")
        var found: [String: [Int64]] = [:]
        for finding in report.findings {
            for match in finding.matches { found[match.ruleID, default: []].append(Int64(finding.line)) }
        }
        #expect(report.broken.isEmpty)
        #expect(Int64(report.counts.records) == truth["events"]?.int64Value)
        #expect(report.counts.records == report.counts.matched + report.counts.unmatched + report.counts.broken)
        for rule in Set(expected.keys).union(found.keys).sorted() {
            #expect(found[rule] == expected[rule], "rule \(rule)")
        }
    }

    @Test(
        "CloudTrail records meet the same rules as the reference engine",
        arguments: ["telemetry/aws/invictus_cloudtrail.ndjson.gz", "telemetry/aws/stratus_detonations.ndjson.gz"])
    func cloudTrail(path: String) throws {
        let truth = try #require(try SharedRules.json("ground-truth/sigma_cloud_matches.json")["files"]?[path])
        let rules = SharedRules.files.flatMap(\.contents.rules).filter { $0.logsource.product == "aws" }
        #expect(Int64(rules.count) == truth["rules_evaluated"]?.int64Value)
        let set = RuleSet(rules: rules)
        var found: [String: [Int64]] = [:]
        for (line, bytes) in try SharedRules.bytes(path).split(separator: 0x0A).enumerated() {
            let record = try JSONValue.parseEvidence(Array(bytes)).value
            for match in set.matches(record["event"] ?? record, logsource: Logsource(service: "cloudtrail")) {
                found[match.ruleID, default: []].append(Int64(line))
            }
        }
        let expected = try #require(truth["matches"]?.objectValue)
        for rule in Set(expected.keys).union(found.keys).sorted() {
            #expect(found[rule] == expected[rule]?.arrayValue?.compactMap(\.int64Value), "rule \(rule)")
        }
    }

    private static let cloudSources: [String: [Logsource]] = [
        "AWS.CloudTrail": [Logsource(product: "aws", service: "cloudtrail")],
        "Okta.SystemLog": [Logsource(product: "okta", service: "okta")],
        "GitHub.Audit": [Logsource(product: "github", service: "audit")],
        "Amazon.EKS.Audit": [Logsource(product: "kubernetes", service: "audit")],
        "Azure.MonitorActivity": azure, "Azure.Audit": azure,
    ]
    private static let azure = ["pim", "riskdetection", "auditlogs", "signinlogs", "activitylogs"].map {
        Logsource(product: "azure", service: $0)
    }

    /// The reference does not look at the case of names; the specification says to use fields "as they appear in the log
    /// source". Some of these events have names that somebody made lower-case.
    @Test("events of five clouds meet the rules that the reference engine names, but where names are written otherwise")
    func clouds() throws {
        let truth = try #require(
            try SharedRules.json("ground-truth/sigma_cloud_matches.json")["files"]?["panther-tests/tests.ndjson.gz"]?[
                "matches"]?
                .objectValue)
        let rules = SharedRules.files.flatMap(\.contents.rules)
        let set = RuleSet(rules: rules)
        let byID = Dictionary(rules.map { ($0.id, $0) }) { first, _ in first }
        var found: [String: Set<Int64>] = [:]
        var names: [Int64: Set<String>] = [:]
        let lines = try SharedRules.bytes("panther-tests/tests.ndjson.gz").split(separator: 0x0A)
        for (line, bytes) in lines.enumerated() {
            let row = try JSONValue.parseEvidence(Array(bytes)).value
            let types = Set((row["log_types"]?.arrayValue ?? []).compactMap(\.stringValue))
            for source in Set(types.flatMap { Self.cloudSources[$0] ?? [] }) {
                for match in set.matches(row["log"] ?? .null, logsource: source) {
                    found[match.ruleID, default: []].insert(Int64(line))
                }
                names[Int64(line)] = Self.names(in: row["log"] ?? .null)
            }
        }
        var differing = 0
        for rule in Set(truth.keys).union(found.keys) {
            let expected = Set(truth[rule]?.arrayValue?.compactMap(\.int64Value) ?? [])
            #expect(found[rule]?.isSubset(of: expected) != false, "rule \(rule) holds where the reference says no")
            let missing = expected.subtracting(found[rule] ?? [])
            if !missing.isEmpty { differing += 1 }
            let segments =
                byID[rule]?.detection.test.fieldNames.flatMap { $0.split(separator: ".").map(String.init) } ?? []
            for line in missing {
                let there = names[line] ?? []
                let isWrittenOtherwise = segments.contains { segment in
                    !there.contains(segment) && there.contains { $0.lowercased() == segment.lowercased() }
                }
                #expect(isWrittenOtherwise, "rule \(rule) does not hold for line \(line)")
            }
        }
        #expect(truth.count == 53 && differing == 9)
    }

    private static func names(in value: JSONValue) -> Set<String> {
        switch value {
        case .object(let members): members.values.reduce(into: Set(members.keys)) { $0.formUnion(names(in: $1)) }
        case .array(let elements): elements.reduce(into: []) { $0.formUnion(names(in: $1)) }
        default: []
        }
    }

    @Test("SigmaHQ's own regression events meet the rules they were recorded for, and no others")
    func regression() throws {
        let known = Set(SharedRules.files.flatMap(\.contents.rules).map(\.id))
        var pairs = 0
        var evaluator = EventEvaluator(SharedRules.windows, logsource: Logsource(product: "windows"))
        for line in try SharedRules.bytes("sigma-regression/pairs.ndjson").split(separator: 0x0A) {
            let pair = try JSONValue.parse(Array(line))
            let target = try #require(pair["target_rule"]?.stringValue)
            guard known.contains(target) else { continue }
            pairs += 1
            let matches = SharedRules.windows.matches(
                try #require(pair["event"]), logsource: Logsource(product: "windows"))
            let expected = pair["all_matching_rules"]?.arrayValue?.compactMap(\.stringValue) ?? []
            #expect(Set(matches.map(\.ruleID)) == Set(expected), "\(pair["path"]?.stringValue ?? "")")
            let bytes = try #require(pair["event"]).canonicalBytes()
            let isReadFromBytes = evaluator.work(on: bytes.span, upTo: .match)
            #expect(isReadFromBytes, "left to the slow reader")
            let found = evaluator.found.map { SharedRules.windows.match($0).ruleID }
            #expect(Set(found) == Set(expected))
        }
        print("regression pairs: \(pairs)")
        #expect(pairs == 174)
    }
}
