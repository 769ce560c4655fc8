import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Undoing what is under way, over HTTP", .timeLimit(.minutes(25)))
struct UndoTests {
    @Test(
        "a rollback that is requested while an act is in flight undoes it, whatever becomes of the answer",
        arguments: [
            ["fault": "delay", "delay_ms": 4_000], ["fault": "drop_after_apply", "delay_ms": 1_500],
        ] as [JSONValue])
    func duringTheAct(fault: JSONValue) async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let before = try await place.lab(.GET, "/v1/state").json["security_groups"]
            let analyst = place.client("alice", server)
            let (caseID, approvalID) = try await place.openCase(server)
            var laid = fault
            laid["kind"] = "security_groups"
            laid["operation"] = "revoke_ingress"
            laid["times"] = 1
            #expect(try await place.lab(.POST, "/v1/faults", laid).status < 300)
            #expect(try await place.decide(approvalID, as: "rita", server).status == 200)
            #expect(try await place.decide(approvalID, as: "raj", server).status == 200)

            let running = try await analyst.wait("/v1/cases/\(caseID)") { $0.at("/run_ids/0")?.stringValue != nil }
            let runID = try #require(running.at("/run_ids/0")?.stringValue)
            _ = try await analyst.wait("/v1/runs/\(runID)/steps") { $0.at("/items/0/state") == "prepared" }
            let rollback = try await place.client("rita", server)(
                .POST, "/v1/runs/\(runID):rollback",
                ["reason": "It was a planned change.", "reason_code": "false_containment"])
            #expect(rollback.status == 202, "\(rollback.json)")
            #expect(rollback.json.at("/rollback/step_ids") == [])

            let run = try await analyst.wait("/v1/runs/\(runID)", within: 120) {
                $0["state"] == "rolled_back" || $0["state"] == "rollback_incomplete"
            }
            #expect(run["state"] == "rolled_back", "\(run)")
            #expect(run.at("/rollback/unrestored_step_ids") == [])
            #expect(run.at("/rollback/steps/0/outcome") == "restored")
            let steps = try await analyst(.GET, "/v1/runs/\(runID)/steps").json
            #expect(steps.at("/items/0/state") == "rolled_back")
            #expect(try await place.lab(.GET, "/v1/state").json["security_groups"] == before)
            let types =
                (try await analyst(.GET, "/v1/cases/\(caseID)/events?limit=500").json["items"]?.arrayValue ?? [])
                .compactMap { $0["type"]?.stringValue }
            #expect(types.contains("step.executed"), "what was observed is recorded, also after the request")
        }
    }
}
