import Foundation
import JSON
import Testing

@testable import Intake

@Suite(
    "Recorded telemetry",
    .enabled(if: Telemetry.isAvailable, "the recordings or the compiled OCSF schema are not there"))
struct TelemetryRecordingTests {
    static let aws = [
        ("ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz", 0), ("invictus_cloudtrail.ndjson.gz", 1_731),
        ("stratus_detonations.ndjson.gz", 177),
    ]

    @Test("every CloudTrail record is a valid event that keeps everything", arguments: aws)
    func cloudTrail(name: String, count: Int) throws {
        let records = try Telemetry.lines(Telemetry.folder.appendingPathComponent("aws/\(name)"))
        #expect(count == 0 ? !records.isEmpty : records.count == count)
        var classes: [Int64: Int] = [:]
        for (index, record) in records.enumerated() {
            #expect(SourceDetection.detect(record)?.source == .cloudtrail, "record \(index)")
            let event = try Telemetry.normalize(record, as: .cloudtrail)
            let problems = try Telemetry.problems(event, of: record)
            try #require(problems == [], "record \(index) of \(name)")
            #expect(!event.clockSuspect && !event.entities.isEmpty, "record \(index)")
            classes[event.ocsf["class_uid"]?.int64Value ?? -1, default: 0] += 1
        }
        #expect(classes[6003, default: 0] > 0)
    }
}

extension TelemetryRecordingTests {
    static let windows: [String] = {
        let folder = Telemetry.folder.appendingPathComponent("windows").path
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".ndjson.gz") }.sorted()
    }()

    @Test("all recordings of Windows are there")
    func windowsRecordings() {
        #expect(Self.windows.count == 17)
    }

    @Test("a sample of each recording of Windows is valid events that keep everything", arguments: windows)
    func windows(name: String) throws {
        let file = Telemetry.folder.appendingPathComponent("windows/\(name)")
        let records = try Telemetry.lines(file, every: 50, limit: 300)
        #expect(records.count >= 5)
        for (index, record) in records.enumerated() {
            #expect(SourceDetection.detect(record)?.source == .windows, "line \(index * 50)")
            let event = try Telemetry.normalize(record, as: .windows)
            let problems = try Telemetry.problems(event, of: record)
            try #require(problems == [], "line \(index * 50) of \(name)")
            #expect(!event.clockSuspect, "line \(index * 50)")
            if let expected = Self.expectedClass(of: record) {
                #expect(event.ocsf["class_uid"]?.int64Value == expected, "line \(index * 50)")
            }
        }
    }

    private static func expectedClass(of record: JSONValue) -> Int64? {
        guard let id = record["EventID"]?.int64Value else { return nil }
        if record["Channel"] == "Microsoft-Windows-Sysmon/Operational" {
            return [1: 1007, 3: 4001, 5: 1007, 7: 1005, 8: 1007, 10: 1007, 11: 1001, 13: 201_002, 23: 1001][id]
        }
        guard record["Channel"]?.stringValue?.lowercased() == "security" else { return 0 }
        return [4624: 3002, 4625: 3002, 4634: 3002, 4648: 3002, 4688: 1007, 4689: 1007][id] ?? 0
    }
}

extension TelemetryRecordingTests {
    @Test("every audit event of Kubernetes among Panther's samples is a valid event that keeps everything")
    func kubernetes() throws {
        let file = SharedData.root.appendingPathComponent("panther-tests/tests.ndjson.gz")
        let events = try Telemetry.lines(file).compactMap { $0["log"] }.filter {
            $0["apiVersion"]?.stringValue?.hasPrefix("audit.k8s.io/") ?? false
                || ($0["kind"] == "Event" && $0["verb"] != nil)
        }
        #expect(events.count == 145)
        var refused = 0
        for (index, record) in events.enumerated() {
            #expect(SourceDetection.detect(record)?.source == .kubernetes, "event \(index)")
            guard record["verb"] != nil || record["requestURI"] != nil else {
                refused += 1
                #expect(throws: TelemetryRefusal.self) { try Telemetry.normalize(record, as: .kubernetes) }
                continue
            }
            let event = try Telemetry.normalize(record, as: .kubernetes)
            #expect(try Telemetry.problems(event, of: record) == [], "event \(index)")
        }
        #expect(refused <= 1, "without verb and address of the request")
    }
}
