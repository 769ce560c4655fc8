import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Projections filled again beside the live ones", .timeLimit(.minutes(25)))
struct RebuildTests {
    @Test(
        "every case, approval, run and metric is the same, ETag and canonical JSON, after a rebuild, back, and verified"
    )
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
            for command in [
                ["rebuild", "all"], ["flip", "all", "--back"], ["flip", "cases", "--to", "2"], ["verify"],
            ] {
                let done = try await Program.run(["projections"] + command + ["--data-dir", place.folder.path])
                #expect(done.status == 0, "\(command): \(done.errors)")
                #expect(try await alice.settled() == settled)
                let after = try await everything(alice, at: settled)
                for (path, answer) in before { #expect(after[path] == answer, "\(command): \(path)") }
            }
            let dropped = try await Program.run(["projections", "drop", "all", "--data-dir", place.folder.path])
            #expect(dropped.status == 0 && dropped.output.contains("dropped v1"), "\(dropped.errors)")
            let listed = try await Program.run(
                ["projections", "list", "--format", "json", "--data-dir", place.folder.path])
            let lines = try listed.output.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
            #expect(lines.contains { $0["name"] == "cases" && $0["version"] == 2 && $0["aside"]?.isNull == true })
            #expect(try await everything(alice, at: settled) == before)
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
