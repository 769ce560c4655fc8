import Events
import Foundation
import JSON
import Testing

@testable import Intake

@Suite("An OCSF finding")
struct OCSFFindingTests {
    @Test("of version 1.9 is read into an alert")
    func current() throws {
        let accepted = try expectAccepted(Samples.read(Samples.finding, as: .ocsf))
        let alert = accepted.alert
        #expect(accepted.source == "Sentinel One")
        #expect(accepted.sourceRef == "F-77")
        #expect(alert.title == "Credential dumping")
        #expect(alert.occurredAt.microseconds == 1_763_692_200_123_000)
        #expect(alert.severity == .high)
        #expect(alert.confidenceScore == 88)
        #expect(alert.rule == .init(uid: "an-1", name: "LSASS read"))
        #expect(alert.attackTechniques == ["T1003.001"])
        #expect(alert.region == "eu-central-1")
        #expect(alert.pattern == "endpoint.credential_dump")
        #expect(alert.environment == .staging)
        #expect(alert.sourceURL == "https://console.example/F-77")
        #expect(alert.evidence.map(\.kind) == [.rawEvent])
        #expect(alert.unmapped == [:])
        #expect(accepted.warnings == [])
        let entities = Set(alert.entities.map { "\($0.type.rawValue) \($0.value) \($0.role.rawValue)" })
        #expect(
            entities == [
                "user jdoe actor", "email jdoe@example.org actor", "process procdump.exe actor", "device WS-4 target",
                "ip 10.0.0.4 target", "ip 203.0.113.7 actor", "file /tmp/out.dmp related",
                "cloud_resource i-0abc target",
                "user team-net related", "cloud_account 123456789012 related",
            ])
        #expect(alert.ocsf["metadata"]?["profiles"] == ["cloud", "host", "security_control"])
        #expect(alert.ocsf["metadata"]?["original_time"] == "Nov 21 02:30:00")
        #expect(alert.ocsf.at("/evidences/0/src_endpoint/name") == "203.0.113.7")
    }

    @Test("loses nothing on the way")
    func lossless() throws {
        let finding = Samples.finding.with([
            "actor": ["user": ["name": "jdoe", "uid": 501, "email_addr": "not a mail address", "phone_number": 4930]],
            "device": [
                "hostname": "WS-4", "ip": "no address", "type_id": 77, "type": "Toaster", "imei": "490154203237518",
            ],
            "vendor_private": ["person": "Jane Doe"], "unmapped": ["more": "of it"], "compliance": ["control": "C-5"],
            "observables": [["type_id": -1, "type": "Mood", "value": "grim"], ["type_id": 4_711, "value": "odd"]],
            "evidences": [["http_request": ["user_agent": "curl/8"]], ["process": ["name": "no id"]]],
            "status_id": -1, "status": "Parked", "raw_data": "<13>login of jroe",
        ])
        let accepted = try expectAccepted(Samples.read(finding, as: .ocsf))
        let kept = try JSONValue(encoding: accepted.alert).leaves
        let ocsf = accepted.alert.ocsf
        let lost = finding.leaves.subtracting(kept)
        // Older OCSF's -1 is 99 now; nothing else may be missing.
        #expect(lost.subtracting(["-1"]) == [])
        #expect(ocsf["status_id"] == 99)
        #expect(ocsf["status"] == "Parked")
        #expect(ocsf.at("/observables/0/type") == "Mood")
        #expect(ocsf.at("/unmapped/vendor_private/person") == "Jane Doe")
        #expect(ocsf.at("/unmapped/more") == "of it")
        #expect(ocsf.at("/unmapped/device/ip") == "no address")
        #expect(accepted.alert.evidence.last?.data == ["raw_data": "<13>login of jroe"])
        #expect(accepted.warnings.contains { $0.contains("vendor_private") })
    }

    @Test("of class Security Finding and version 1.0 is brought up to date")
    func securityFinding() throws {
        let finding: JSONValue = [
            "activity_id": 1, "activity_name": "Generate", "class_uid": 2001, "category_uid": 2, "type_uid": 200_101,
            "severity_id": -1, "severity": "Curious", "state_id": 2, "time": 1_668_535_199_945, "confidence": 70,
            "metadata": ["version": "1.0.0", "product": ["uid": "old-edr", "vendor_name": "Old"]],
            "finding": ["uid": "old-1", "title": "Old finding", "remediation": ["desc": "Look."], "product_uid": "p"],
            "analytic": ["name": "Rule 5", "type_id": 1, "type": "Rule"],
            "attacks": [
                ["tactics": [["uid": "TA0001"], ["uid": "TA0002"]], "technique": ["uid": "T1566"], "version": "12"]
            ],
            "evidence": ["line": "x"], "process": ["pid": 4, "name": "evil"],
            "resources": [["uid": "1.2.3.4", "owner": "owner.example", "region": "us-east-1"]],
        ]
        let alert = try expectAccepted(Samples.read(finding, as: .ocsf)).alert
        #expect(alert.source == "old-edr")
        #expect(alert.sourceRef == "old-1")
        #expect(alert.severity == .other)
        #expect(alert.ocsf["severity"] == "Curious")
        #expect(alert.confidenceScore == 70)
        #expect(alert.rule?.name == "Rule 5")
        #expect(alert.attackTechniques == ["T1566"])
        #expect(alert.region == "us-east-1")
        #expect(alert.evidence.map(\.data) == [["data": ["line": "x"]], ["process": ["pid": 4, "name": "evil"]]])
        #expect(alert.ocsf["class_uid"] == 2004)
        #expect(alert.ocsf["status_id"] == 2)
        #expect(alert.ocsf.at("/finding_info/attacks/0/tactic/uid") == "TA0001")
        #expect(alert.ocsf.at("/remediation/desc") == "Look.")
        #expect(alert.ocsf.at("/unmapped/class_uid") == 2001)
        #expect(alert.ocsf.at("/unmapped/activity_name") == "Generate")
        #expect(alert.ocsf.at("/unmapped/metadata/version") == "1.0.0")
        #expect(alert.entities.contains(Entity(type: .ip, value: "1.2.3.4", role: .target)))
        #expect(alert.entities.contains(Entity(type: .user, value: "owner.example", role: .related)))
    }

    @Test("of the other finding classes is an alert too", arguments: [2002, 2003, 2005, 2006, 2007, 2008] as [Int64])
    func otherClasses(uid: Int64) throws {
        let finding = Samples.finding.with([
            "class_uid": .integer(uid), "type_uid": .integer(uid * 100 + 1),
            "vulnerabilities": [["cve": ["uid": "CVE-2026-0001"], "cwe": ["uid": "79"]]],
            "resources": nil, "resource": ["uid": "db-1", "type": "Database"],
        ])
        let alert = try expectAccepted(Samples.read(finding, as: .ocsf)).alert
        #expect(alert.ocsf["class_uid"] == 2004)
        #expect(alert.unmapped["class_uid"] == .integer(uid))
        #expect(alert.entities.contains(Entity(type: .vulnerability, value: "CVE-2026-0001", role: .related)))
        #expect(alert.entities.contains(Entity(type: .cloudResource, value: "db-1", role: .target)))
    }

    @Test(
        "that lacks what an alert needs is rejected at its place",
        arguments: [
            (["class_uid": nil], "/class_uid", .required),
            (["class_uid": "2004"], "/class_uid", .type),
            (["class_uid": 3002], "/class_uid", .enum),
            (["class_uid": 2099], "/class_uid", .enum),
            (["metadata": nil], "/metadata/version", .required),
            (["metadata": ["version": "2.0.0", "product": ["name": "p"]]], "/metadata/version", .format),
            (["metadata": ["version": 1, "product": ["name": "p"]]], "/metadata/version", .type),
            (["metadata": ["version": "1.5.0"]], "/metadata/product/name", .required),
            (
                ["metadata": ["version": "1.5.0", "product": ["name": .string(String(repeating: "p", count: 201))]]],
                "/metadata/product/name", .length
            ),
            (["finding_info": nil], "/finding_info", .required),
            (["finding_info": ["uid": ["x"], "title": "t"]], "/finding_info/uid", .type),
            (
                ["finding_info": ["uid": .string(String(repeating: "u", count: 501)), "title": "t"]],
                "/finding_info/uid", .length
            ),
            (["finding_info": ["uid": "u"], "message": nil], "/finding_info/title", .required),
            (["time": nil], "/time", .required),
            (["time": "2026-11-21T02:30:00Z"], "/time", .type),
            (["time": -5], "/time", .range),
            (["time": 1_763_692_200_123_000], "/time", .range),
            (["severity_id": nil, "severity": nil], "/severity_id", .required),
            (["severity_id": 8], "/severity_id", .enum),
            (["severity_id": "high"], "/severity_id", .type),
        ] as [([String: JSONValue?], String, FieldError.Code)])
    func bad(changes: [String: JSONValue?], pointer: String, code: FieldError.Code) throws {
        let rejected = try #require(Samples.read(Samples.finding.with(changes), as: .ocsf).rejected)
        #expect(rejected.errors.map(\.pointer) == [pointer])
        #expect(rejected.errors.map(\.code) == [code])
    }

    @Test("of a telemetry class is rejected with the way to go")
    func telemetry() throws {
        let event = Samples.finding.with(["class_uid": 3002, "class_name": "Authentication"])
        let rejected = try #require(Samples.read(event, as: .ocsf).rejected)
        #expect(
            rejected.reason
                == "OCSF class 3002 (Authentication) is telemetry and no finding: it belongs to /v1/telemetry")
    }

    @Test("takes its time from what there is")
    func times() throws {
        let withText = Samples.finding.with(["time": nil, "time_dt": "2026-11-21T02:30:00.25Z"])
        #expect(
            try expectAccepted(Samples.read(withText, as: .ocsf)).alert.occurredAt.rfc3339
                == "2026-11-21T02:30:00.250000Z")
        let info = Samples.finding["finding_info"]!.with(["first_seen_time": 1_700_000_000_000])
        let withFirstSeen = Samples.finding.with(["time": nil, "finding_info": info])
        #expect(
            try expectAccepted(Samples.read(withFirstSeen, as: .ocsf)).alert.occurredAt.microseconds
                == 1_700_000_000_000_000)
        let inSeconds = Samples.finding.with(["time": 1_763_692_200])
        #expect(try expectAccepted(Samples.read(inSeconds, as: .ocsf)).alert.clockSuspect)
    }

    @Test("without a uid is known by its digest")
    func withoutUID() throws {
        let finding = Samples.finding.with(["finding_info": ["title": "t"]])
        let accepted = try expectAccepted(Samples.read(finding, as: .ocsf))
        #expect(accepted.sourceRef == accepted.rawDigest.text)
        #expect(accepted.warnings.contains { $0.contains("no uid") })
    }

    @Test("that Docket wrote is read back to the same alert")
    func roundTrip() throws {
        let first = try expectAccepted(Samples.read(Samples.full)).alert
        let second = try expectAccepted(Samples.read(first.ocsf, as: .ocsf)).alert
        #expect(second.alertID == first.alertID)
        #expect(second.title == first.title)
        #expect(second.severity == first.severity)
        #expect(second.pattern == first.pattern)
        #expect(second.environment == first.environment)
        #expect(second.attackTechniques == first.attackTechniques)
        #expect(second.rule == first.rule)
        #expect(Set(second.entities.map(\.key)).isSuperset(of: first.entities.map(\.key)))
    }

    @Test("with hostile types everywhere is accepted and valid, or rejected with a reason")
    func hostile() throws {
        let values: [JSONValue] = [.null, true, 7, -1.5, "x", [], [[]], [:], ["name": ["x": [1]]], [["uid": 5]]]
        for name in Samples.finding.objectValue!.keys.sorted() {
            for value in values {
                try expectSound(Samples.read(Samples.finding.with([name: value]), as: .ocsf))
            }
        }
        for (outer, inner) in Samples.finding.objectValue! {
            for name in (inner.objectValue ?? [:]).keys {
                for value in values {
                    try expectSound(Samples.read(Samples.finding.with([outer: inner.with([name: value])]), as: .ocsf))
                }
            }
        }
    }

    private func expectSound(_ outcome: IntakeOutcome) throws {
        if let rejected = outcome.rejected {
            #expect(!rejected.errors.isEmpty)
            #expect(!rejected.reason.isEmpty)
        } else {
            _ = try expectAccepted(outcome)
        }
    }
}

@Suite("The published OCSF examples", .enabled(if: SharedData.hasExamples, "the OCSF examples are not there"))
struct OCSFExampleTests {
    @Test("the Security Findings of SecurityScorecard become valid alerts that lose nothing")
    func securityScorecard() throws {
        let body = try SharedData.bytes("examples/mappings/markdown/SSC/samples/malware_infection_detected_sample.json")
        #expect(BatchReader.detect(body) == .init(layout: .array, content: .alerts(.ocsf)))
        let items = try BatchReader.items(of: body, layout: .array)
        #expect(items.count == 4)
        for item in items {
            let accepted = try expectAccepted(Samples.read(item.bytes, as: .ocsf))
            #expect(accepted.source == "SecurityScorecard Attack Surface Intelligence")
            #expect(accepted.alert.severity == .informational)
            #expect(accepted.alert.confidenceScore == 100)
            #expect(accepted.alert.entities.contains { $0.type == .ip })
            let input = try JSONValue.parseEvidence(item.bytes).value
            let lost = input.leaves.subtracting(try JSONValue(encoding: accepted.alert).leaves)
            #expect(
                lost.subtracting(["-1", "200101", "2", "Security Finding: Generate", "Findings", "Informational "])
                    == [])
        }
        #expect(Set(items.map { Samples.read($0.bytes, as: .ocsf).accepted?.alertID }).count == 4)
    }

    @Test(
        "telemetry examples are rejected as telemetry",
        arguments: [
            "Microsoft/Windows Events/4624/4624_0.json", "Microsoft/Windows Events/4688/4688_0.json",
            "CERT-NetSA at CMU-SEI/SiLK Network Flow Data/samples/SampleOCSF_FCCX.json",
        ])
    func telemetry(path: String) throws {
        let body = try SharedData.bytes("examples/mappings/markdown/" + path)
        #expect(BatchReader.detect(body).content == .telemetry)
        let rejected = try #require(Samples.read(body, as: .ocsf).rejected)
        #expect(rejected.reason.contains("telemetry"))
    }
}
