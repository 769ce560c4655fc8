import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Times that no clock should show", .timeLimit(.minutes(25)), .serialized)
struct ExtremeInstantTests {
    /// What a source may say, and whether its clock is suspect.
    static let table: [(text: String, isSuspect: Bool)] = [
        ("0001-01-01T00:00:00Z", true), ("0001-01-02T00:00:00+14:00", true), ("1969-12-31T23:59:59Z", true),
        ("9999-12-31T23:59:59.999999Z", true), ("9999-12-31T00:00:00-12:00", true), ("2016-12-31T23:59:60Z", false),
        ("2026-06-30T23:59:60+14:00", false), ("2026-06-30T23:59:59-12:00", false),
    ]

    private static let rule = """
        title: Extreme Time
        id: 6f3a7d0e-6f0b-4a53-9f0a-3d2f5b1c9e77
        status: test
        logsource: {product: linux, service: sshd}
        detection:
            selection:
                message|contains: extreme-time
            condition: selection
        level: high
        """

    @Test("an alert and a record with any time are taken in, and the next alert's case is seen; nothing is held back")
    func extremes() async throws {
        try await Installation.with { place, server in
            let file = place.folder.appending(path: "extreme.yml")
            try Self.rule.write(to: file, atomically: true, encoding: .utf8)
            let imported = try await Program.run([
                "rules", "import", file.path, "--tenant", "acme", "--data-dir", place.folder.path,
            ])
            #expect(imported.status == 0, "\(imported.errors)")
            let (siem, alice) = (place.client("siem", server), place.client("alice", server))
            for (index, row) in Self.table.enumerated() {
                func alert(_ name: String, _ time: String) throws -> JSONValue {
                    try place.alert { alert in
                        alert["occurred_at"] = .string(time)
                        alert["severity"] = "critical"
                        alert["entities"] = [
                            ["type": "device", "value": .string("\(name)-\(index)"), "role": "target"]
                        ]
                    }
                }
                let odd = try await siem(.POST, "/v1/alerts", try alert("odd", row.text))
                #expect(odd.status == 201, "\(row.text): \(odd.json)")
                let oddID = try #require(odd.json["alert_id"]?.stringValue, "\(row.text)")
                let line =
                    #"{"timestamp":"\#(row.text)","host":"h\#(index)","program":"sshd","message":"extreme-time"}"#
                let record = try await siem(
                    .POST, "/v1/telemetry?product=linux&service=sshd", raw: Array(line.utf8),
                    headers: ["Content-Type": "application/x-ndjson"])
                #expect(record.status == 202, "\(row.text): \(record.json)")

                let normal = try await siem(.POST, "/v1/alerts", try alert("normal", Installation.now()))
                let id = try #require(normal.json["alert_id"]?.stringValue)
                let seen = try await alice.wait("/v1/alerts/\(id)") { !($0["case_ids"]?.arrayValue ?? []).isEmpty }
                let caseID = try #require(seen.at("/case_ids/0")?.stringValue)
                let shown = try await alice.wait("/v1/cases/\(caseID)") { $0["state"] == "escalated" }
                #expect(shown["held_back"] == nil, "\(row.text)")

                // The evidence says what the source said.
                let stored = try await alice.wait("/v1/alerts/\(oddID)") { !($0["case_ids"]?.arrayValue ?? []).isEmpty }
                #expect(stored["clock_suspect"] == .bool(row.isSuspect), "\(row.text)")
                let ready = try await alice(.GET, "/readyz")
                #expect(ready.status == 200, "\(row.text): \(ready.json)")
            }
            _ = try await alice.settled()
            let sigma = try await alice(.GET, "/v1/alerts?source=sigma&limit=100").json["items"]?.arrayValue
            #expect(sigma?.count == Self.table.count)
            let ready = try await alice(.GET, "/readyz").json
            let aside = (ready["checks"]?.arrayValue ?? []).first { $0["name"] == "set_aside" }
            #expect(aside?["detail"] == .null, "\(ready)")
            let metrics = try await alice(.GET, "/v1/metrics")
            #expect(metrics.status == 200)
        }
    }
}
