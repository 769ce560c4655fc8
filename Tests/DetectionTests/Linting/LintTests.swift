import Detection
import Foundation
import Testing

@Suite("Lint")
struct LintTests {
    private static func warnings(_ yaml: String) throws -> [SigmaWarning] {
        let file = SigmaFile(yaml: yaml, file: "l.yml", linting: true)
        if let problem = file.refused.first { throw problem }
        return file.warnings
    }

    private static func rule(
        _ detection: String, logsource: String = "{product: windows, category: process_creation}", more: String = ""
    ) -> String {
        let lines = detection.replacing("\n", with: "\n    ")
        return "title: T\nid: 11111111-1111-4111-8111-111111111111\n\(more)logsource: \(logsource)\n"
            + "detection:\n    \(lines)\n"
    }

    @Test(
        "what no event can be is told, with its line, and what an event can be is not",
        arguments: [
            ("s:\n    Image: a\n    User: b\ncondition: s", nil),
            // Two values of one field.
            ("s:\n    Image: a\nt:\n    Image: b\ncondition: s and t", 9),
            ("s:\n    Image: a\nt:\n    Image: b\ncondition: s or t", nil),
            ("s:\n    Image: a\nt:\n    Image: A\ncondition: s and t", nil),
            ("s:\n    Image|cased: a\nt:\n    Image|cased: A\ncondition: s and t", 9),
            ("s:\n    Image|cased: a\nt:\n    Image: A\ncondition: s and t", nil),
            ("s:\n    Image|all: [a, b]\ncondition: s", 5),
            ("s:\n    Image|contains|all: [a, b]\ncondition: s", nil),
            ("s:\n    Image|startswith: 'C:\\a'\n    Image|endswith: 'b.exe'\ncondition: s", nil),
            ("s:\n    Image|startswith: 'C:\\'\n    Image|startswith|cased: 'D:\\'\ncondition: s", 5),
            ("s:\n    Image|endswith: a.exe\nt:\n    Image|endswith: b.exe\ncondition: all of them", 9),
            ("s:\n    Image|endswith: a.exe\nt:\n    Image|endswith: .exe\ncondition: all of them", nil),
            ("s:\n    Image: 'C:\\x.exe'\n    Image|startswith: 'D:\\'\ncondition: s", 5),
            ("s:\n    Image: 'C:\\x.exe'\n    Image|contains: x\ncondition: s", nil),
            ("s:\n    Image: 'C:\\x.exe'\n    Image|re: '^D:'\ncondition: s", nil),
            ("s:\n    Image|cased: 'C:\\x.exe'\n    Image|re: '^D:'\ncondition: s", 5),
            ("s:\n    Image: 'a*b'\n    Image|endswith: c\ncondition: s", nil),
            // Alternatives that are crossed out until none is left.
            ("s:\n    Image: [a, b]\nt:\n    Image: [c, d]\ncondition: s and t", nil),
            ("s:\n    Image: a\nt:\n    Image: [c, d]\ncondition: s and t", 9),
            ("s:\n    Image: [a, b]\nt:\n    Image: [b, c]\ncondition: s and t", nil),
            // A filter that takes away all that a selection finds.
            ("s:\n    Image|endswith: '\\cmd.exe'\nf:\n    Image|endswith: .exe\ncondition: s and not f", 9),
            ("s:\n    Image|endswith: .exe\nf:\n    Image|endswith: '\\cmd.exe'\ncondition: s and not f", nil),
            ("s:\n    Image: [a, b]\nf:\n    Image: [b, a, c]\ncondition: s and not f", 9),
            ("s:\n    Image: [a, b]\nf:\n    Image: [b, c]\ncondition: s and not f", nil),
            ("s:\n    Image: a\ncondition: s and not s", 7),
            ("k: [word]\ncondition: k and not k", 6),
            // Missing and null.
            ("s:\n    Image: null\n    Image|startswith: a\ncondition: s", 5),
            ("s:\n    Image|exists: false\n    Image|contains: a\ncondition: s", 5),
            ("s:\n    Image|exists: true\nt:\n    Image: null\ncondition: s and t", nil),
            ("s:\n    Image|exists: false\nt:\n    Image: null\ncondition: s and not t", 9),
            // Numbers, networks and dates.
            ("s:\n    ProcessId|gt: 5\n    ProcessId|lt: 5\ncondition: s", 5),
            ("s:\n    ProcessId|gte: 5\n    ProcessId|lte: 5\ncondition: s", nil),
            ("s:\n    ProcessId: 4\n    ProcessId|gt: 5\ncondition: s", 5),
            ("s:\n    ProcessId|gt: 5\nf:\n    ProcessId|gte: 5\ncondition: s and not f", 9),
            ("s:\n    ProcessId|gte: 5\nf:\n    ProcessId|gt: 5\ncondition: s and not f", nil),
            ("s:\n    User|cidr|all: [10.0.0.0/8, 192.168.0.0/16]\ncondition: s", 5),
            ("s:\n    User|cidr: 10.0.0.0/8\n    User|cidr|all: [10.1.0.0/16, 10.0.0.0/9]\ncondition: s", nil),
            ("s:\n    User: 10.1.1.1\n    User|cidr: 192.168.0.0/16\ncondition: s", 5),
            ("s:\n    UtcTime|hour: 24\ncondition: s", 5),
            ("s:\n    UtcTime|hour|gte: 22\n    UtcTime|hour|lt: 6\ncondition: s", 5),
            ("s:\n    UtcTime|month: 0\n    Image: x\ncondition: s", 5),
            ("s:\n    UtcTime|week|gt: 53\ncondition: s", 5), ("s:\n    UtcTime|week: 53\ncondition: s", nil),
            ("s:\n    ProcessId|gt: nan\ncondition: s", 5),
        ] as [(String, Int?)])
    func neverMatches(detection: String, line: Int?) throws {
        let found = try Self.warnings(Self.rule(detection)).filter { $0.check == .neverMatches }
        #expect(found.map(\.line) == (line.map { [$0] } ?? []), "\(found)")
    }

    @Test("a field that may have several values contradicts itself only where one answer rules out the other")
    func severalValues() throws {
        let open = "{product: something}"
        func count(_ detection: String) throws -> Int {
            try Self.warnings(Self.rule(detection, logsource: open)).count
        }
        #expect(try count("s: {f: a}\nt: {f: b}\ncondition: s and t") == 0)
        #expect(try count("s: {f|gt: 5}\nt: {f|lt: 5}\ncondition: s and t") == 0)
        #expect(try count("s: {f: a}\nt: {f|startswith: a}\ncondition: s and not t") == 1)
        #expect(try count("s: {f: a}\nt: {f: null}\ncondition: s and t") == 1)
        let aws = "{product: aws, service: cloudtrail}"
        let both = "s: {eventName: a}\nt: {eventName: b}\ncondition: s and t"
        #expect(try Self.warnings(Self.rule(both, logsource: aws)).map(\.check) == [.neverMatches])
        let nested = both.replacing("eventName", with: "requestParameters.items.id")
        #expect(try Self.warnings(Self.rule(nested, logsource: aws)).isEmpty)
    }

    @Test(
        "a field that events of the log source do not have is told, where they can be listed",
        arguments: [
            ("{product: windows, category: process_creation}", "Imagee", true),
            ("{product: windows, category: process_creation}", "image", true),
            ("{product: windows, category: process_creation}", "ParentImage", false),
            ("{product: windows, category: process_creation}", "Provider_Name", false),
            ("{product: windows, category: dns_query}", "OriginalFileName", true),
            ("{product: windows, service: security}", "Anything", false),
            ("{product: windows, category: something_new}", "Anything", false),
            ("{product: linux, category: process_creation}", "CommandLine", false),
            ("{product: linux, category: process_creation}", "Cmd", true),
            ("{category: proxy}", "c-uri", false), ("{category: proxy}", "url", true),
            ("{category: network, service: dns}", "dns.answers.data", false),
            ("{category: network, service: dns}", "dns.question", true),
            ("{product: aws, service: cloudtrail}", "requestParameters", false),
            ("{product: aws, service: cloudtrail}", "requestParameters.a.b", false),
            ("{product: aws, service: cloudtrail}", "eventname", true),
            ("{product: kubernetes, category: application, service: audit}", "objectRef.resource", false),
            ("{product: mine}", "Anything", false),
        ])
    func unknownFields(logsource: String, field: String, isUnknown: Bool) throws {
        let found = try Self.warnings(
            Self.rule("s:\n    '\(field)|contains': x\ncondition: s", logsource: logsource))
        #expect(found.map(\.check) == (isUnknown ? [.unknownField] : []), "\(found)")
        if isUnknown { #expect(found.first?.line == 6 && found.first?.reason.contains("'\(field)'") == true) }
    }

    @Test(
        "a filter that suppresses what it does not describe looks inverted",
        arguments: [
            ("condition: selection", false), ("condition: not selection", true),
            ("condition: selection and not other", false), ("condition: not (selection or other)", true),
            ("condition: not selection or other", true), ("condition: [selection, not other]", true),
            ("condition: not 1 of *", true),
        ])
    func inverted(condition: String, isInverted: Bool) throws {
        let yaml = """
            title: F
            id: 11111111-1111-4111-8111-111111111111
            logsource: {product: x}
            filter:
                rules: [r]
                selection: {a: 1}
                other: {b: 1}
                \(condition)
            """
        let found = try Self.warnings(yaml).filter { $0.check == .inverted }
        #expect(found.map(\.line) == (isInverted ? [8] : []))
    }

    @Test(
        "a correlation whose condition no number satisfies is told",
        arguments: [
            ("type: event_count, rules: [a], condition: {gte: 3, lt: 5}", false),
            ("type: event_count, rules: [a], condition: {gt: 3, lt: 5}", false),
            ("type: event_count, rules: [a], condition: {gt: 3, lt: 4}", true),
            ("type: event_count, rules: [a], condition: {lt: 0}", true),
            ("type: event_count, rules: [a], condition: {neq: 0}", false),
            ("type: value_count, rules: [a], condition: {field: f, eq: 2, neq: 2}", true),
            ("type: temporal, rules: [a, b], condition: {gte: 2}", false),
            ("type: temporal, rules: [a, b], condition: {gte: 3}", true),
            ("type: value_sum, rules: [a], condition: {field: f, gt: 3, lt: 4}", false),
            ("type: value_avg, rules: [a], condition: {field: f, lt: -1}", false),
            ("type: value_avg, rules: [a], condition: {field: f, gte: 4, lte: 3.5}", true),
        ])
    func correlations(body: String, isImpossible: Bool) throws {
        let yaml =
            "title: C\nid: 11111111-1111-4111-8111-111111111111\ncorrelation: {\(body), group-by: [u], timespan: 1m}\n"
        #expect(try Self.warnings(yaml).map(\.check) == (isImpossible ? [.neverMatches] : []))
    }

    @Test(
        "what does nothing, or is not as the specification has it, is told",
        arguments: [
            ("", "s:\n    Image|contains|all: x\ncondition: s", SigmaWarning.Check.value),
            ("", "s:\n    Image: [x, null]\ncondition: s", .value),
            ("", "s:\n    Image|expand: x\ncondition: s", .value),
            ("", "s: {Image: x}\nt: {Image: y}\ncondition: s", .unused),
            ("", "s: {Image: x}\ncondition: not s", .inverted),
            ("status: tested\n", "", .metadata), ("status: unsupported\n", "", .metadata),
            ("date: 2026/11/21\n", "", .metadata), ("modified: 2026-13-01\n", "", .metadata),
            ("taxonomy: ecs\n", "", .metadata), ("tags: [attack]\n", "", .metadata),
            ("tags: [Attack.T1]\n", "", .metadata), ("tags: attack.t1\n", "", .metadata),
            ("references: [a, a]\n", "", .metadata), ("related: [{id: x, type: similar}]\n", "", .metadata),
            ("related: [{id: 11111111-1111-4111-8111-111111111111, type: cousin}]\n", "", .metadata),
            ("description: \(String(repeating: "x", count: 65_536))\n", "", .metadata),
            ("name: \(String(repeating: "x", count: 257))\n", "", .metadata),
        ])
    func others(more: String, detection: String, check: SigmaWarning.Check) throws {
        let plain = "s:\n    Image: x\ncondition: s"
        let found = try Self.warnings(Self.rule(detection.isEmpty ? plain : detection, more: more))
        #expect(found.map(\.check) == [check], "\(found)")
    }

    @Test("a rule as the specification has it, with everything that it may have, is clean")
    func clean() throws {
        let yaml = """
            title: T
            id: 11111111-1111-4111-8111-111111111111
            name: t
            related: [{id: 22222222-2222-4222-8222-222222222222, type: derived}]
            taxonomy: sigma
            status: stable
            description: It does.
            license: Apache-2.0
            references: [https://example.org/a, https://example.org/b]
            author: Someone
            date: 2026-11-21
            modified: 2026-11-22
            logsource: {product: windows, category: process_creation, definition: Sysmon}
            detection: {s: {Image: x}, condition: s}
            fields: [Image]
            falsepositives: [None known]
            level: low
            tags: [attack.defense-evasion, attack.t1059.001, cve.2026-1]
            scope: [server]
            custom: {anything: 1}
            """
        #expect(try Self.warnings(yaml).isEmpty)
    }

    @Test("without an id the name or the title tells a document, and that is told")
    func identity() throws {
        let bare = "title: Bare\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n"
        let file = SigmaFile(yaml: "\(bare)---\n\(bare)name: named\n", file: "b.yml", linting: true)
        #expect(file.rules.map(\.id) == ["Bare", "named"])
        #expect(file.warnings.map(\.line) == [1, 5])
        #expect(file.warnings.allSatisfy { $0.check == .metadata })
    }

    @Test("documents that are called the same are told")
    func ambiguities() {
        func file(_ id: String, _ name: String) -> SigmaFile {
            SigmaFile(
                yaml: "title: T\nid: \(id)\nname: \(name)\nlogsource: {product: x}\n"
                    + "detection: {s: {a: 1}, condition: s}\n", file: "\(id)\(name).yml")
        }
        let rules = [file("A", "n"), file("a", "m"), file("b", "n")].flatMap(\.rules)
        let found = SigmaWarning.ambiguities(rules: rules)
        #expect(found.map(\.file) == ["am.yml", "bn.yml"])
        #expect(found.map(\.description).allSatisfy { $0.contains("An.yml:1") && $0.hasSuffix("[ambiguous]") })
    }

    @Test(
        "of SigmaHQ's published rules these are told, and no others",
        .enabled(if: SharedRules.isPresent, Comment(rawValue: SharedRules.absence)))
    func published() {
        let trees = [
            "rules", "rules-emerging-threats", "rules-threat-hunting", "rules-placeholder", "rules-compliance",
        ]
        let found = SharedRules.trees(trees, linting: true).flatMap(\.contents.warnings)
        let names = found.map { "\($0.file.split(separator: "/").last ?? "") \($0.check.rawValue)" }
        #expect(
            names.sorted() == [
                // "status" is no member of a CloudTrail record.
                "aws_delete_saml_provider.yml unknown_field",
                // These have nothing but what they do not want.
                "proc_creation_win_susp_image_missing.yml inverted",
                "proc_creation_win_susp_non_exe_image.yml inverted",
                "raw_access_thread_susp_disk_access_using_uncommon_tools.yml inverted",
                "zeek_rdp_public_listener.yml inverted",
            ])
    }
}
