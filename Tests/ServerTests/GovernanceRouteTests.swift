import Cases
import Content
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors
import TestSupport
import Testing

@testable import Server

@Suite("Configuration over HTTP", .served, .timeLimit(.minutes(25)))
struct GovernanceRouteTests {
    @Test("a policy is proposed by one, approved by another, and then in force")
    func policies() async throws {
        try await TestServer.run { server in
            let current = try await server.get("/v1/policies", as: .role(.admin))
            var policy = try #require(current["/items/0/policy"])
            let version = current["/items/0/version"]?.int64Value ?? 0
            policy["gate"]?["pattern_confidence"] = 0.9
            let both = try await server.issue(subject: "adam", roles: [.admin, .lead])
            let proposed = try await server.post("/v1/policies", policy, as: .token(both.text))
            #expect(proposed.status == 201, "\(proposed.text)")
            let id = proposed["/proposal_id"]?.stringValue ?? ""
            #expect(
                try await server.post("/v1/policies/\(id):approve", [:], as: .token(both.text)).problem
                    == "self-approval")
            #expect(try await server.get("/v1/policies", as: .role(.admin))["/items/0/version"]?.int64Value == version)
            let rival = try await server.post("/v1/policies", policy, as: .role(.admin))
            let approved = try await server.post("/v1/policies/\(id):approve", [:], as: .role(.lead))
            #expect(approved.status == 200)
            let now = try await server.get("/v1/policies", as: .role(.auditor))
            #expect(now["/items/0/version"]?.int64Value == version + 1)
            #expect(now["/items/0/policy/gate/pattern_confidence"] == 0.9)
            let late = try await server.post(
                "/v1/policies/\(rival["/proposal_id"]?.stringValue ?? ""):approve", [:], as: .role(.lead))
            #expect(late.problem == "version-conflict")
            #expect(try await server.post("/v1/policies/\(id):approve", [:], as: .role(.lead)).problem == "not-found")
            policy["gate"]?["pattern_confidence"] = 2
            #expect(try await server.post("/v1/policies", policy, as: .role(.admin)).problem == "validation-failed")
            policy["gate"] = nil
            #expect(try await server.post("/v1/policies", policy, as: .role(.admin))["/errors/0/pointer"] == "/gate")
        }
    }

    @Test("a playbook that could not be undone is refused; a changed one is a new version")
    func playbooks() async throws {
        try await TestServer.run { server in
            let list = try await server.get("/v1/playbooks")
            var document = try #require(
                list["/items"]?.arrayValue?.first { $0["name"] == "Close an open admin port" }?["document"])
            let id = document["id"]?.stringValue ?? ""
            #expect(try await server.post("/v1/playbooks", document, as: .role(.admin)).status == 200)
            document["description"] = "Changed."
            let next = try await server.post("/v1/playbooks", document, as: .role(.admin))
            #expect(next.status == 201)
            #expect(next["/version"] == 2)
            #expect(next["/mode"] == "assisted")
            #expect(try await server.get("/v1/playbooks/\(id)")["/version"] == 2)

            let words: JSONValue = ["mode": "live", "reason": "Proven."]
            let path = "/v1/playbooks/\(id):promote"
            let proposed = try await server.post(path, words, as: .person("lee", .lead))
            #expect(proposed.status == 202)
            #expect(proposed["/proposed_mode"] == "live" && proposed["/mode"] == "assisted")
            let alone = try await server.post(path, words, as: .person("lee", .lead))
            #expect(alone.problem == "self-approval")
            let author = try await server.post(path, words, as: .role(.admin))
            #expect(author.problem == "self-approval")
            let promoted = try await server.post(path, words, as: .person("liz", .lead))
            #expect(promoted["/mode"] == "live")
            let demoted = try await server.post(
                "/v1/playbooks/\(id):demote", ["mode": "shadow", "reason": "Watch it."], as: .role(.lead))
            #expect(demoted["/mode"] == "shadow")

            let text = document.canonicalString().replacing(#""reversible":true"#, with: #""reversible":false"#)
            let refused = try await server.post("/v1/playbooks", try JSONValue.parse(text), as: .role(.admin))
            #expect(refused.status == 422)
            #expect(refused.problem == "irreversible-action")
            #expect(
                try await server.post("/v1/playbooks", ["type": "playbook"], as: .role(.admin)).problem
                    == "validation-failed")
        }
    }

    @Test("a standing approval needs an administrator and a lead, holds what was asked for, and is taken back by one")
    func standingApprovals() async throws {
        try await TestServer.run { server in
            let playbook = try #require(try await server.get("/v1/playbooks")["/items/0/id"]?.stringValue)
            func proposal(_ change: (inout JSONValue) -> Void = { _ in }) -> JSONValue {
                var body: JSONValue = [
                    "playbook_id": .string(playbook), "patterns": ["p.x"], "action_classes": ["revoke_token"],
                    "target_labels": ["auto"], "max_targets": 2, "max_runs_per_hour": 5,
                    "expires_at": .string(Instant.now().adding(milliseconds: 86_400_000).rfc3339),
                    "is_emergency": true,
                ]
                change(&body)
                return body
            }
            let path = "/v1/standing_approvals"
            let made = try await server.post(path, proposal(), as: .person("ada", .admin))
            #expect(made.status == 201 && made["/state"] == "proposed")
            let id = made.id
            #expect(try await server.post("\(path)/\(id):approve", [:], as: .person("ada", .admin)).status == 403)
            let registry = try await server.pipeline.registries.registry(of: server.tenant)
            #expect(registry.standingApprovals.isEmpty)
            let granted = try await server.post("\(path)/\(id):approve", [:], as: .role(.lead))
            #expect(granted["/state"] == "granted" && granted["/max_targets"] == 2)
            #expect(try await server.get("\(path)/\(id)")["/state"] == "granted")
            #expect(try await server.get("\(path)/\(id)", as: .stranger(.analyst)).status == 404)
            let revoked = try await server.post(
                "\(path)/\(id):revoke", ["reason": "No longer wanted."], as: .role(.responder))
            #expect(revoked["/state"] == "revoked")
            #expect(try await server.get(path)["/items"]?.arrayValue == [])

            let own = try await server.post(path, proposal(), as: .person("lee", .lead))
            let refused = try await server.post("\(path)/\(own.id):approve", [:], as: .person("lee", .lead))
            #expect(refused.problem == "self-approval")
            for (name, value) in [
                ("playbook_id", "playbook--none"), ("max_targets", 6), ("action_classes", ["explode"]),
                ("expires_at", "2020-01-01T00:00:00Z"), ("max_runs_per_hour", 0),
            ] as [(String, JSONValue)] {
                let answer = try await server.post(path, proposal { $0[name] = value }, as: .role(.admin))
                #expect(answer.problem == "validation-failed", "\(name)")
                #expect(answer["/errors/0/pointer"]?.stringValue == "/\(name)")
            }
        }
    }

    @Test("assets are all taken or none, each with an id of its own for ever")
    func assets() async throws {
        try await TestServer.run { server in
            let asset: JSONValue = [
                "type": "device", "value": "Web-1.Example.", "criticality": "high", "sensitivity": "internal",
                "exposure": "internet", "environment": "production", "owner": "team-net",
                "depends_on": [["type": "service", "value": "dns"]],
            ]
            let one = try await server.post("/v1/assets", asset, as: .role(.admin))
            #expect(one.status == 201, "\(one.text)")
            let again = try await server.post("/v1/assets", asset, as: .role(.admin))
            #expect(again.id == one.id)
            #expect(
                one.id == UUID.v5(namespace: server.tenant, name: "asset/device/web-1.example").lowercased)
            var wrong = asset
            wrong["criticality"] = "severe"
            let refused = try await server.post("/v1/assets", [asset, wrong, ["type": "device"]], as: .role(.admin))
            #expect(refused.status == 422)
            #expect(refused["/errors/0/pointer"] == "/1/criticality")
            let many = try await server.post(
                "/v1/assets",
                .array(
                    (0..<100).map { index in
                        var asset = asset
                        asset["value"] = .string("host-\(index)")
                        return asset
                    }), as: .role(.admin))
            #expect(many["/counts/registered"] == 100)
            #expect(try await server.get("/v1/assets?limit=500")["/items"]?.arrayValue?.count == 101)
            #expect(try await server.get("/v1/assets?entity=device:HOST-7")["/items"]?.arrayValue?.count == 1)
        }
    }

    @Test("connectors name secrets and never hold them")
    func connectors() async throws {
        try await TestServer.run { server in
            let made = try await server.post(
                "/v1/connectors",
                ["name": "lab", "kind": "http", "base_url": "http://127.0.0.1:9090", "secret_ref": "secret:lab-token"],
                as: .role(.admin))
            #expect(made.status == 201, "\(made.text)")
            #expect(made["/base_url"] == "http://127.0.0.1:9090")
            #expect(try await server.post("/v1/connectors/lab:test", [:], as: .role(.admin))["/reachable"] == true)
            #expect(try await server.post("/v1/connectors/\(made.id):test", [:], as: .role(.admin)).status == 200)
            #expect(try await server.get("/v1/connectors")["/items/0/name"] == "lab")
            for wrong: JSONValue in [
                ["name": "Lab!", "kind": "http", "base_url": "http://a"],
                ["name": "a", "kind": "smtp", "base_url": "http://a"],
                ["name": "a", "kind": "http", "base_url": "ftp://a"],
                ["name": "a", "kind": "http", "base_url": "http://user:pass@a"],
                ["name": "a", "kind": "http", "base_url": "/a"],
                ["name": "a", "kind": "http", "base_url": "http://a", "secret_ref": "hunter2"],
            ] {
                let answer = try await server.post("/v1/connectors", wrong, as: .role(.admin))
                #expect(answer.problem == "validation-failed", "\(wrong.canonicalString())")
            }
        }
    }

    @Test("calendars, the switch, and read models")
    func others() async throws {
        try await TestServer.run { server in
            let calendar = try await server.post(
                "/v1/calendars",
                [
                    "entries": [
                        [
                            "kind": "maintenance_window", "name": "patches", "starts_at": "2026-11-21T00:00:00Z",
                            "ends_at": "2026-11-21T02:00:00+01:00", "entities": [["type": "device", "value": "web-1"]],
                        ]
                    ]
                ], as: .role(.admin))
            #expect(calendar.status == 201, "\(calendar.text)")
            #expect(try await server.get("/v1/calendars")["/items/0/ends_at"] == "2026-11-21T01:00:00.000000Z")
            #expect(
                try await server.post("/v1/automation:halt", ["reason": "Stop."], as: .role(.responder))["/halted"]
                    == true)
            #expect(
                try await server.post("/v1/automation:resume", ["reason": "Go."], as: .role(.responder)).problem
                    == "role-insufficient")
            #expect(
                try await server.post("/v1/automation:resume", ["reason": "Go."], as: .role(.lead))["/halted"] == false)
            let projections = try await server.get("/v1/projections")
            #expect(projections["/items"]?.arrayValue?.contains { $0["name"] == "cases" } == true)
            #expect(
                projections["/items"]?.arrayValue?.allSatisfy {
                    $0["tenant_id"]?.stringValue == server.tenant.lowercased
                } == true)
        }
    }

    @Test("tenants are the system administrator's business alone")
    func tenants() async throws {
        try await TestServer.run { server in
            #expect(try await server.get("/v1/tenants", as: .role(.admin)).problem == "role-insufficient")
            #expect(
                try await server.post("/v1/tenants", ["name": "new"], as: .role(.admin)).problem == "role-insufficient")
            let made = try await server.post("/v1/tenants", ["name": "new"], as: .system)
            #expect(made.status == 201, "\(made.text)")
            #expect(made["/tenant"] == "new")
            #expect(
                try await server.get("/v1/tenants", as: .system)["/items"]?.arrayValue?.contains {
                    $0["tenant"] == "new"
                } == true)
            #expect(try await server.post("/v1/tenants", ["name": "new"], as: .system).problem == "validation-failed")
            #expect(try await server.post("/v1/tenants", ["name": "No!"], as: .system).problem == "validation-failed")
        }
    }

    @Test("metrics are the same from the read model and from the log")
    func metrics() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            _ = try await server.post(
                "/v1/cases/\(id):close", ["verdict": "false_positive", "reason": "Drill."], headers: [.ifMatch: "*"])
            try await server.project()
            for metric in MetricName.allCases {
                let now = try await server.get(
                    "/v1/metrics/\(metric.rawValue)?group_by=severity&bucket=day", as: .role(.reporter))
                #expect(now.status == 200)
                let position = now["/as_of_position"]?.int64Value ?? -1
                #expect(now.eTag == "\"\(position)\"")
                let folded = try await server.get(
                    "/v1/metrics/\(metric.rawValue)?group_by=severity&bucket=day&as_of_position=\(position)")
                #expect(folded.bytes == now.bytes, "\(metric.rawValue)")
                #expect(try await server.get("/v1/metrics/\(metric.rawValue)/events").status == 200)
            }
            let rate = try await server.get("/v1/metrics/false_positive_rate")
            #expect(rate["/total/numerator"] == 1)
            #expect(try await server.get("/v1/metrics")["/items"]?.arrayValue?.count == MetricName.allCases.count)
            #expect(try await server.get("/v1/metrics/luck").problem == "not-found")
            for query in [
                "group_by=mood", "bucket=hour", "time_zone=Mars", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            ] {
                #expect(try await server.get("/v1/metrics/mttr?\(query)").problem == "validation-failed", "\(query)")
            }
        }
    }
}
