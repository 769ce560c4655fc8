import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Projections thrown away and filled again", .timeLimit(.minutes(15)))
struct RebuildTests {
    @Test("every case, approval, run and metric is the same, ETag and canonical JSON")
    func rebuild() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            for _ in 0..<2 {
                try await place.openPort()
                let (caseID, approvalID) = try await place.openCase(server)
                _ = try await place.decide(approvalID, as: "rita", server)
                _ = try await place.decide(approvalID, as: "raj", server)
                _ = try await place.client("alice", server).wait("/v1/cases/\(caseID)") { $0["state"] == "recovered" }
                _ = try await place.client("alice", server)(
                    .POST, "/v1/cases/\(caseID):close", ["verdict": "true_positive", "reason": "Seen through."],
                    headers: ["If-Match": "*"])
            }
            let alice = place.client("alice", server)
            let settled = try await alice.settled()
            let before = try await everything(alice, at: settled)
            #expect(before.count > 10)
            let rebuilt = try await Program.run(["projections", "rebuild", "all", "--data-dir", place.folder.path])
            #expect(rebuilt.status == 0, "\(rebuilt.errors)")
            #expect(try await alice.settled() == settled)
            let after = try await everything(alice, at: settled)
            for (path, answer) in before { #expect(after[path] == answer, "\(path)") }
        }
    }

    private func everything(_ client: Client, at position: Int64) async throws -> [String: String] {
        var found: [String: String] = [:]
        func take(_ path: String) async throws -> JSONValue {
            let answer = try await client(.GET, path)
            #expect(answer.status == 200, "\(path): \(answer.json)")
            found[path] = (answer.headers.first(name: "ETag") ?? "") + " " + answer.json.canonicalString()
            return answer.json
        }
        for item in try await take("/v1/cases?limit=500")["items"]?.arrayValue ?? [] {
            let id = item["id"]?.stringValue ?? ""
            _ = try await take("/v1/cases/\(id)")
            _ = try await take("/v1/cases/\(id)?as_of_position=\(position)")
            _ = try await take("/v1/cases/\(id)/recommendation")
        }
        for kind in ["approvals", "runs"] {
            for item in try await take("/v1/\(kind)?limit=500")["items"]?.arrayValue ?? [] {
                _ = try await take("/v1/\(kind)/\(item["id"]?.stringValue ?? "")")
            }
        }
        for metric in ["mttd", "mtta", "mttc", "mttr", "automation_coverage"] {
            _ = try await take(
                "/v1/metrics/\(metric)?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&group_by=severity")
        }
        return found
    }
}
