import Foundation
import JSON
import NIOHTTP1
import Testing

/// The server is killed from outside, at moments read from the log; server and lab are processes of their own.
@Suite("kill -9 of the server", .timeLimit(.minutes(25)), .serialized)
struct CrashTests {
    enum Moment: String, CaseIterable, Sendable {
        case afterPrepared = "step.prepared"
        case afterLabApplied = "the lab has applied"
        case afterExecuted = "step.executed"
        case afterStarted = "run.started"
        case duringRollback = "rollback.requested"
    }

    @Test("PostgreSQL is killed under the server: it says so, comes back by itself, and nothing is lost or double")
    func databaseKilled() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let (caseID, approvalID) = try await place.openCase(server)
            #expect(try await place.decide(approvalID, as: "rita", server).status == 200)
            let file = try String(contentsOfFile: place.folder.path + "/postgres/postmaster.pid", encoding: .utf8)
            let postmaster = try #require(file.split(separator: "\n").first.flatMap { Int32($0) })
            Foundation.kill(postmaster, SIGKILL)

            // Every alert is sent until it is answered; a 503 is an answer that says: again.
            let siem = place.client("siem", server)
            var sent: [String] = []
            for index in 0..<5 {
                let alert = try place.alert { alert in
                    alert["source_ref"] = .string("killed-\(index)")
                    alert["entities"] = [["type": "ip", "value": .string("198.51.100.\(index)"), "role": "actor"]]
                }
                while true {
                    let answer = try await siem(.POST, "/v1/alerts", alert)
                    if answer.status == 201 || answer.status == 200 {
                        sent.append(try #require(answer.json["alert_id"]?.stringValue))
                        break
                    }
                    #expect(answer.status == 503, "\(answer.json)")
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
            #expect(Set(sent).count == 5)
            #expect(try await place.decide(approvalID, as: "raj", server).status == 200)
            _ = try await place.client("alice", server).wait("/v1/cases/\(caseID)") { $0["state"] == "recovered" }
            _ = try await place.client("alice", server).settled()
            let cases = try await place.client("alice", server)(.GET, "/v1/cases?limit=50").json["items"]?.arrayValue
            #expect(cases?.count == 6)
        }
    }

    @Test("between two steps of a run, the second is done after the restart, and the first is not done again")
    func betweenSteps() async throws {
        try await Installation.with { place, first in
            try await place.furnish(first)
            let pod = "/v1/pods/shop%2Fminer-7"
            let before = try await place.lab(.GET, pod).json
            let sent = try await place.openCase(first) { alert in
                alert["title"] = "A pod mines for somebody else"
                alert["pattern"] = "kubernetes.cryptomining"
                alert["environment"] = "development"
                alert["entities"] = [["type": "workload", "value": "shop/miner-7", "role": "target"]]
                alert["evidence"] = .array(
                    [
                        "edr_evidence", "business_criticality", "active_session_state", "owner_notification",
                        "asset_context", "identity_context",
                    ].map { ["kind": .string($0), "data": ["process": "xmrig"]] })
            }
            // The second step is slow, so that the kill falls before it.
            _ = try await place.lab(
                .POST, "/v1/faults",
                ["kind": "pods", "operation": "isolate", "fault": "delay", "delay_ms": 400, "times": 1])
            #expect(try await place.decide(sent.approvalID, as: "rita", first).status == 200)
            _ = try await place.client("alice", first).wait("/v1/cases/\(sent.caseID)/events?limit=500") { page in
                (page["items"]?.arrayValue ?? []).contains { $0["type"] == "step.verified" }
            }
            try await first.kill()
            let server = try await place.restart()
            let alice = place.client("alice", server)
            let done = try await alice.wait("/v1/cases/\(sent.caseID)") { $0["state"] == "executed" }
            let runID = try #require(done.at("/run_ids/0")?.stringValue)
            let steps = try await alice(.GET, "/v1/runs/\(runID)/steps").json["items"]?.arrayValue ?? []
            #expect(steps.map { $0["state"] } == ["verified", "verified", "verified"])
            let keys = try await applied(place).compactMap { $0["idempotency_key"]?.stringValue }
            #expect(keys.count == 3 && Set(keys).count == 3)

            let asked = try await place.client("rita", server)(
                .POST, "/v1/runs/\(runID):rollback",
                ["reason": "It was a test load.", "reason_code": "analyst_override"])
            #expect(asked.status == 202, "\(asked.json)")
            _ = try await alice.wait("/v1/cases/\(sent.caseID)") { $0["state"] == "rolled_back" }
            var after = try await place.lab(.GET, pod).json
            // The forensic snapshot stays; everything else is as it was.
            #expect(after["snapshots"]?.arrayValue?.count == 1)
            after["snapshots"] = before["snapshots"]
            #expect(after == before)
        }
    }

    /// `DOCKET_CRASH_ROUNDS` asks for more rounds than the tests' five.
    static let rounds: Int = ProcessInfo.processInfo.environment["DOCKET_CRASH_ROUNDS"].flatMap(Int.init) ?? 5

    @Test("after every restart the run ends correctly, and nothing was done twice")
    func rounds() async throws {
        try await Installation.with { place, first in
            try await place.furnish(first)
            let before = try await place.lab(.GET, "/v1/state").bytes
            var server = first
            for round in 0..<Self.rounds {
                let moment = Moment.allCases[round % Moment.allCases.count]
                let drops = (round / Moment.allCases.count) % 2 == 1
                server = try await crash(at: moment, dropsAnswer: drops, place, server)
                #expect(try await place.lab(.GET, "/v1/state").bytes == before, "round \(round): \(moment)")
                try await checkJournal(place, round: round)
            }
        }
    }

    /// One case from alert to rollback, with one kill on the way.
    private func crash(
        at moment: Moment, dropsAnswer: Bool, _ place: Installation, _ server: RunningProgram
    ) async throws -> RunningProgram {
        var server = server
        let (caseID, approvalID) = try await place.openCase(server)
        // Slowed down, so that the moment can be met; the answer may be lost on top.
        for operation in ["revoke_ingress", "authorize_ingress"] {
            _ = try await place.lab(
                .POST, "/v1/faults",
                [
                    "kind": "security_groups", "operation": .string(operation),
                    "fault": dropsAnswer ? "drop_after_apply" : "delay", "delay_ms": 150, "times": 1,
                ])
        }
        #expect(try await place.decide(approvalID, as: "rita", server).status == 200)
        #expect(try await place.decide(approvalID, as: "raj", server).status == 200)
        if moment != .duringRollback {
            try await meet(moment, caseID, place, server)
            try await server.kill()
            server = try await place.restart()
        }
        let done = try await place.client("alice", server).wait("/v1/cases/\(caseID)") { $0["state"] == "recovered" }
        let runID = try #require(done.at("/run_ids/0")?.stringValue)
        let rules = try await place.lab(.GET, "/v1/security_groups/sg-0a1").json["rules"]?.arrayValue
        #expect(rules?.count == 1)

        let asked = try await place.client("rita", server)(
            .POST, "/v1/runs/\(runID):rollback", ["reason": "Back to where it was.", "reason_code": "analyst_override"])
        #expect(asked.status == 202, "\(asked.json)")
        if moment == .duringRollback {
            try await server.kill()
            server = try await place.restart()
        }
        _ = try await place.client("alice", server).wait("/v1/cases/\(caseID)") { $0["state"] == "rolled_back" }
        _ = try await place.lab(.DELETE, "/v1/faults")
        let closed = try await place.client("alice", server)(
            .POST, "/v1/cases/\(caseID):close", ["verdict": "test", "reason": "A round of the crash test."],
            headers: ["If-Match": "*"])
        #expect(closed.status == 200, "\(closed.json)")
        return server
    }

    private func meet(_ moment: Moment, _ caseID: String, _ place: Installation, _ server: RunningProgram) async throws
    {
        if moment == .afterLabApplied {
            let count = try await applied(place).count
            let deadline = ContinuousClock.now + .seconds(300)
            while try await applied(place).count == count, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(2))
            }
            return
        }
        _ = try await place.client("alice", server).wait("/v1/cases/\(caseID)/events?limit=500") { page in
            (page["items"]?.arrayValue ?? []).contains { $0["type"]?.stringValue == moment.rawValue }
        }
    }

    private func applied(_ place: Installation) async throws -> [JSONValue] {
        let journal = try await place.lab(.GET, "/v1/journal").json["items"]?.arrayValue ?? []
        return journal.filter { $0["applied"] == true }
    }

    private func checkJournal(_ place: Installation, round: Int) async throws {
        let keys = try await applied(place).compactMap { $0["idempotency_key"]?.stringValue }
        #expect(Set(keys).count == keys.count, "round \(round): a key was applied twice")
        // One revoke and one authorize a round: every effect has one key.
        #expect(keys.count == 2 * (round + 1), "round \(round): \(keys.count) effects")
    }
}
