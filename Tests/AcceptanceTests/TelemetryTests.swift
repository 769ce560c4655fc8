import Foundation
import Gzip
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite("Raw telemetry", .timeLimit(.minutes(25)), .serialized)
struct TelemetryTests {
    static let data: URL? = {
        let environment = ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"]
        let candidates = [environment, "../shared/data", "../../shared/data"].compactMap(\.self)
        return candidates.map { URL(fileURLWithPath: $0) }
            .first { FileManager.default.fileExists(atPath: $0.appending(path: "telemetry").path) }
    }()

    private static let ssh = "/v1/telemetry?product=linux&service=sshd"
    private static let kubernetes = "/v1/telemetry?product=kubernetes&category=application&service=audit"

    /// Sends until it is acknowledged, as a collector does.
    private func deliver(_ lines: [String], to path: String, _ client: Client) async throws {
        let body = Array(lines.joined(separator: "\n").utf8)
        while true {
            // A server that is being restarted does not answer: not acknowledged, so sent again.
            let answer = try? await client(
                .POST, path, raw: body, headers: ["Content-Type": "application/x-ndjson"])
            if answer?.status == 202 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    @Test("story (a) over a kill -9 in the middle is one case", arguments: [6, 12, 13])
    func killed(after lines: Int) async throws {
        try await Installation.with { place, server in
            let story = SSHTakeover(start: Date().addingTimeInterval(-1_800))
            try await deliver(Array(story.sshLines.prefix(lines)), to: Self.ssh, place.client("siem", server))
            try await server.kill()
            let second = try await place.restart()
            let siem = place.client("siem", second)
            if lines < 13 { try await deliver(Array(story.sshLines.dropFirst(lines)), to: Self.ssh, siem) }
            try await deliver(story.auditLines, to: Self.kubernetes, siem)
            let alice = place.client("alice", second)
            _ = try await alice.wait("/v1/cases") { $0["items"]?.arrayValue?.count == 1 }
            // The collector does not know what arrived before the kill, and sends everything once more.
            try await deliver(story.sshLines, to: Self.ssh, siem)
            try await deliver(story.auditLines, to: Self.kubernetes, siem)
            _ = try await alice.settled()
            let cases = try await alice(.GET, "/v1/cases").json["items"]?.arrayValue ?? []
            #expect(cases.count == 1)
            #expect(cases.first?["title"] == "SSH Takeover Followed By A Command In A Pod")
            #expect(cases.first?["alert_count"] == 1)
        }
    }

    @Test("a killed request is either acknowledged or may be sent again, with the same end")
    func killedInRequest() async throws {
        try await Installation.with { place, server in
            let story = SSHTakeover(start: Date().addingTimeInterval(-1_800))
            let siem = place.client("siem", server)
            async let first: Void = {
                // Whether it is answered or cut off by the kill is what must make no difference.
                _ = try? await siem(
                    .POST, Self.ssh, raw: Array(story.sshLines.joined(separator: "\n").utf8),
                    headers: ["Content-Type": "application/x-ndjson"])
            }()
            try await Task.sleep(for: .milliseconds(5))
            try await server.kill()
            await first
            let second = try await place.restart()
            try await deliver(story.sshLines, to: Self.ssh, place.client("siem", second))
            try await deliver(story.auditLines, to: Self.kubernetes, place.client("siem", second))
            let alice = place.client("alice", second)
            _ = try await alice.wait("/v1/cases") { $0["items"]?.arrayValue?.count == 1 }
            _ = try await alice.settled()
            #expect(try await alice(.GET, "/v1/cases").json["items"]?.arrayValue?.count == 1)
            let matched = try await alice(.GET, "/v1/events?type=detection.matched&limit=500").json["items"]?.arrayValue
            #expect(matched?.count == 2)
        }
    }

    /// Recordings, the rules for them, and the least number of cases that they open.
    struct Recording: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var files: [String]
        var rules: String
    }

    static let recordings = [
        Recording(
            testDescription: "CloudTrail",
            files: [
                "aws/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz", "aws/invictus_cloudtrail.ndjson.gz",
                "aws/stratus_detonations.ndjson.gz",
            ], rules: "sigma/rules/cloud/aws"),
        Recording(
            testDescription: "Windows",
            files: ["windows/credential_access__cmd_sam_copy_esentutl_2020-10-1900290001.ndjson.gz"],
            rules: "sigma/rules/windows"),
    ]

    @Test(
        "recordings become cases whose evidence is the raw line, once, however often they are read",
        .enabled(if: data != nil, "the shared data is absent: set DOCKET_SHARED_DATA"), arguments: recordings)
    func recorded(_ recording: Recording) async throws {
        let data = try #require(Self.data)
        try await Installation.with { place, server in
            let imported = try await Program.run([
                "rules", "import", data.appending(path: recording.rules).path, "--tenant", "acme", "--data-dir",
                place.folder.path,
            ])
            #expect([0, 2].contains(imported.status), "\(imported.errors.suffix(500))")
            let files = recording.files.map { data.appending(path: "telemetry/" + $0).path }
            let arguments =
                ["ingest"] + files + ["--tenant", "acme", "--format", "json", "--data-dir", place.folder.path]
            let first = try await Program.run(arguments)
            #expect(first.status == 0, "\(first.errors)")
            let lines = try first.lines
            #expect(lines.count == files.count + 1)
            for line in lines {
                let counts = (line["counts"]?.objectValue ?? [:]).compactMapValues(\.int64Value)
                #expect(counts["received"] ?? 0 > 0)
                #expect(
                    counts["received"]
                        == (counts["matched"] ?? -1) + (counts["unmatched"] ?? -1) + (counts["dead_lettered"] ?? -1))
            }
            let alice = place.client("alice", server)
            _ = try await alice.settled()
            let cases = try await alice(.GET, "/v1/cases?limit=500").json["items"]?.arrayValue ?? []
            #expect(!cases.isEmpty)

            let alertID = try #require(cases.first?.at("/alert_ids/0")?.stringValue)
            let raw = try await alice(.GET, "/v1/alerts/\(alertID)/raw").bytes
            let texts = try files.map { try Self.text(of: $0) }
            #expect(texts.contains { $0.firstRange(of: raw) != nil })

            let second = try #require(try await Program.run(arguments).lines.last?["counts"])
            #expect(second["alerts_created"] == 0)
            #expect(second["received"] == lines.last?.at("/counts/received"))
            _ = try await alice.settled()
            let again = try await alice(.GET, "/v1/cases?limit=500").json["items"]?.arrayValue ?? []
            #expect(again.map { $0["id"] } == cases.map { $0["id"] })
            #expect(again.map { $0["alert_count"] } == cases.map { $0["alert_count"] })
        }
    }

    private static func text(of file: String) throws -> [UInt8] {
        try Gzip.inflate(
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))),
            limits: .init(bytesMaximum: 1 << 30, ratioMaximum: 1_000))
    }

    @Test("a hostile stream is counted and kept, and the server's memory stays flat")
    func hostile() async throws {
        try await Installation.with { place, server in
            let siem = place.client("siem", server)
            let pid = try #require(server.ready["pid"]?.int64Value)
            let long = Array("{\"message\":\"".utf8) + [UInt8](repeating: 0x78, count: 2 << 20) + Array("\"}".utf8)
            let deep = Array(String(repeating: "[", count: 200_000).utf8)
            let bomb = try Gzip.deflate([UInt8](repeating: 0x20, count: 60 << 20))
            let broken = Array((0..<2_000).map { "{\"broken\": \($0)" }.joined(separator: "\n").utf8)
            let binary = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) }
            let numbers = Array(
                #"{"program":"sshd","message":"x","n":-9223372036854775808,"m":9223372036854775808,"o":9e16}"#.utf8)
            let body = Array([long, deep, broken, binary, numbers].joined(separator: [0x0A]))
            var sizes: [Int] = []
            for _ in 0..<8 {
                let answer = try await siem(
                    .POST, Self.ssh, raw: body, headers: ["Content-Type": "application/x-ndjson"])
                #expect(answer.status == 202, "\(answer.json)")
                let counts = (answer.json["counts"]?.objectValue ?? [:]).compactMapValues(\.int64Value)
                #expect(
                    counts["received"]
                        == (counts["matched"] ?? -1) + (counts["unmatched"] ?? -1) + (counts["dead_lettered"] ?? -1))
                #expect(counts["dead_lettered"] ?? 0 > 2_002)
                let refused = try await siem(
                    .POST, Self.ssh, raw: bomb,
                    headers: ["Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"])
                #expect(refused.status == 413)
                sizes.append(try Self.residentBytes(pid))
            }
            // What is kept for reuse is kept after a few; from then on nothing grows.
            let early = sizes.prefix(4).max() ?? 0
            #expect((sizes.last ?? 0) < early + (64 << 20), "\(sizes.map { $0 >> 20 })")
            let letters = try await place.client("alice", server).wait("/v1/ingest/dead_letters?limit=500") {
                ($0["items"]?.arrayValue ?? []).count > 100
            }
            #expect((letters["items"]?.arrayValue ?? []).contains { $0["items"]?.int64Value ?? 0 > 1_000 })
        }
    }

    private static func residentBytes(_ pid: Int64) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return (Int(line.split(separator: " ").dropLast().last ?? "") ?? 0) << 10
    }
}
