import Events
import JSON
import SeededChance
import Testing

@testable import Intake

@Suite("Normalizing telemetry")
struct TelemetryNormalizerTests {
    @Test("a CloudTrail call tells of its caller, key, address, account and resources")
    func cloudTrailEntities() throws {
        let event = try Telemetry.normalize(TelemetrySamples.cloudTrail, as: .cloudtrail)
        #expect(event.ocsf["type_uid"] == 600_304)
        #expect(event.ocsf["status"] == "Failure")
        #expect(event.ocsf["status_code"] == "AccessDenied")
        #expect(
            Set(event.entities) == [
                Entity(type: .user, value: "benjamin", role: .actor),
                Entity(type: .apiToken, value: "AKIAEXAMPLE", role: .actor),
                Entity(type: .ip, value: "198.51.100.7", role: .actor),
                Entity(type: .cloudAccount, value: "123456789012", role: .related),
                Entity(type: .cloudResource, value: "arn:aws:s3:::ledger", role: .target),
                Entity(type: .cloudResource, value: "ledger", role: .target),
            ])
    }

    @Test("a console sign-in is an authentication that can fail")
    func consoleLogin() throws {
        let event = try Telemetry.normalize(TelemetrySamples.consoleLogin, as: .cloudtrail)
        #expect(event.ocsf["type_uid"] == 300_201)
        #expect(event.ocsf["status"] == "Failure")
        #expect(event.ocsf["is_mfa"] == false)
        #expect(event.entities.contains(Entity(type: .user, value: "benjamin", role: .target)))
    }

    @Test("a service of AWS as the caller is a service and no device")
    func serviceCaller() throws {
        let record = TelemetrySamples.cloudTrail.with([
            "sourceIPAddress": "ec2.amazonaws.com",
            "userIdentity": ["type": "AWSService", "invokedBy": "ec2.amazonaws.com"],
        ])
        let event = try Telemetry.normalize(record, as: .cloudtrail)
        #expect(event.ocsf["actor"]?["app_uid"] == "ec2.amazonaws.com")
        #expect(event.entities.contains(Entity(type: .service, value: "ec2.amazonaws.com", role: .actor)))
        #expect(!event.entities.contains { $0.type == .device })
    }

    @Test("a CloudTrail record is found in each of its envelopes, whose other members are kept")
    func envelopes() throws {
        let plain = try Telemetry.normalize(TelemetrySamples.cloudTrail, as: .cloudtrail)
        for name in ["event", "detail"] {
            let wrapped: JSONValue = [name: TelemetrySamples.cloudTrail, "id": "outer"]
            let event = try Telemetry.normalize(wrapped, as: .cloudtrail)
            #expect(event.entities == plain.entities)
            #expect(event.ocsf["unmapped"]?["id"] == "outer")
        }
        let batch: JSONValue = ["Records": [TelemetrySamples.cloudTrail]]
        #expect(try Telemetry.normalize(batch, as: .cloudtrail) == plain)
        let two: JSONValue = ["Records": [TelemetrySamples.cloudTrail, TelemetrySamples.consoleLogin]]
        #expect(TelemetrySource.cloudtrail.records(in: two).count == 2)
        #expect(throws: TelemetryRefusal.self) { try Telemetry.normalize(two, as: .cloudtrail) }
    }

    @Test("a started process tells of itself, its parent, its account and its host, not of the collector")
    func windowsEntities() throws {
        let event = try Telemetry.normalize(TelemetrySamples.windows, as: .windows)
        #expect(event.ocsf["type_uid"] == 100_701)
        #expect(event.ocsf["process"]?["pid"] == 7_448)
        #expect(event.ocsf["process"]?["file"]?["hashes"]?.arrayValue?.count == 2)
        #expect(event.occurredAt == Instant(rfc3339: "2023-08-15T09:53:48.447Z"))
        #expect(
            Set(event.entities) == [
                Entity(type: .process, value: "cmd.exe", role: .actor),
                Entity(type: .file, value: #"C:\Windows\System32\cmd.exe"#, role: .related),
                Entity(type: .user, value: "stevie.marie", role: .actor),
                Entity(type: .user, value: "stevie.marie", role: .related),
                Entity(type: .device, value: "MKT01.pandalab.com", role: .target),
                Entity(type: .process, value: "whoami.exe", role: .related),
                Entity(type: .file, value: #"C:\Windows\System32\whoami.exe"#, role: .related),
            ])
    }

    @Test("a Windows event is the same in each of its forms")
    func windowsForms() throws {
        let flat = TelemetrySamples.windows
        let data = flat.with(["Channel": nil, "SourceName": nil, "EventID": nil, "Hostname": nil, "host": nil])
        let pairs = (data.objectValue ?? [:]).compactMap { name, value in
            value.identifierText.map { JSONValue.object(["@Name": .string(name), "#text": .string($0)]) }
        }
        let system: JSONValue = [
            "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": ["#text": 1],
            "Computer": "MKT01.pandalab.com", "Provider": ["#attributes": ["Name": "Microsoft-Windows-Sysmon"]],
            "TimeCreated": ["#attributes": ["SystemTime": "2023-08-15T09:53:48.447Z"]],
        ]
        let forms: [JSONValue] = [
            ["Event": ["System": system, "EventData": data]], ["System": system, "EventData": data],
            ["Event": ["System": system, "EventData": ["Data": .array(pairs)]]],
            [
                "@timestamp": "2023-08-15T09:53:48.447Z",
                "winlog": [
                    "channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1",
                    "computer_name": "MKT01.pandalab.com", "provider_name": "Microsoft-Windows-Sysmon",
                    "event_data": data,
                ],
            ],
        ]
        let expected = try Telemetry.normalize(flat, as: .windows)
        for form in forms {
            #expect(SourceDetection.detect(form)?.source == .windows)
            let event = try Telemetry.normalize(form, as: .windows)
            #expect(event.entities == expected.entities)
            #expect(event.occurredAt == expected.occurredAt)
            #expect(event.ocsf["process"] == expected.ocsf["process"])
            #expect(event.ocsf["metadata"]?["product"] == expected.ocsf["metadata"]?["product"])
            if OCSFSchema.isAvailable { #expect(try Telemetry.problems(event, of: form) == []) }
        }
    }

    @Test("a failed logon of Windows is an authentication from an address")
    func windowsLogon() throws {
        let record: JSONValue = [
            "Channel": "security", "EventID": 4625, "Hostname": "WS-5.theshire.local", "host": "wec.example",
            "@timestamp": "2020-10-22T08:29:55.210Z", "TargetUserName": "lrodriguez", "TargetUserSid": "S-1-0-0",
            "TargetDomainName": "theshire.local", "SubjectUserName": "pgustavo", "SubjectUserSid": "S-1-5-21-1",
            "IpAddress": "::ffff:203.0.113.9", "IpPort": "-", "LogonType": "3", "SubStatus": "0xc000006a",
            "AuthenticationPackageName": "NTLM", "WorkstationName": "-", "ProcessId": "0x1d60",
        ]
        let event = try Telemetry.normalize(record, as: .windows)
        #expect(event.ocsf["type_uid"] == 300_201)
        #expect(event.ocsf["status"] == "Failure")
        #expect(event.ocsf["logon_type"] == "Network")
        #expect(event.ocsf["actor"]?["process"]?["pid"] == 7_520)
        #expect(event.ocsf["unmapped"]?["TargetUserSid"] == "S-1-0-0")
        #expect(
            Set(event.entities) == [
                Entity(type: .user, value: "pgustavo", role: .actor),
                Entity(type: .user, value: "lrodriguez", role: .target),
                Entity(type: .ip, value: "203.0.113.9", role: .actor),
                Entity(type: .device, value: "WS-5.theshire.local", role: .target),
            ])
        if OCSFSchema.isAvailable { #expect(try Telemetry.problems(event, of: record) == []) }
    }

    @Test("an exec into a pod tells of its user, address, workload and namespace")
    func kubernetesEntities() throws {
        let event = try Telemetry.normalize(TelemetrySamples.kubernetes, as: .kubernetes)
        #expect(event.ocsf["type_uid"] == 600_301)
        #expect(event.ocsf["status"] == "Success")
        #expect(event.ocsf["resources"]?[0]?["labels"] == ["exec"])
        #expect(
            Set(event.entities) == [
                Entity(type: .user, value: "deploy@example.org", role: .actor),
                Entity(type: .ip, value: "203.0.113.9", role: .actor),
                Entity(type: .workload, value: "web-1", role: .target),
                Entity(type: .namespace, value: "shop", role: .related),
            ])
    }

    @Test("a source is told by what only it has, and says so")
    func detection() {
        for (source, record) in TelemetrySamples.bySource {
            #expect(SourceDetection.detect(record)?.source == source)
        }
        let list: JSONValue = ["kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []]
        #expect(SourceDetection.detect(list)?.why == "apiVersion is audit.k8s.io/v1 in a list of events")
        #expect(
            SourceDetection.detect(["detail": TelemetrySamples.cloudTrail])?.why
                == "eventSource, eventName and userIdentity stand under 'detail'")
        #expect(SourceDetection.detect(TelemetrySamples.sshd)?.why == "'program' names sshd and 'message' is a text")
        for other in [Samples.minimal, Samples.finding, nil, [], [:], "sshd", ["program": "cron", "message": "x"]] {
            #expect(SourceDetection.detect(other) == nil)
        }
    }

    @Test("what is not of its source is refused with a reason", arguments: TelemetrySource.allCases)
    func refusals(source: TelemetrySource) {
        for value in [nil, 1, "x", [], [:], ["eventName": 1], ["EventID": "x", "Channel": "y"]] as [JSONValue] {
            let refusal = #expect(throws: TelemetryRefusal.self) { try Telemetry.normalize(value, as: source) }
            #expect(refusal?.reason.isEmpty == false)
        }
    }

    @Test("integers beyond 2^53 become decimal strings")
    func hugeIntegers() throws {
        var record = TelemetrySamples.windows
        record["Keywords"] = .integer(.min)
        record["Deep"] = [["x": .integer(.max)]]
        let event = try Telemetry.normalize(record, as: .windows)
        #expect(event.ocsf["unmapped"]?["Keywords"] == "-9223372036854775808")
        #expect(event.ocsf["unmapped"]?["Deep"] == [["x": "9223372036854775807"]])
    }

    @Test("what is nested too deep is kept as its own text, within what JSON may nest")
    func deepNesting() throws {
        var deep: JSONValue = "bottom"
        for _ in 0..<60 { deep = [deep] }
        for (source, record) in TelemetrySamples.bySource {
            for name in ["x", "requestParameters", "responseObject", "message2"] {
                var record = record
                record[name] = deep
                let event = try Telemetry.normalize(record, as: source)
                #expect(try JSONValue.parse(event.ocsf.canonicalBytes()) == event.ocsf)
                #expect(event.ocsf.canonicalString().contains("bottom"))
            }
        }
    }

    @Test(
        "members of wrong types make a valid event that keeps everything, or a refusal",
        .enabled(if: OCSFSchema.isAvailable, "no OCSF schema"), arguments: [1, 2, 3] as [UInt64])
    func hostile(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var normalized = 0
        for (source, sample) in TelemetrySamples.bySource + [(.cloudtrail, TelemetrySamples.consoleLogin)] {
            for _ in 0..<60 {
                let record = Self.mutated(sample, &random, chance: 6)
                let event: NormalizedTelemetry
                do {
                    event = try Telemetry.normalize(record, as: source)
                } catch {
                    #expect(error.code == .notThisSource || error.code == .notAnObject)
                    continue
                }
                normalized += 1
                let problems = try Telemetry.problems(event, of: record)
                try #require(problems == [], "\(record.canonicalString())")
            }
        }
        #expect(normalized > 60)
    }

    private static func mutated(
        _ value: JSONValue, _ random: inout SeededGenerator, chance: Int
    ) -> JSONValue {
        if Int.random(in: 0..<chance, using: &random) == 0 {
            let junk: [JSONValue] = [
                nil, true, 0, -1, 70_000, 9_007_199_254_740_992, 1.5, 1e300, "", "-", " ", "::ffff:1.2.3.4", "%",
                "\u{7}",
                "0xFFFFFFFFFFFFFFFFFF", "999999999999999999999", "\\", "/", "S-1-0-0", [], [:], [nil], ["", "x"],
                ["#text": "1"], ["a": ["b": [1, 2]]], "9999-12-31T23:59:60Z", "0001-01-01T00:00:00Z",
            ]
            return junk.randomElement(using: &random)!
        }
        switch value {
        case .object(let members):
            var changed: [String: JSONValue] = [:]
            for name in members.keys.sorted() { changed[name] = mutated(members[name]!, &random, chance: chance * 2) }
            return .object(changed)
        case .array(let elements): return .array(elements.map { mutated($0, &random, chance: chance * 2) })
        default: return value
        }
    }
}
