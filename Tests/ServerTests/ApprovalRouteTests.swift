import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors
import TestSupport
import Testing

@testable import Server

@Suite("Approvals and runs over HTTP", .served, .timeLimit(.minutes(25)))
struct ApprovalRouteTests {
    @Test("two people agree to one plan; every refusal is told and kept")
    func decisions() async throws {
        try await TestServer.run { server in
            let (caseID, approval) = try await server.pendingApproval()
            #expect(approval["/required_approvals"] == 2)
            #expect(approval["/requested_by/kind"] == "service")
            let digest = try #require(approval["/plan"].map { Digest.ofCanonical($0) })
            #expect(approval["/plan_digest"]?.stringValue == digest.text)

            #expect(try await server.decide(approval, as: .role(.analyst)).problem == "role-insufficient")
            #expect(try await server.decide(approval, as: .role(.admin)).problem == "role-insufficient")
            #expect(
                try await server.decide(approval, as: .person("rita", .responder), reason: "short").problem
                    == "validation-failed")
            let stale = try await server.decide(
                approval, as: .person("rita", .responder), digest: Digest.sha256([1]).text)
            #expect(stale.status == 409)
            #expect(stale.problem == "plan-digest-mismatch")
            #expect(stale["/plan_digest"] == approval["/plan_digest"])
            let nonsense = try await server.decide(approval, as: .person("rita", .responder), digest: "sha256:1")
            #expect(nonsense.problem == "plan-digest-mismatch")

            let one = try await server.decide(approval, as: .person("rita", .responder))
            #expect(one.status == 200)
            #expect(one["/approved_count"] == 1)
            #expect(one["/state"] == "pending")
            let twice = try await server.decide(approval, as: .person("rita", .lead))
            #expect(twice.problem == "already-decided")
            let two = try await server.decide(approval, as: .person("raj", .responder))
            #expect(two["/state"] == "granted")
            #expect(two.position != nil)
            let late = try await server.decide(approval, "deny", as: .person("lea", .lead))
            #expect(late.problem == "approval-not-pending")
            #expect(late["/state"] == "granted")

            let refused = try await server.events(.approvalDecisionRefused)
            #expect(
                refused.map { $0.data["refusal"] } == [
                    "plan-digest-mismatch", "plan-digest-mismatch", "already-decided", "approval-not-pending",
                ])
            #expect(refused.allSatisfy { $0.caseID?.lowercased == caseID })
            try await server.project()
            let past = try await server.get(
                "/v1/approvals/\(approval.id)?as_of_position=\(approval["/as_of_position"]?.int64Value ?? 0)")
            #expect(past.bytes == approval.bytes)
            #expect(try await server.get("/v1/approvals?state=pending")["/items"] == [])
        }
    }

    @Test("whoever asks does not decide")
    func selfApproval() async throws {
        try await TestServer.run { server in
            let (caseID, first) = try await server.pendingApproval()
            let playbook = try #require(first["/plan/playbook/id"]?.stringValue)
            let asked = try await server.post(
                "/v1/cases/\(caseID)/approvals",
                [
                    "playbook_id": .string(playbook), "parameters": [:], "reason": "It is real.",
                    "expires_in_ms": 60_000,
                ],
                as: .person("rita", .responder))
            #expect(asked.status == 201, "\(asked.text)")
            #expect(asked["/requested_by/subject"] == "rita")
            #expect(asked["/excluded/0/reason"] == "requester")
            try await server.project()
            #expect(try await server.decide(asked, as: .person("rita", .lead)).problem == "self-approval")
            #expect(try await server.decide(first, as: .person("raj", .responder)).problem == "approval-not-pending")
            #expect(try await server.decide(asked, "deny", as: .person("raj", .responder))["/state"] == "denied")
            for body: JSONValue in [
                ["playbook_id": "playbook--none", "reason": "Why not."],
                ["playbook_id": .string(playbook), "reason": "Too short.", "expires_in_ms": 999],
                ["playbook_id": .string(playbook), "reason": "Too long.", "expires_in_ms": 86_400_001],
            ] {
                #expect(try await server.post("/v1/cases/\(caseID)/approvals", body).problem == "validation-failed")
            }
        }
    }

    @Test("an admin who made somebody an approver is not joined by them")
    func grantedRole() async throws {
        try await TestServer.run { server in
            let (caseID, first) = try await server.pendingApproval()
            let maker = try await server.issue(subject: "mallory", roles: [.admin, .responder])
            let made = try await server.post(
                "/v1/tokens", ["subject": "puppet", "roles": ["responder"]], as: .token(maker.text))
            let puppet = try #require(made["/token"]?.stringValue)
            #expect(try await server.decide(first, as: .token(maker.text)).status == 200)
            let excluded = try await server.decide(first, as: .token(puppet))
            #expect(excluded.status == 403)
            #expect(excluded.problem == "approver-excluded")
            #expect(excluded["/reason"] == "granted_role_to_approver")
            #expect(try await server.get("/v1/cases/\(caseID)").status == 200)
        }
    }

    @Test("approving without the demanded evidence is refused; denying is not")
    func evidence() async throws {
        try await TestServer.run { server in
            try await server.furnish()
            let caseID = try await server.openCase { $0["evidence"] = [] }
            let id = try await server.get("/v1/approvals?case_id=\(caseID)")["/items/0/id"]?.stringValue ?? ""
            let approval = try await server.get("/v1/approvals/\(id)")
            let refused = try await server.decide(approval, as: .role(.responder))
            #expect(refused.status == 422)
            #expect(refused.problem == "evidence-missing")
            #expect(refused["/missing_evidence/0/kind"] == "cloud_audit")
            #expect(try await server.decide(approval, "deny", as: .role(.responder)).status == 200)
        }
    }

    @Test("a run is paused, resumed, cancelled and rolled back by a responder")
    func runs() async throws {
        try await TestServer.run { server in
            let (caseID, runID) = try await server.startRun()
            let path = "/v1/runs/\(runID.lowercased)"
            let why: JSONValue = ["reason": "Hold your horses."]
            #expect(try await server.post("\(path):pause", why, as: .role(.analyst)).problem == "role-insufficient")
            try await server.project()
            let paused = try await server.post("\(path):pause", why, as: .role(.responder))
            #expect(paused.status == 202)
            #expect(paused["/state"] == "paused")
            #expect(try await server.post("\(path):pause", why, as: .role(.responder)).problem == "illegal-transition")
            #expect(try await server.post("\(path):resume", why, as: .role(.responder))["/state"] == "running")
            #expect(try await server.post("\(path):cancel", why, as: .role(.responder))["/state"] == "cancelled")
            let undo = try await server.post(
                "\(path):rollback", ["reason": "False alarm.", "reason_code": "false_containment"],
                as: .role(.responder))
            #expect(undo.problem == "illegal-transition")
            let wrong = try await server.post(
                "\(path):rollback", ["reason": "x", "reason_code": "mood"], as: .role(.responder))
            #expect(wrong["/errors/0/code"] == "enum")
            try await server.project()
            #expect(try await server.get(path)["/state"] == "cancelled")
            #expect(try await server.get("\(path)/steps")["/items"]?.arrayValue?.isEmpty == false)
            #expect(try await server.get("/v1/runs?case_id=\(caseID)")["/items/0/id"]?.stringValue == runID.lowercased)
        }
    }

    @Test("what was done is undone once, and a second request hears that")
    func rollback() async throws {
        try await TestServer.run { server in
            let (caseID, runID) = try await server.startRun()
            try await server.project()
            let path = "/v1/runs/\(runID.lowercased)"
            let step = try #require(try await server.get("\(path)/steps")["/items/0/step_id"]?.stringValue)
            let named: JSONValue = ["run_id": .string(runID.lowercased), "step_id": .string(step)]
            try await server.append(
                [.stepPrepared, .stepExecuted, .stepVerified, .runCompleted].map { Decision(type: $0, data: named) },
                to: caseID)
            let unknown = try await server.post(
                "\(path):rollback",
                ["reason": "It was us.", "reason_code": "false_containment", "step_ids": ["action--other"]],
                as: .role(.responder))
            #expect(unknown["/errors/0/pointer"] == "/step_ids")
            let body: JSONValue = [
                "reason": "It was us.", "reason_code": "customer_request", "on_behalf_of": "customer",
            ]
            let undo = try await server.post("\(path):rollback", body, as: .role(.responder))
            #expect(undo.status == 202)
            #expect(undo["/state"] == "rolling_back")
            #expect(undo["/rollback/on_behalf_of"] == "customer")
            #expect(undo["/rollback/step_ids"] == [], "all stays all")
            try await server.append(
                [.stepRolledBack, .rollbackCompleted].map { Decision(type: $0, data: named) }, to: caseID)
            let again = try await server.post("\(path):rollback", body, as: .role(.responder))
            #expect(again.status == 409)
            #expect(again.problem == "already-rolled-back")
        }
    }
}
