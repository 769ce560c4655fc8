import Cases
import Content
import Events
import Foundation
import JSON
import Reactors
import Runs
import Testing

@testable import Server

extension TestServer {
    private func story() throws -> JSONValue {
        try JSONValue.parse(try #require(Content.stories.first { $0.path.contains("c-open") }).text)
    }

    /// The inventory of story (c).
    func furnish() async throws {
        let answer = try await post("/v1/assets", try #require(try story()["assets"]), as: .role(.admin))
        #expect(answer.status == 201, "\(answer.text)")
    }

    /// Story (c)'s alert.
    func alert(_ change: (inout JSONValue) -> Void = { _ in }) throws -> JSONValue {
        var alert = try #require(try story().at("/alerts/0/alert"))
        alert["occurred_at"] = .string(Instant.now().rfc3339)
        alert["source_ref"] = .string(UUID().uuidString)
        change(&alert)
        return alert
    }

    /// Sends an alert and lets the stages open a case for it.
    func openCase(_ change: (inout JSONValue) -> Void = { _ in }) async throws -> String {
        let answer = try await post("/v1/alerts", try alert(change), as: .role(.ingest))
        #expect(answer.status == 201, "\(answer.text)")
        try await settle()
        let alertID = try #require(answer["/alert_id"]?.stringValue)
        let list = try await get("/v1/cases?alert_id=\(alertID)")
        return try #require(list["/items/0/id"]?.stringValue)
    }

    /// A case that waits for people, with its approval.
    func pendingApproval() async throws -> (caseID: String, approval: Answer) {
        try await furnish()
        let caseID = try await openCase()
        let list = try await get("/v1/approvals?case_id=\(caseID)&state=pending")
        let id = try #require(list["/items/0/id"]?.stringValue, "\(list.text)")
        return (caseID, try await get("/v1/approvals/\(id)"))
    }

    /// An approved plan whose run has begun; nothing acts, since no stage that runs plans is led here.
    func startRun() async throws -> (caseID: String, runID: UUID) {
        let (caseID, approval) = try await pendingApproval()
        _ = try await decide(approval, as: .person("rita", .responder))
        _ = try await decide(approval, as: .person("raj", .responder))
        let runID = UUID.v7()
        let id = try #require(UUID(uuidString: caseID))
        let cause = Cause(command: Actor(kind: .service, subject: "test", lane: .soar), traceID: nil, at: .now())
        _ = try await pipeline.cases.update(id, tenant: tenant, cause: cause) {
            $0.start(run: runID, currentPlan: $0.approval?.plan, mode: .live)
        }
        return (caseID, runID)
    }

    /// Writes what a stage would have written.
    func append(_ decisions: [Decision], to caseID: String) async throws {
        let id = try #require(UUID(uuidString: caseID))
        let cause = Cause(command: Actor(kind: .service, subject: "test", lane: .soar), traceID: nil, at: .now())
        _ = try await pipeline.cases.update(id, tenant: tenant, cause: cause) { _ in decisions }
    }

    func decide(
        _ approval: Answer, _ decision: String = "approve", as sender: Sender, digest: String? = nil,
        reason: String = "Reviewed with care."
    ) async throws -> Answer {
        try await post(
            "/v1/approvals/\(approval.id)/decisions",
            [
                "decision": .string(decision), "reason": .string(reason),
                "plan_digest": .string(digest ?? approval["/plan_digest"]?.stringValue ?? ""),
            ], as: sender)
    }
}
