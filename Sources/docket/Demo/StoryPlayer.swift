import Events
import Foundation
import JSON

/// Plays a story through the HTTP API and tells, live, what the log says happened.
struct StoryPlayer: Sendable {
    struct Outcome: Codable, Sendable {
        var story: String
        var caseID: UUID?
        var approvalID: UUID?
        var runID: UUID?
        var outcome: String
        var alertToEndMs: Int64?
        var isAsExpected: Bool
    }

    let access: Access
    let isQuiet: Bool

    private var ingest: APIClient { client("ingest") }
    private var analyst: APIClient { client("analyst") }
    private var admin: APIClient { client("admin") }

    func client(_ role: String) -> APIClient {
        APIClient(base: access.baseURL, token: access.tokens[role])
    }

    /// A story whose alert is already there is reported, not played again.
    func play(_ story: Story) async throws -> Outcome {
        tell(Terminal.bold("Story (\(story.story)): \(story.title)"))
        tell(Terminal.dim(story.teaches))
        let known = try await existingCase(of: story)
        if known == nil { try await send(story) }
        let caseID: UUID
        if let known {
            tell("It has been played before; this is where it stands.")
            caseID = known
        } else {
            caseID = try await waitForCase(of: story)
        }
        return try await follow(caseID, story: story)
    }

    private func send(_ story: Story) async throws {
        for asset in story.assets {
            var asset = asset
            asset["observed_at"] = .string(Instant.now().rfc3339)
            try await admin.post("/v1/assets", asset)
        }
        let lab = APIClient(base: access.labURL, token: nil)
        for (kind, objects) in story.lab {
            for (id, object) in objects { try await lab.put("/v1/\(kind)/\(encoded(id))", object) }
        }
        let start = Instant.now()
        for timed in story.alerts {
            let due = start.adding(milliseconds: timed.afterMs)
            let wait = due.milliseconds(since: .now())
            if wait > 0 { try await Task.sleep(for: .milliseconds(wait)) }
            var alert = timed.alert
            alert["occurred_at"] = .string(due.rfc3339)
            let answer = try await ingest.post("/v1/alerts", alert)
            tell("→ alert \(alert["source_ref"]?.stringValue ?? "") \(answer["status"]?.stringValue ?? "sent")")
        }
    }

    private func existingCase(of story: Story) async throws -> UUID? {
        guard let alert = story.alerts.first?.alert, let source = alert["source"]?.stringValue,
            let reference = alert["source_ref"]?.stringValue
        else { return nil }
        let found = try await analyst.get("/v1/alerts?source=\(encoded(source))&source_ref=\(encoded(reference))")
        return found.at("/items/0/case_ids/0")?.stringValue.flatMap(UUID.init(uuidString:))
    }

    private func waitForCase(of story: Story) async throws -> UUID {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if let id = try await existingCase(of: story) { return id }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure("story (\(story.story)): no case was opened within 30 s; see the log and /readyz")
    }

    /// Tells the case's events until it waits for a person or has ended.
    private func follow(_ caseID: UUID, story: Story) async throws -> Outcome {
        var after: Int64 = -1
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let page = try await analyst.get("/v1/cases/\(caseID.lowercased)/events?after=\(after)&limit=500")
            for event in page["items"]?.arrayValue ?? [] {
                after = max(after, event["position"]?.int64Value ?? after)
                tell(line(for: event))
            }
            let current = try await analyst.get("/v1/cases/\(caseID.lowercased)")
            if let outcome = try await outcome(of: current, story: story) {
                try await report(outcome, of: current)
                return outcome
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return Outcome(
            story: story.story, caseID: caseID, approvalID: nil, runID: nil, outcome: "failed", alertToEndMs: nil,
            isAsExpected: false)
    }

    private func outcome(of current: JSONValue, story: Story) async throws -> Outcome? {
        let name: String
        switch current["state"]?.stringValue {
        case "escalated":
            guard let approval = current["approval_id"]?.stringValue else {
                // With a playbook, Docket's own request follows in a moment.
                let path = "/v1/cases/\(current["id"]?.stringValue ?? "")/recommendation"
                guard try await analyst.get(path)["playbook"] == .null else { return nil }
                name = "escalated"
                break
            }
            let view = try await analyst.get("/v1/approvals/\(approval)")
            guard view["state"] == "pending" else { return nil }
            name = "waiting_for_approval"
        case "recovered", "executed", "learned": name = "remediated"
        case "rolled_back": name = "rolled_back"
        case "closed": name = (current["run_ids"]?.arrayValue ?? []).isEmpty ? "not_contained" : "remediated"
        default: return nil
        }
        func id(_ value: JSONValue?) -> UUID? { value?.stringValue.flatMap(UUID.init(uuidString:)) }
        let start = current["opened_at"]?.stringValue.flatMap(Instant.init(rfc3339:))
        let end = current["updated_at"]?.stringValue.flatMap(Instant.init(rfc3339:))
        return Outcome(
            story: story.story, caseID: id(current["id"]), approvalID: id(current["approval_id"]),
            runID: id(current.at("/run_ids/0")), outcome: name,
            alertToEndMs: start.flatMap { start in end.map { $0.milliseconds(since: start) } },
            isAsExpected: name == story.expect.outcome)
    }

    private func report(_ outcome: Outcome, of current: JSONValue) async throws {
        let verdict = outcome.isAsExpected ? Terminal.green("as expected") : "NOT as expected"
        tell("\(outcome.outcome), \(outcome.alertToEndMs ?? 0) ms after the case was opened: \(verdict)")
        guard outcome.outcome == "waiting_for_approval", let approvalID = outcome.approvalID else { return }
        let approval = try await analyst.get("/v1/approvals/\(approvalID.lowercased)")
        let digest = approval["plan_digest"]?.stringValue ?? ""
        tell("")
        tell(
            "It waits for \(approval["required_approvals"]?.int64Value ?? 0) people. Both tokens are in \(access.path)."
        )
        tell("Approve it as the first and then as the second responder:")
        for role in ["responder", "responder2"] {
            tell(
                """
                  curl -sS -X POST \(access.baseURL)/v1/approvals/\(approvalID.lowercased)/decisions \\
                    -H "Authorization: Bearer $(jq -r .tokens.\(role) \(access.path))" \\
                    -H 'Content-Type: application/json' \\
                    -d '{"decision":"approve","reason":"Seen and agreed.","plan_digest":"\(digest)"}'
                """)
        }
        tell(
            "Then look at the port in the lab:  curl -sS \(access.labURL)/v1/security_groups/sg-0a1".replacing(
                "sg-0a1", with: encoded(approval.at("/plan/targets/0/value")?.stringValue ?? "")))
    }

    private func line(for event: JSONValue) -> String {
        let time = event["recorded_at"]?.stringValue?.dropFirst(11).prefix(12) ?? ""
        let type = event["type"]?.stringValue ?? ""
        let actor = event.at("/actor/subject")?.stringValue ?? ""
        return
            "  \(Terminal.dim(String(time)))  \(type.padding(toLength: 26, withPad: " ", startingAt: 0))  \(Terminal.dim(actor))\(detail(of: event))"
    }

    private func detail(of event: JSONValue) -> String {
        let data = event["data"] ?? .null
        let text: String? =
            switch event["type"]?.stringValue {
            case "case.opened": data["title"]?.stringValue
            case "gate.evaluated":
                data.at("/gate/signals")?.arrayValue.map { signals in
                    signals.map {
                        "\($0["name"]?.stringValue ?? "") \($0["passed"] == true ? "passes" : "falls short")"
                    }
                    .joined(separator: ", ")
                }
            case "case.escalated":
                data["reasons"]?.arrayValue.map { "reasons: " + $0.compactMap(\.stringValue).joined(separator: ", ") }
            case "approval.requested":
                data["required_approvals"]?.int64Value.map { "asks for \($0) people" }
            case "sla.started": data["clock"]?.stringValue
            default: nil
            }
        return text.map { "  \($0)" } ?? ""
    }

    private func tell(_ line: String) {
        if !isQuiet { Terminal.print(line) }
    }

    private func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~")))
            ?? text
    }
}
