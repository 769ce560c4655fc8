import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("docket tenant fence", .timeLimit(.minutes(25)))
struct FenceTests {
    @Test("a fenced place answers 503 and records nothing; under the new epoch it goes on")
    func fence() async throws {
        try await Installation.with { place, server in
            func send(_ reference: String, _ server: RunningProgram) async throws -> Client.Answer {
                try await place.client("siem", server)(
                    .POST, "/v1/alerts", try place.alert { $0["source_ref"] = .string(reference) })
            }
            func fence(_ more: [String]) async throws -> Program.Output {
                try await Program.run(["tenant", "fence", "acme", "--data-dir", place.folder.path] + more)
            }
            #expect(try await send("before", server).status == 201)
            #expect(try await fence(["--epoch", "1"]).status == 0)
            let refused = try await send("between", server)
            #expect(refused.status == 503 && refused.json["type"] == "urn:docket:problem:database-unavailable")
            #expect(try await place.client("alice", server)(.GET, "/v1/cases").status == 200, "reading goes on")

            #expect(try await fence(["--epoch", "1", "--here"]).status == 1, "an epoch only rises")
            #expect(try await fence(["--epoch", "2", "--here"]).status == 0)
            #expect(try await server.stop() == 0)
            let again = try await place.restart()
            #expect(try await send("after", again).status == 201)
            let alerts = try await place.client("alice", again)(.GET, "/v1/alerts?min_position=0").json["items"]?
                .arrayValue
            #expect(Set(alerts?.compactMap { $0["source_ref"]?.stringValue } ?? []).contains("between") == false)
        }
    }
}
