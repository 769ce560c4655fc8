import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("docket ingest", .timeLimit(.minutes(25)))
struct IngestTests {
    static let examples: URL? = {
        let environment = ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"]
        let candidates = [environment, "../shared/data", "../../shared/data"].compactMap(\.self)
        return candidates.map { URL(fileURLWithPath: $0).appending(path: "ocsf/examples") }
            .first { FileManager.default.fileExists(atPath: $0.path) }
    }()

    @Test(
        "a file of findings, alerts and junk adds up, and the second time nothing is new",
        .enabled(if: examples != nil, "the shared data is absent: set DOCKET_SHARED_DATA"))
    func mixed() async throws {
        try await Installation.with { place, server in
            let lines = try mixedLines(place)
            let file = place.folder.appending(path: "mixed.ndjson")
            try Data(lines.joined(separator: [0x0A])).write(to: file)
            let arguments = [
                "ingest", file.path, "--tenant", "acme", "--format", "json", "--data-dir", place.folder.path,
            ]
            let first = try await Program.run(arguments)
            #expect(first.status == 0, "\(first.errors)")
            let counts = try #require(try first.lines.last?["counts"])
            func count(_ name: String, _ value: JSONValue) -> Int64 { value[name]?.int64Value ?? -1 }
            #expect(count("received", counts) == Int64(lines.count { !$0.isEmpty }))
            #expect(
                count("received", counts)
                    == count("created", counts) + count("duplicate", counts) + count("updated", counts)
                    + count("dead_lettered", counts))
            #expect(count("created", counts) >= 5)
            #expect(count("dead_lettered", counts) >= 3)
            let alice = place.client("alice", server)
            _ = try await alice.settled()
            let cases = try await alice(.GET, "/v1/cases?limit=500").json["items"]?.arrayValue?.count

            let second = try #require(try await Program.run(arguments).lines.last?["counts"])
            #expect(count("created", second) == 0)
            #expect(count("updated", second) == 0)
            #expect(count("duplicate", second) == count("created", counts) + count("duplicate", counts))
            _ = try await alice.settled()
            #expect(try await alice(.GET, "/v1/cases?limit=500").json["items"]?.arrayValue?.count == cases)
        }
    }

    /// Every JSON document among the OCSF examples, native alerts, a duplicate, and what is no alert at all.
    private func mixedLines(_ place: Installation) throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        let folder = try #require(Self.examples)
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "json" {
            let bytes = [UInt8](try Data(contentsOf: file))
            guard let value = try? JSONValue.parseEvidence(bytes).value else { continue }
            lines += value.arrayValue?.map { $0.canonicalBytes() } ?? [value.canonicalBytes()]
        }
        let native = try place.alert { $0["source_ref"] = "native-1" }.canonicalBytes()
        lines += [native, native, try place.alert { $0["severity"] = "low" }.canonicalBytes()]
        lines += [Array("{\"broken\":".utf8), Array("not json".utf8), [], [0x22, 0xFF, 0x22]]
        lines.append(try place.alert { $0["severity"] = "loud" }.canonicalBytes())
        return lines
    }
}
