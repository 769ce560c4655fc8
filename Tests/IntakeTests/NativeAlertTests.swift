import Events
import Foundation
import JSON
import Testing

@testable import Intake

@Suite("A native alert")
struct NativeAlertTests {
    @Test("with the required members alone is accepted, and its reference is the digest of its bytes")
    func minimal() throws {
        let bytes = Samples.bytes(Samples.minimal)
        let accepted = try expectAccepted(Samples.read(bytes))
        #expect(accepted.source == "edr-prod")
        #expect(accepted.sourceRef == Digest.sha256(bytes).text)
        #expect(accepted.rawDigest == Digest.sha256(bytes))
        #expect(accepted.rawSize == bytes.count)
        #expect(accepted.mediaType == "application/json")
        #expect(accepted.warnings == [])
        #expect(accepted.alert.severity == .high)
        #expect(accepted.alert.environment == .unknown)
        #expect(accepted.alert.confidenceScore == nil)
        #expect(accepted.alert.clockSuspect == false)
        #expect(accepted.alert.unmapped == [:])
    }

    @Test("keeps every member")
    func full() throws {
        let accepted = try expectAccepted(Samples.read(Samples.full))
        let alert = accepted.alert
        #expect(accepted.warnings == [])
        #expect(alert.sourceRef == "A-1042")
        #expect(alert.occurredAt.rfc3339 == "2026-11-21T02:30:00.500000Z")
        #expect(alert.confidenceScore == 97)
        #expect(alert.pattern == "cloud.open_admin_port")
        #expect(alert.description == "A rule lets everybody in.")
        #expect(alert.sourceURL == "https://edr.example/alerts/1042")
        #expect(alert.rule == .init(uid: "r-1", name: "Open admin port"))
        #expect(alert.attackTechniques == ["T1190", "T1059.001"])
        #expect(alert.entities.map(\.type) == [.cloudResource, .user, .ip, .device])
        #expect(alert.entities.map(\.role) == [.target, .actor, .related, .related])
        #expect(alert.evidence.first?.kind == .rawEvent)
        #expect(alert.evidence.first?.observedAt == Instant(rfc3339: "2026-11-21T02:29:59Z"))
        #expect(alert.environment == .production)
        #expect(alert.region == "eu-west-1")
        #expect(alert.unmapped == ["vendor": ["score": 12]])
        #expect(alert.isCorrelation == false)
    }

    @Test("has the id that tenant, source and reference derive")
    func identity() throws {
        let accepted = try expectAccepted(Samples.read(Samples.full))
        let name = "alert\u{1F}edr-prod\u{1F}A-1042"
        #expect(accepted.alertID == UUID.v5(namespace: Samples.tenant, name: name))
        #expect(accepted.alert.alertID == accepted.alertID)
        let changed = try expectAccepted(Samples.read(Samples.full.with(["title": "Another title"])))
        #expect(changed.alertID == accepted.alertID)
        #expect(changed.rawDigest != accepted.rawDigest)
    }

    @Test(
        "with something wrong is rejected at its place",
        arguments: [
            (["source": nil], "/source", .required),
            (["source": .null], "/source", .required),
            (["source": 5], "/source", .type),
            (["source": ""], "/source", .length),
            (["source": "  "], "/source", .length),
            (["source": .string(String(repeating: "s", count: 201))], "/source", .length),
            (["source": "a\u{1F}b"], "/source", .format),
            (["source_ref": 1042], "/source_ref", .type),
            (["source_ref": .string(String(repeating: "r", count: 501))], "/source_ref", .length),
            (["title": nil], "/title", .required),
            (["title": ["x"]], "/title", .type),
            (["title": .string(String(repeating: "t", count: 1_001))], "/title", .length),
            (["occurred_at": nil], "/occurred_at", .required),
            (["occurred_at": 1_763_692_200], "/occurred_at", .type),
            (["occurred_at": "yesterday"], "/occurred_at", .format),
            (["occurred_at": "2026-11-21T02:30:00"], "/occurred_at", .format),
            (["occurred_at": "2026-02-30T02:30:00Z"], "/occurred_at", .format),
            (["occurred_at": "9999-12-31T23:59:59-01:00"], "/occurred_at", .range),
            (["occurred_at": "0000-01-01T00:00:00Z"], "/occurred_at", .range),
            (["severity": nil], "/severity", .required),
            (["severity": "urgent"], "/severity", .enum),
            (["severity": "HIGH"], "/severity", .enum),
            (["severity": 4], "/severity", .type),
            (["severity_id": 7], "/severity_id", .enum),
            (["severity_id": "4"], "/severity_id", .type),
            (["severity_id": 3], "/severity_id", .enum),
            (["severity_id": 9_007_199_254_740_000], "/severity_id", .enum),
            (["confidence_score": 101], "/confidence_score", .range),
            (["confidence_score": -1], "/confidence_score", .range),
            (["confidence_score": 97.5], "/confidence_score", .type),
            (["confidence_score": "97"], "/confidence_score", .type),
            (["pattern": true], "/pattern", .type),
            (["pattern": .string(String(repeating: "p", count: 201))], "/pattern", .length),
            (["description": [:]], "/description", .type),
            (["source_url": "http://edr.example/"], "/source_url", .format),
            (["source_url": "javascript:alert(1)"], "/source_url", .format),
            (["source_url": "https://"], "/source_url", .format),
            (["source_url": "https://user@evil.example/"], "/source_url", .format),
            (["source_url": "https://a.example/\" onload"], "/source_url", .format),
            (
                ["source_url": .string("https://a.example/" + String(repeating: "u", count: 2_000))], "/source_url",
                .length
            ),
            (["rule": "r-1"], "/rule", .type),
            (["rule": ["uid": 1]], "/rule/uid", .type),
            (["attack_techniques": "T1190"], "/attack_techniques", .type),
            (["attack_techniques": ["T1190", "t1190"]], "/attack_techniques/1", .format),
            (["attack_techniques": ["T1190.01"]], "/attack_techniques/0", .format),
            (["attack_techniques": [1190]], "/attack_techniques/0", .type),
            (["attack_techniques": .array(Array(repeating: "T1190", count: 201))], "/attack_techniques", .length),
            (["entities": ["type": "user"]], "/entities", .type),
            (["entities": ["jdoe"]], "/entities/0", .type),
            (["entities": [["value": "jdoe"]]], "/entities/0/type", .required),
            (["entities": [["type": "person", "value": "jdoe"]]], "/entities/0/type", .enum),
            (["entities": [["type": "user"]]], "/entities/0/value", .required),
            (["entities": [["type": "user", "value": ""]]], "/entities/0/value", .length),
            (["entities": [["type": "user", "value": 7]]], "/entities/0/value", .type),
            (["entities": [["type": "user", "value": "jdoe", "role": "victim"]]], "/entities/0/role", .enum),
            (
                ["entities": .array(Array(repeating: ["type": "user", "value": "a"], count: 1_001))], "/entities",
                .length
            ),
            (["evidence": [["kind": "raw_event"]]], "/evidence/0/data", .required),
            (["evidence": [["kind": "raw_event", "data": "x"]]], "/evidence/0/data", .type),
            (["evidence": [["kind": "rumour", "data": [:]]]], "/evidence/0/kind", .enum),
            (["evidence": [["data": [:]]]], "/evidence/0/kind", .required),
            (
                ["evidence": [["kind": "owner", "data": [:], "observed_at": "noon"]]], "/evidence/0/observed_at",
                .format
            ),
            (["evidence": .array(Array(repeating: ["kind": "owner", "data": [:]], count: 201))], "/evidence", .length),
            (["environment": "prod"], "/environment", .enum),
            (["environment": 1], "/environment", .type),
            (["region": .string(String(repeating: "r", count: 101))], "/region", .length),
            (["region": 1], "/region", .type),
            (["unmapped": "x"], "/unmapped", .type),
        ] as [([String: JSONValue?], String, FieldError.Code)])
    func bad(changes: [String: JSONValue?], pointer: String, code: FieldError.Code) throws {
        let rejected = try #require(Samples.read(Samples.minimal.with(changes)).rejected)
        #expect(rejected.errors.map(\.pointer) == [pointer])
        #expect(rejected.errors.map(\.code) == [code])
        #expect(rejected.reason.hasPrefix(pointer))
        if code == .enum { #expect(rejected.errors[0].allowed?.isEmpty == false) }
        if changes["source"] == nil { #expect(rejected.source == "edr-prod") }
    }

    @Test("tells all of its errors, and what can be read of its key")
    func allErrors() throws {
        let item: JSONValue = [
            "source": "edr", "source_ref": "9", "severity": "urgent", "entities": [["type": "x"]], "region": 5,
        ]
        let rejected = try #require(Samples.read(item).rejected)
        #expect(
            Set(rejected.errors.map(\.pointer)) == [
                "/title", "/occurred_at", "/severity", "/entities/0/type", "/entities/0/value", "/region",
            ])
        #expect(rejected.source == "edr")
        #expect(rejected.sourceRef == "9")
        #expect(rejected.rawDigest == Digest.sha256(Samples.bytes(item)))
        #expect(rejected.reason.contains("6 errors"))
    }

    @Test(
        "that is no JSON object is rejected",
        arguments: [
            ("", .syntax), ("{", .syntax), ("{\"a\":1}}", .syntax), ("[]", .type), ("null", .type), ("\"x\"", .type),
            (String(repeating: "[", count: 65), .range), ("{\"a\":1e999}", .range), ("{'a':1}", .syntax),
        ] as [(String, FieldError.Code)])
    func noObject(text: String, code: FieldError.Code) throws {
        let rejected = try #require(Samples.read(Array(text.utf8)).rejected)
        #expect(rejected.errors.map(\.code) == [code])
    }

    @Test("in broken UTF-8 is rejected with its bytes' digest")
    func invalidUTF8() throws {
        let bytes = Array("{\"title\":\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)
        let rejected = try #require(Samples.read(bytes).rejected)
        #expect(rejected.errors.map(\.code) == [.encoding])
        #expect(rejected.rawDigest == Digest.sha256(bytes))
    }

    @Test("larger than an item may be is rejected")
    func tooLarge() throws {
        let item = Samples.minimal.with(["x": .string(String(repeating: "x", count: 1 << 20))])
        #expect(try #require(Samples.read(item).rejected).errors.map(\.code) == [.length])
    }

    @Test("keeps unknown members under unmapped and names them")
    func unknownMembers() throws {
        let item = Samples.minimal.with([
            "colour": "red", "unmapped": ["colour": "blue", "own": 1],
            "entities": [["type": "user", "value": "jdoe", "display/name": "Jane"]],
        ])
        let accepted = try expectAccepted(Samples.read(item))
        #expect(
            accepted.alert.unmapped == [
                "colour": "blue", "own": 1, "/colour": "red", "/entities/0/display~1name": "Jane",
            ])
        #expect(accepted.warnings.count == 2)
        #expect(accepted.warnings.contains { $0.hasPrefix("/colour: unknown member") })
        #expect(accepted.alert.ocsf["unmapped"] == accepted.alert.unmapped)
    }

    @Test("bounds its warnings")
    func boundedWarnings() throws {
        var members: [String: JSONValue?] = [:]
        for index in 0..<500 { members["x\(index)"] = .integer(Int64(index)) }
        let accepted = try expectAccepted(Samples.read(Samples.minimal.with(members)))
        #expect(accepted.warnings.count == 101)
        #expect(accepted.warnings.last == "and 400 more warnings")
        #expect(accepted.alert.unmapped.objectValue?.count == 500)
    }

    @Test("with text that cannot be stored is repaired, with a warning")
    func repairs() throws {
        let text =
            #"{"source":"edr","title":"a\u0000b\ud800","occurred_at":"2026-11-21T02:30:00Z","severity_id":2,"#
            + #""n":18446744073709551615,"title":"a\u0000b\ud800"}"#
        let accepted = try expectAccepted(Samples.read(Array(text.utf8)))
        #expect(accepted.alert.title == "a\u{FFFD}b\u{FFFD}")
        #expect(accepted.alert.severity == .low)
        #expect(accepted.alert.unmapped == ["n": "18446744073709551615"])
        #expect(accepted.warnings.contains { $0.contains("U+0000") })
        #expect(accepted.warnings.contains { $0.contains("surrogate") })
        #expect(accepted.warnings.contains { $0.contains("stands twice") })
    }

    @Test("may name its severity by id, by name or by both", arguments: Severity.allCases)
    func severities(severity: Severity) throws {
        let id = JSONValue.integer(Int64(severity.id))
        for changes in [
            ["severity": nil, "severity_id": id], ["severity": .string(severity.rawValue), "severity_id": id],
            ["severity": .string(severity.rawValue)],
        ] as [[String: JSONValue?]] {
            let accepted = try expectAccepted(Samples.read(Samples.minimal.with(changes)))
            #expect(accepted.alert.severity == severity)
            #expect(accepted.alert.ocsf["severity_id"] == id)
        }
    }

    @Test(
        "whose clock cannot be right is accepted and marked",
        arguments: [
            ("2026-11-21T02:43:00.123456Z", false), ("2026-11-21T02:43:00.124456Z", true),
            ("1990-01-01T00:00:00Z", false), ("1989-12-31T23:59:59.999Z", true), ("9999-12-31T23:59:59Z", true),
            ("0001-01-01T00:00:00Z", true),
        ])
    func clock(time: String, isSuspect: Bool) throws {
        let accepted = try expectAccepted(Samples.read(Samples.minimal.with(["occurred_at": .string(time)])))
        #expect(accepted.alert.clockSuspect == isSuspect)
        #expect(accepted.warnings.isEmpty == !isSuspect)
    }

    @Test("of every entity type becomes a valid finding that names it", arguments: Entity.EntityType.allCases)
    func entityTypes(type: Entity.EntityType) throws {
        for value in ["10.0.0.1", "x y", "/etc/passwd", "CVE-2026-1", "d41d8cd98f00b204e9800998ecf8427e"] {
            let item = Samples.minimal.with(["entities": [["type": .string(type.rawValue), "value": .string(value)]]])
            let accepted = try expectAccepted(Samples.read(item))
            #expect(accepted.alert.ocsf["observables"]?[0]?["value"] == .string(value))
            #expect(accepted.alert.ocsf["resources"]?[0]?["uid"] == .string(value))
        }
    }

    @Test("writes its OCSF form from all that it says")
    func ocsf() throws {
        let ocsf = try expectAccepted(Samples.read(Samples.full)).alert.ocsf
        #expect(ocsf["metadata"]?["version"] == "1.9.0")
        #expect(ocsf["metadata"]?["original_time"] == "2026-11-21T03:30:00.5+01:00")
        #expect(ocsf["metadata"]?["product"]?["name"] == "edr-prod")
        #expect(ocsf["class_uid"] == 2004)
        #expect(ocsf["type_uid"] == 200_401)
        #expect(ocsf["status_id"] == 1)
        #expect(ocsf["is_alert"] == true)
        #expect(ocsf["time"] == 1_795_228_200_500)
        #expect(ocsf["confidence_score"] == 97)
        #expect(ocsf["cloud"]?["region"] == "eu-west-1")
        #expect(ocsf.at("/finding_info/attacks/1/sub_technique/uid") == "T1059.001")
        #expect(ocsf.at("/finding_info/analytic/uid") == "r-1")
        #expect(ocsf.at("/evidences/0/data/eventName") == "AuthorizeSecurityGroupIngress")
        #expect(ocsf.at("/resources/2/ip") == "2001:db8::1")
        let kept = ocsf.leaves
        for leaf in ["jdoe", "sg-0a1", "2001:DB8::1", "Web-1.example", "cloud.open_admin_port", "production", "12"] {
            #expect(kept.contains(leaf), "\(leaf)")
        }
    }
}
