import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Story (c) over HTTP", .timeLimit(.minutes(25)))
struct WalkTests {
    @Test("an open port waits for two people, is closed, verified, and put back byte for byte")
    func walk() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let before = try await place.lab(.GET, "/v1/state").bytes
            let analyst = place.client("alice", server)
            let (caseID, approvalID) = try await place.openCase(server)

            let approval = try await analyst(.GET, "/v1/approvals/\(approvalID)").json
            #expect(approval["required_approvals"] == 2)
            #expect(approval["plan_digest"]?.stringValue?.hasPrefix("sha256:") == true)
            #expect(approval.at("/actions/0/blast_radius/dependents") == 2)
            #expect(
                (approval["evidence"]?.arrayValue ?? []).contains {
                    $0["kind"] == "cloud_audit" && $0["status"] == "present"
                })
            #expect(approval["missing_evidence"] == [])

            let auditor = try await place.decide(approvalID, as: "aude", server)
            #expect(auditor.status == 403 && auditor.problem == "role-insufficient")
            let stale = try await place.decide(
                approvalID, as: "rita", server, digest: "sha256:" + String(repeating: "0", count: 64))
            #expect(stale.status == 409 && stale.problem == "plan-digest-mismatch")
            #expect(stale.json["plan_digest"] == approval["plan_digest"])

            #expect(try await place.decide(approvalID, as: "rita", server).status == 200)
            let twice = try await place.decide(approvalID, as: "rita", server)
            #expect(twice.status == 409 && twice.problem == "already-decided")
            #expect(try await place.decide(approvalID, as: "raj", server).status == 200)

            let recovered = try await analyst.wait("/v1/cases/\(caseID)") { $0["state"] == "recovered" }
            let runID = try #require(recovered.at("/run_ids/0")?.stringValue)
            let rules = try await place.lab(.GET, "/v1/security_groups/sg-0a1").json["rules"]?.arrayValue
            #expect(rules?.map { $0["to_port"] } == [443])
            let steps = try await analyst(.GET, "/v1/runs/\(runID)/steps").json
            #expect(steps.at("/items/0/state") == "verified")
            let late = try await place.decide(approvalID, as: "lee", server)
            #expect(late.status == 409 && late.problem == "approval-not-pending")

            let rollback = try await place.client("rita", server)(
                .POST, "/v1/runs/\(runID):rollback",
                ["reason": "It was a planned change.", "reason_code": "false_containment"])
            #expect(rollback.status == 202, "\(rollback.json)")
            _ = try await analyst.wait("/v1/cases/\(caseID)") { $0["state"] == "rolled_back" }
            #expect(try await place.lab(.GET, "/v1/state").bytes == before)
            let again = try await place.client("rita", server)(
                .POST, "/v1/runs/\(runID):rollback",
                ["reason": "Once more, please.", "reason_code": "false_containment"])
            #expect(again.status == 409 && again.problem == "already-rolled-back")

            let events = try await analyst(.GET, "/v1/cases/\(caseID)/events?limit=500").json
            let types = (events["items"]?.arrayValue ?? []).compactMap { $0["type"]?.stringValue }
            for type in [
                "case.opened", "case.enriched", "case.correlated", "case.recommended", "gate.evaluated",
                "case.escalated",
                "approval.requested", "approval.decision_refused", "approval.granted", "approval.quorum_reached",
                "run.started", "step.prepared", "step.executed", "step.verified", "run.completed", "case.recovered",
                "rollback.requested", "step.rolled_back", "rollback.completed", "sla.started",
            ] {
                #expect(types.contains(type), "\(type) is missing from the history")
            }
        }
    }

    @Test("one's own request, missing evidence and an expired approval are refused")
    func refusals() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let analyst = place.client("alice", server)
            let (caseID, _) = try await place.openCase(server) { $0["evidence"] = [] }
            let playbookID = try #require(
                try await analyst(.GET, "/v1/cases/\(caseID)/recommendation").json.at("/playbook/id")?.stringValue)

            // A person asks, and may not agree with herself.
            let asked = try await place.client("ana", server)(
                .POST, "/v1/cases/\(caseID)/approvals",
                ["playbook_id": .string(playbookID), "parameters": [:], "reason": "It must be closed tonight."])
            #expect(asked.status == 201, "\(asked.json)")
            let requestID = try #require(asked.json["id"]?.stringValue)
            let own = try await place.decide(requestID, as: "ana", server)
            #expect(own.status == 403 && own.problem == "self-approval")
            let missing = try await place.decide(requestID, as: "rita", server)
            #expect(missing.status == 422 && missing.problem == "evidence-missing")
            #expect(missing.json.at("/missing_evidence/0/kind") == "cloud_audit")

            // Evidence of a demanded kind voids the question, and Docket asks anew.
            let added = try await analyst(
                .POST, "/v1/cases/\(caseID)/evidence",
                [
                    "kind": "cloud_audit", "source": "alice", "observed_at": .string(Installation.now()),
                    "data": ["eventName": "AuthorizeSecurityGroupIngress"],
                ])
            #expect(added.status == 201, "\(added.json)")
            let renewed = try await analyst.wait("/v1/cases/\(caseID)") {
                $0["approval_id"]?.stringValue.map { $0 != requestID } ?? false
            }
            let void = try await analyst.wait("/v1/approvals/\(requestID)") { $0["state"] != "pending" }
            #expect(void["state"] == "invalidated")
            let renewedID = try #require(renewed["approval_id"]?.stringValue)
            #expect(try await place.decide(renewedID, as: "rita", server).status == 200)

            // An approval that nobody gave in time.
            let short = try await place.client("ana", server)(
                .POST, "/v1/cases/\(caseID)/approvals",
                [
                    "playbook_id": .string(playbookID), "parameters": [:], "reason": "Only for a second.",
                    "expires_in_ms": 1_000,
                ])
            #expect(short.status == 201, "\(short.json)")
            let shortID = try #require(short.json["id"]?.stringValue)
            _ = try await analyst.wait("/v1/approvals/\(shortID)") { $0["state"] == "expired" }
            let expired = try await place.decide(shortID, as: "rita", server)
            #expect(expired.status == 409 && expired.problem == "approval-not-pending")
        }
    }
}
