import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Server

extension TestServer {
    /// A page as a browser asks for it.
    func page(_ path: String, as sender: Sender) async throws -> Answer {
        let answer = try await get(path, as: sender, headers: [.accept: "text/html,application/xhtml+xml,*/*;q=0.8"])
        #expect(!lines.all.contains { $0.contains("a template asks for") }, "\(path): a name is missing in the model")
        return answer
    }
}

@Suite("Pages", .served, .timeLimit(.minutes(25)))
struct PageTests {
    private static let readers: [Role] = [.analyst, .responder, .lead, .auditor]

    @Test("every page answers whom the API would answer, and tells a browser how to keep it in")
    func roles() async throws {
        try await TestServer.run { server in
            let (caseID, _) = try await server.pendingApproval()
            let pages: [(path: String, roles: [Role])] = [
                ("/", Self.readers), ("/cases/\(caseID)", Self.readers), ("/approvals", Self.readers),
                ("/history", Self.readers), ("/figures", Self.readers + [.reporter]),
                ("/?show=all&severity=high&owner=me&sla=at_risk&entity=sg-0a1&sort=due_at", Self.readers),
                ("/history?type=case.opened&actor=alice&case=\(caseID)&text=x&as_of=2026-11-21T02:38", Self.readers),
                ("/cases/\(caseID)?version=3", Self.readers), ("/figures?period=90d", Self.readers),
            ]
            for page in pages {
                for role in Role.allCases where page.path != "/" || Self.readers.contains(role) {
                    let answer = try await server.page(page.path, as: .role(role))
                    let isReader = page.roles.contains(role) || (role == .reporter && page.path.hasPrefix("/figures"))
                    let isStart = page.path.hasPrefix("/?") && !isReader
                    guard !isStart else { continue }
                    #expect(
                        answer.status == (isReader ? 200 : 403), "\(page.path) as \(role): \(answer.text.prefix(300))")
                    #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
                    let policy = answer.headers[.contentSecurityPolicy] ?? ""
                    #expect(policy.hasPrefix("default-src 'self';") && policy.contains("frame-ancestors 'none'"))
                    #expect(!policy.contains("unsafe"))
                    #expect(answer.headers[.xContentTypeOptions] == "nosniff")
                    #expect(answer.headers[.referrerPolicy] == "same-origin")
                    #expect(answer.headers[.cacheControl] == "no-store")
                }
            }
        }
    }

    @Test("whoever has no page at the start is led to what they have")
    func start() async throws {
        try await TestServer.run { server in
            let reporter = try await server.page("/", as: .role(.reporter))
            #expect(reporter.status == 303 && reporter.headers[.location] == "/figures")
            let admin = try await server.page("/", as: .role(.admin))
            #expect(admin.status == 200 && admin.text.contains("Nothing here for this role"))
            let figures = try await server.page("/figures", as: .role(.reporter))
            #expect(!figures.text.contains("href=\"/history\"") && !figures.text.contains("href=\"/approvals\""))
        }
    }

    @Test("the queue shows what an analyst chooses by")
    func queue() async throws {
        try await TestServer.run { server in
            let (caseID, _) = try await server.pendingApproval()
            let queue = try await server.page("/", as: .role(.analyst))
            for text in ["Port 22 open to the world", "High", "Escalated", "Acknowledge", "1 action blocked", "Nobody"]
            {
                #expect(queue.text.contains(text), "\(text)")
            }
            #expect(queue.text.contains("data-due=\""))
            #expect(queue.text.contains("/cases/\(caseID)"))
            for (query, isThere) in [
                ("show=waiting", true), ("show=closed", false), ("owner=nobody", true), ("owner=me", false),
                ("severity=low", false), ("severity=low&severity=high", true), ("entity=sg-0a1", true),
                ("entity=cloud_resource%3Asg-0a1", true), ("entity=nothing+here", false),
            ] {
                let page = try await server.page("/?\(query)", as: .role(.analyst))
                #expect(page.text.contains(caseID) == isThere, "\(query)")
            }
            #expect(try await server.page("/?nonsense=1", as: .role(.analyst)).status == 400)
        }
    }

    @Test("a case is shown with the plan, its digest, the gate and what cites what")
    func cases() async throws {
        try await TestServer.run { server in
            let (caseID, approval) = try await server.pendingApproval()
            let digest = try #require(approval["/plan_digest"]?.stringValue)
            let page = try await server.page("/cases/\(caseID)", as: .role(.responder)).text
            for text in [
                digest, "It waits for 2 people to agree.", "Pattern confidence", "Environment", "Playbook accuracy",
                "revoke_ingress", "Undone by authorize ingress within 1 min", "impact", "Cloud audit", "id=\"approve\"",
                "/raw\" download", "<svg class=\"graph\"",
            ] { #expect(page.contains(text), "\(text)") }
            let cited = page.matches(of: /href="#(event-[0-9]+)"/).map { String($0.output.1) }
            #expect(!cited.isEmpty)
            for id in cited { #expect(page.contains("id=\"\(id)\""), "a citation of \(id) leads nowhere") }
        }
    }

    @Test("only who may decide sees how; nobody acts on the past")
    func buttons() async throws {
        try await TestServer.run { server in
            let (caseID, approval) = try await server.pendingApproval()
            func page(_ sender: TestServer.Sender, _ query: String = "") async throws -> String {
                try await server.page("/cases/\(caseID)\(query)", as: sender).text
            }
            #expect(try await page(.role(.responder)).contains("id=\"approve\""))
            let analyst = try await page(.role(.analyst))
            #expect(!analyst.contains("id=\"approve\"") && analyst.contains("takes the role of a responder"))
            #expect(analyst.contains("id=\"act-close\"") && analyst.contains("id=\"assign\""))
            #expect(!analyst.contains("id=\"act-reopen\""))
            let auditor = try await page(.role(.auditor))
            #expect(!auditor.contains("data-act=") && auditor.contains("Port 22 open"))
            #expect(try await !page(.role(.responder), "?version=5").contains("data-act="))
            #expect(try await page(.role(.responder), "?version=5").contains("as it was at its version"))

            #expect(try await server.decide(approval, as: .person("rita", .responder)).status == 200)
            try await server.settle()
            let rita = try await page(.person("rita", .responder))
            #expect(rita.contains("You have decided") && !rita.contains("id=\"approve\""))
            #expect(try await page(.person("raj", .responder)).contains("1 of 2 have agreed"))
            let mine = try await server.page("/approvals", as: .person("rita", .responder))
            #expect(mine.text.contains("Nothing waits for you."))
            #expect(try await server.page("/approvals", as: .person("raj", .responder)).text.contains(caseID))
        }
    }

    @Test("another tenant's case is not found, and neither is what is no id")
    func foreign() async throws {
        try await TestServer.run { server in
            let (caseID, _) = try await server.pendingApproval()
            for path in ["/cases/\(caseID)", "/cases/\(caseID)?version=2"] {
                let answer = try await server.page(path, as: .stranger(.analyst))
                #expect(answer.status == 404 && answer.headers[.contentType] == "text/html; charset=utf-8")
                #expect(!answer.text.contains("Port 22"))
            }
            #expect(try await !server.page("/", as: .stranger(.analyst)).text.contains(caseID))
            #expect(try await !server.page("/history", as: .stranger(.auditor)).text.contains(caseID))
            #expect(try await server.page("/cases/none", as: .role(.analyst)).status == 404)
            #expect(try await server.page("/nowhere", as: .role(.analyst)).text.contains("Not found"))
            // A program that does not ask for HTML is told in JSON, as ever.
            #expect(try await server.get("/nowhere").problem == "not-found")
        }
    }

    @Test("evidence can be added and consent asked for where the state allows it; the stop switch is seen everywhere")
    func asking() async throws {
        try await TestServer.run { server in
            let (caseID, approval) = try await server.pendingApproval()
            func page(_ path: String? = nil) async throws -> String {
                try await server.page(path ?? "/cases/\(caseID)", as: .role(.analyst)).text
            }
            #expect(try await page().contains("id=\"act-evidence\""))
            #expect(try await !page().contains("id=\"act-ask\""))
            #expect(try await !page().contains("Automation is halted"))
            #expect(try await server.decide(approval, "deny", as: .role(.responder)).status == 200)
            try await server.settle()
            let denied = try await page()
            #expect(denied.contains("id=\"act-ask\"") && denied.contains("The last request was denied."))
            let halted = try await server.post(
                "/v1/automation:halt", ["reason": "Something is wrong."], as: .role(.responder))
            #expect(halted.status == 200, "\(halted.text)")
            for path in ["/", "/cases/\(caseID)", "/approvals", "/figures", "/history"] {
                #expect(try await page(path).contains("Automation is halted"), "\(path)")
            }
        }
    }

    @Test("a run is shown step by step: under way, failed, undone, refused")
    func runs() async throws {
        try await TestServer.run { server in
            let (caseID, runID) = try await server.startRun()
            try await server.settle()
            let view = try await server.get("/v1/runs/\(runID.lowercased)/steps")
            let step = try #require(view["/items/0/step_id"]?.stringValue)
            func after(_ decisions: [(EventType, [String: JSONValue])]) async throws -> String {
                let base: [String: JSONValue] = ["run_id": .string(runID.lowercased), "step_id": .string(step)]
                try await server.append(
                    decisions.map { Decision(type: $0.0, data: .object(base.merging($0.1) { $1 })) }, to: caseID)
                try await server.project()
                return try await server.page("/cases/\(caseID)", as: .role(.responder)).text
            }
            let prepared = try await after([(.stepPrepared, ["pre_state": ["rules": ["<before>"]]])])
            #expect(prepared.contains("data-step-state=\"prepared\"") && prepared.contains("&lt;before&gt;"))
            #expect(prepared.contains("Pause the run") && prepared.contains("Cancel the run"))
            let failed = try await after([
                (.stepExecuted, ["output": ["ok": true]]),
                (.stepFailed, ["error": ["code": "drift", "message": "<b>not as left</b>"], "applied": true]),
                (.runFailed, ["reason": "a step failed"]),
            ])
            #expect(failed.contains("Drift: &lt;b&gt;not as left&lt;/b&gt;") && failed.contains("a step failed"))
            #expect(failed.contains("A person has to look."))
            #expect(failed.contains(":rollback\"") && !failed.contains("Pause the run"))
            let asked = try await server.post(
                "/v1/runs/\(runID.lowercased):rollback",
                ["reason": "Put it back, please.", "reason_code": "false_containment"], as: .role(.responder))
            #expect(asked.status == 202, "\(asked.text)")
            let refused = try await after([
                (.stepRollbackRefused, ["expected": ["a": 1], "found": ["a": 2]]),
                (.rollbackIncomplete, ["unrestored_step_ids": [.string(step)]]),
            ])
            #expect(refused.contains("Rollback incomplete") && refused.contains("1 step not restored"))
            #expect(refused.contains("False containment: Put it back, please."))
        }
    }

    @Test("what speaks against acting is named, and closed cases say how they ended")
    func states() async throws {
        try await TestServer.run { server in
            try await server.furnish()
            let now = Instant.now()
            let calendar = try await server.post(
                "/v1/calendars",
                [
                    "entries": [
                        [
                            "kind": "maintenance_window", "name": "<i>quarterly</i>",
                            "starts_at": .string(now.adding(milliseconds: -3_600_000).rfc3339),
                            "ends_at": .string(now.adding(milliseconds: 3_600_000).rfc3339),
                            "entities": [["type": "cloud_resource", "value": "sg-0a1"]],
                        ]
                    ]
                ], as: .role(.admin))
            #expect(calendar.status < 300, "\(calendar.text)")
            let caseID = try await server.openCase()
            let page = try await server.page("/cases/\(caseID)", as: .role(.analyst))
            #expect(page.text.contains("It waits for 2 people"))
            #expect(page.text.contains("Maintenance window: <strong>&lt;i&gt;quarterly&lt;/i&gt;</strong>"))
            #expect(page.text.contains("falls short"))
            let current = try await server.get("/v1/cases/\(caseID)")
            let closed = try await server.post(
                "/v1/cases/\(caseID):close", ["verdict": "benign", "reason": "Planned work."],
                headers: [.ifMatch: current.eTag])
            #expect(closed.status == 200, "\(closed.text)")
            try await server.settle()
            let after = try await server.page("/cases/\(caseID)", as: .role(.analyst)).text
            #expect(after.contains("Verdict: benign") && after.contains("Benign: Planned work."))
            #expect(after.contains("id=\"act-reopen\"") && !after.contains("id=\"act-close\""))
            #expect(try await server.page("/?show=closed", as: .role(.analyst)).text.contains(caseID))
            #expect(try await server.page("/figures", as: .role(.reporter)).text.contains("0 of 1; 95 % interval"))
        }
    }

    private static let hostile = "<script>alert(1)</script>\"><img src=x onerror=\"alert(2)\">"

    @Test("hostile text is text on every page")
    func hostileText() async throws {
        try await TestServer.run { server in
            let caseID = try await server.openCase { alert in
                alert["title"] = .string(Self.hostile)
                alert["description"] = "=cmd|' /C calc'!A0 \"\u{301} onmouseover=alert(3) x=\""
                alert["pattern"] = nil
                alert["rule"] = ["uid": "<svg onload=alert(4)>", "name": "<svg onload=alert(4)>"]
                alert["entities"] = [
                    ["type": "user", "value": "<img src=x onerror=alert(5)>", "role": "actor"],
                    ["type": "url", "value": "javascript:alert(6)", "role": "related"],
                ]
            }
            let comment = try await server.post("/v1/cases/\(caseID)/comments", ["text": .string(Self.hostile)])
            #expect(comment.status == 201)
            try await server.settle()
            let entity = "%3Cimg%20src%3Dx%20onerror%3Dalert%285%29%3E"
            for path in [
                "/", "/cases/\(caseID)", "/history", "/approvals?show=all", "/?show=all&entity=\(entity)",
                "/history?text=%22%3E%3Cscript%3E&actor=%22%3E%3Cscript%3E",
            ] {
                let page = try await server.page(path, as: .role(.responder))
                #expect(page.status == 200, "\(path): \(page.text.prefix(200))")
                for raw in ["<script>alert", "<img src=x", "<svg onload", "\"\u{301} onmouseover", "\"><script"] {
                    // Compared by bytes: for Swift, a mark after a quotation mark makes another character of it.
                    #expect(!page.contains(bytesOf: raw), "\(path) holds \(raw)")
                }
                #expect(page.text.firstMatch(of: /(href|src|data-act)="\s*javascript:/.ignoresCase()) == nil)
            }
            let page = try await server.page("/cases/\(caseID)", as: .role(.responder)).text
            #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img"))
            #expect(page.contains("&lt;svg onload=alert(4)&gt;"))
        }
    }

    @Test("stylesheet and scripts come from here, may be kept, and nothing else is found there")
    func assets() async throws {
        try await TestServer.run { server in
            let login = try await server.page("/login", as: .nobody).text
            let paths = login.matches(of: /(?:href|src)="(\/static\/[^"]+)"/).map { String($0.output.1) }
            #expect(paths.count == 4)
            for path in paths {
                let answer = try await server.get(path, as: .nobody)
                #expect(answer.status == 200 && answer.headers[.cacheControl]?.contains("immutable") == true)
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            }
            #expect(
                try await server.get("/static/docket.css?v=other", as: .nobody).headers[.cacheControl] == "no-cache")
            #expect(try await server.get("/static/..%2FPackage.swift", as: .nobody).status == 404)
        }
    }
}

extension Answer {
    fileprivate func contains(bytesOf text: String) -> Bool {
        let wanted = Array(text.utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }
}
