import Events
import Foundation
import JSON

/// Plays a story through the HTTP API and tells, live, what the log says happened.
struct StoryPlayer: Sendable {
    struct Outcome: Codable, Sendable {
        var story: String
        /// The near miss that was played; `nil` for the story itself.
        var variant: String?
        var caseID: UUID?
        var approvalID: UUID?
        var runID: UUID?
        var outcome: String
        var alertToEndMs: Int64?
        var isAsExpected: Bool
    }

    let access: Access
    let isQuiet: Bool
    /// Makes sure that what listens at the lab's address is the demo's own lab, before anything is changed there.
    let confirmLab: @Sendable () async throws -> Void

    private var ingest: APIClient { client("ingest") }
    private var analyst: APIClient { client("analyst") }
    private var admin: APIClient { client("admin") }

    func client(_ role: String) -> APIClient {
        APIClient(base: access.baseURL, token: access.tokens[role])
    }

    /// A story whose case is already there is reported, not played again.
    func play(_ story: Story) async throws -> Outcome {
        tell(Terminal.bold("Story (\(story.story)): \(story.title)") + (story.variant.map { ", but \($0)" } ?? ""))
        tell(Terminal.dim(story.teaches))
        var known = try await existingCase(of: story)
        if known != nil {
            tell("It has been played before; this is where it stands.")
        } else {
            try await furnish(story)
            try await send(story)
            if story.expect.outcome == "no_case" { return try await noCase(story) }
            known = try await waitForCase(of: story)
        }
        guard let caseID = known else { throw CommandFailure("story (\(story.story)): no case was opened") }
        return try await follow(caseID, story: story)
    }

    /// The world in which the story happens: inventory, calendar, what may run by itself, and the lab.
    private func furnish(_ story: Story) async throws {
        for asset in story.assets {
            var asset = asset
            asset["observed_at"] = .string(Instant.now().rfc3339)
            try await admin.post("/v1/assets", asset)
        }
        try await confirmLab()
        let lab = APIClient(base: access.labURL, token: nil)
        for (kind, objects) in story.lab {
            for (id, object) in objects { try await lab.put("/v1/\(kind)/\(encoded(id))", object) }
        }
        try await enter(story.calendar ?? [])
        for autonomy in story.autonomy ?? [] { try await allow(autonomy) }
    }

    /// Adds to what is in the calendar; an entry of the same name takes the place of the old one.
    private func enter(_ items: [Story.CalendarItem]) async throws {
        guard !items.isEmpty else { return }
        let now = Instant.now()
        let names = Set(items.map(\.name))
        var entries = (try await analyst.get("/v1/calendars")["items"]?.arrayValue ?? [])
            .filter { !names.contains($0["name"]?.stringValue ?? "") }
            .map { entry in
                JSONValue.object(
                    (entry.objectValue ?? [:]).filter {
                        ["kind", "name", "starts_at", "ends_at", "entities"].contains($0.key)
                    })
            }
        for item in items {
            entries.append([
                "kind": .string(item.kind), "name": .string(item.name), "entities": .array(item.entities),
                "starts_at": .string(now.adding(milliseconds: item.startsInMs).rfc3339),
                "ends_at": .string(now.adding(milliseconds: item.endsInMs).rfc3339),
            ])
        }
        try await admin.post("/v1/calendars", ["entries": .array(entries)])
    }

    /// Promotes and approves in advance, each by two people; what is there already stays.
    private func allow(_ autonomy: Story.Autonomy) async throws {
        let playbooks = try await analyst.get("/v1/playbooks")["items"]?.arrayValue ?? []
        guard let playbook = playbooks.first(where: { $0["name"]?.stringValue == autonomy.playbook }),
            let id = playbook["id"]?.stringValue
        else { throw CommandFailure("there is no playbook '\(autonomy.playbook)'") }
        let lead = client("lead")
        if autonomy.live, playbook["mode"] != "live" {
            for person in [admin, lead] {
                try await person.post(
                    "/v1/playbooks/\(encoded(id)):promote",
                    ["mode": "live", "reason": "Its history is long and good enough."])
            }
        }
        let granted = try await analyst.get("/v1/standing_approvals")["items"]?.arrayValue ?? []
        let known = granted.contains { $0["playbook_id"]?.stringValue == id && $0["state"] == "granted" }
        guard !known else { return }
        let standing = autonomy.standingApproval
        let proposed = try await admin.post(
            "/v1/standing_approvals",
            [
                "playbook_id": .string(id), "patterns": .array(standing.patterns.map { .string($0) }),
                "action_classes": .array(standing.actionClasses.map { .string($0) }),
                "target_labels": .array(standing.targetLabels.map { .string($0) }),
                "max_targets": .integer(Int64(standing.maxTargets)),
                "max_runs_per_hour": .integer(Int64(standing.maxRunsPerHour)),
                "expires_at": .string(Instant.now().adding(milliseconds: standing.days * 86_400_000).rfc3339),
                "is_emergency": .bool(standing.isEmergency),
            ])
        try await lead.post("/v1/standing_approvals/\(proposed["id"]?.stringValue ?? ""):approve", [:])
        tell("  two people have approved in advance: \(autonomy.playbook)")
    }

    private func send(_ story: Story) async throws {
        let start = Instant.now()
        for telemetry in story.telemetry ?? [] {
            let lines = telemetry.records.map { timed in
                var record = timed.record
                for member in telemetry.timeMembers {
                    record[member] = .string(start.adding(milliseconds: timed.offsetMs).rfc3339)
                }
                return record.canonicalString()
            }
            let answer = try await ingest.post(
                "/v1/telemetry?" + telemetry.query, lines: lines)
            let counts = answer["counts"] ?? .null
            tell(
                "→ \(counts["received"]?.int64Value ?? 0) raw records (\(telemetry.query)), "
                    + "\(counts["matched"]?.int64Value ?? 0) matched")
        }
        for timed in story.alerts ?? [] {
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
        let query: String
        if let find = story.find {
            query = "source=\(encoded(find.source))&entity=\(encoded(find.entity))"
        } else if let alert = story.alerts?.first?.alert, let source = alert["source"]?.stringValue,
            let reference = alert["source_ref"]?.stringValue
        {
            query = "source=\(encoded(source))&source_ref=\(encoded(reference))"
        } else {
            return nil
        }
        let found = try await analyst.get("/v1/alerts?" + query)
        return (found["items"]?.arrayValue ?? []).lazy
            .compactMap { $0.at("/case_ids/0")?.stringValue.flatMap(UUID.init(uuidString:)) }.first
    }

    private func waitForCase(of story: Story) async throws -> UUID {
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            if let id = try await existingCase(of: story) { return id }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure("story (\(story.story)): no case was opened within five minutes; see the log and /readyz")
    }

    /// Nothing must happen, so there is nothing to wait for but quiet: the log stands still for a second.
    private func noCase(_ story: Story) async throws -> Outcome {
        var last: Int64 = -2
        var calm = 0
        while calm < 10 {
            let position = try await analyst.get("/v1/cases?limit=1")["as_of_position"]?.int64Value ?? -1
            calm = position == last ? calm + 1 : 0
            last = position
            try await Task.sleep(for: .milliseconds(100))
        }
        let found = try await existingCase(of: story)
        let outcome = Outcome(
            story: story.story, variant: story.variant, caseID: found, approvalID: nil, runID: nil,
            outcome: found == nil ? "no_case" : "failed", alertToEndMs: nil, isAsExpected: found == nil)
        tell("\(outcome.outcome): \(found == nil ? Terminal.green("as expected") : "NOT as expected")")
        return outcome
    }

    /// Tells the case's events until it waits for a person or has ended; does what the story says that people do.
    private func follow(_ caseID: UUID, story: Story) async throws -> Outcome {
        var after: Int64 = -1
        var deeds = story.then ?? []
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            let page = try await analyst.get("/v1/cases/\(caseID.lowercased)/events?after=\(after)&limit=500")
            for event in page["items"]?.arrayValue ?? [] {
                after = max(after, event["position"]?.int64Value ?? after)
                tell(line(for: event))
            }
            let current = try await analyst.get("/v1/cases/\(caseID.lowercased)")
            if let deed = deeds.first {
                if current["state"]?.stringValue == deed.when {
                    try await perform(deed, on: current)
                    deeds.removeFirst()
                    continue
                }
                // Played before: what it says has been done.
                if current["state"] == "closed" { deeds = [] }
            }
            if deeds.isEmpty, let outcome = try await outcome(of: current, story: story) {
                try await report(outcome, of: current)
                return outcome
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return Outcome(
            story: story.story, variant: story.variant, caseID: caseID, approvalID: nil, runID: nil,
            outcome: "failed", alertToEndMs: nil, isAsExpected: false)
    }

    private func perform(_ deed: Story.Deed, on current: JSONValue) async throws {
        var path = deed.post
        for (name, value) in [
            ("{case_id}", current["id"]), ("{run_id}", current.at("/run_ids/0")),
            ("{approval_id}", current["approval_id"]),
        ] {
            path = path.replacing(name, with: value?.stringValue ?? "")
        }
        tell("  \(deed.as): \(deed.body["reason"]?.stringValue ?? path)")
        let version = current["version"]?.int64Value ?? 0
        try await client(deed.as).post(path, deed.body, headers: ["If-Match": "\"\(version)\""])
    }

    private func outcome(of current: JSONValue, story: Story) async throws -> Outcome? {
        guard let name = try await outcomeName(of: current) else { return nil }
        func id(_ value: JSONValue?) -> UUID? { value?.stringValue.flatMap(UUID.init(uuidString:)) }
        let start = current["opened_at"]?.stringValue.flatMap(Instant.init(rfc3339:))
        let end = current["updated_at"]?.stringValue.flatMap(Instant.init(rfc3339:))
        let isAsExpected = try await fits(story.expect, name, current)
        return Outcome(
            story: story.story, variant: story.variant, caseID: id(current["id"]),
            approvalID: id(current["approval_id"]), runID: id(current.at("/run_ids/0")), outcome: name,
            alertToEndMs: start.flatMap { start in end.map { $0.milliseconds(since: start) } },
            isAsExpected: isAsExpected)
    }

    /// `nil` while something is still to come.
    private func outcomeName(of current: JSONValue) async throws -> String? {
        let runs = current["run_ids"]?.arrayValue ?? []
        switch current["state"]?.stringValue {
        case "escalated":
            if !runs.isEmpty { return "escalated" }
            guard let approval = current["approval_id"]?.stringValue else {
                // With a playbook, Docket's own request follows in a moment.
                let path = "/v1/cases/\(current["id"]?.stringValue ?? "")/recommendation"
                return try await analyst.get(path)["playbook"] == .null ? "escalated" : nil
            }
            let view = try await analyst.get("/v1/approvals/\(approval)\(Self.asSeen(current))")
            guard view["state"] == "pending" else { return nil }
            return Self.conflicts(of: current).isEmpty ? "waiting_for_approval" : "not_contained"
        case "recovered", "executed", "learned": return "remediated"
        case "rolled_back": return "rolled_back"
        case "closed":
            guard let run = runs.first?.stringValue else { return "not_contained" }
            let view = try await analyst.get("/v1/runs/\(run)\(Self.asSeen(current))")
            return view["state"] == "rolled_back" ? "rolled_back" : "remediated"
        default: return nil
        }
    }

    /// Other read models come forward by themselves: what is asked of them must be at least as new as the case.
    private static func people(_ count: Int64) -> String { count == 1 ? "one person" : "\(count) people" }

    private static func asSeen(_ current: JSONValue) -> String {
        "?min_position=\(current["as_of_position"]?.int64Value ?? 0)"
    }

    private static func conflicts(of current: JSONValue) -> [String] {
        (current.at("/gate/signals")?.arrayValue ?? [])
            .flatMap { $0["conflicts"]?.arrayValue ?? [] }
            .compactMap { $0["name"]?.stringValue }
    }

    private func fits(_ expected: Story.Expectation, _ name: String, _ current: JSONValue) async throws -> Bool {
        guard name == expected.outcome else { return false }
        if let required = expected.requiredApprovals, let approval = current["approval_id"]?.stringValue {
            let view = try await analyst.get("/v1/approvals/\(approval)\(Self.asSeen(current))")
            guard view["required_approvals"]?.int64Value == Int64(required) else { return false }
        }
        if let conflict = expected.conflict, !Self.conflicts(of: current).contains(conflict) { return false }
        guard let states = expected.steps else { return true }
        guard let run = current.at("/run_ids/0")?.stringValue else { return false }
        let path = "/v1/runs/\(run)/steps\(Self.asSeen(current))"
        let steps = try await analyst.get(path)["items"]?.arrayValue ?? []
        return steps.map { $0["state"]?.stringValue ?? "" } == states
    }

    private func report(_ outcome: Outcome, of current: JSONValue) async throws {
        let verdict = outcome.isAsExpected ? Terminal.green("as expected") : "NOT as expected"
        tell("\(outcome.outcome), \(outcome.alertToEndMs ?? 0) ms after the case was opened: \(verdict)")
        guard outcome.outcome == "waiting_for_approval", let approvalID = outcome.approvalID else { return }
        let approval = try await analyst.get("/v1/approvals/\(approvalID.lowercased)")
        let digest = approval["plan_digest"]?.stringValue ?? ""
        tell("")
        tell("See it, and decide there:  \(access.baseURL)/cases/\(outcome.caseID?.lowercased ?? "")")
        tell(
            "It waits for \(Self.people(approval["required_approvals"]?.int64Value ?? 0)). Tokens are in \(access.path)."
        )
        let people = Int(approval["required_approvals"]?.int64Value ?? 1)
        tell("Or approve it here, each as another responder:")
        for role in ["responder", "responder2"].prefix(people) {
            tell(
                """
                  curl -sS -X POST \(access.baseURL)/v1/approvals/\(approvalID.lowercased)/decisions \\
                    -H "Authorization: Bearer $(jq -r .tokens.\(role) \(access.path))" \\
                    -H 'Content-Type: application/json' \\
                    -d '{"decision":"approve","reason":"Seen and agreed.","plan_digest":"\(digest)"}'
                """)
        }
        tell("Then look at what the lab did:  curl -sS \(access.labURL)/v1/journal")
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
                data["required_approvals"]?.int64Value.map { "asks for \(Self.people($0))" }
            case "sla.started": data["clock"]?.stringValue
            default: nil
            }
        return text.map { "  \($0)" } ?? ""
    }

    private func tell(_ line: String) {
        if !isQuiet { Terminal.tell(line) }
    }

    private func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~")))
            ?? text
    }
}
