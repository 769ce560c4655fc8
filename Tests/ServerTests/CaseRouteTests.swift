import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Server

@Suite("Cases over HTTP", .served, .timeLimit(.minutes(25)))
struct CaseRouteTests {
    @Test("a command needs the version that its sender saw")
    func ifMatch() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            let shown = try await server.get("/v1/cases/\(id)")
            let tag = shown.eTag
            #expect(tag == "\"\(shown["/version"]?.int64Value ?? 0)\"")
            let body: JSONValue = ["reason": "Waiting for the owner."]
            let missing = try await server.post("/v1/cases/\(id):hold", body)
            #expect(missing.status == 428)
            #expect(missing.problem == "precondition-required")
            for stale in ["\"1\"", "W/\(tag)", "nonsense", "\"0\", \"2\""] {
                let answer = try await server.post("/v1/cases/\(id):hold", body, headers: [.ifMatch: stale])
                #expect(answer.status == 412, "\(stale)")
                #expect(answer.problem == "precondition-failed")
                #expect(answer["/current_version"] == shown["/version"])
            }
            let held = try await server.post("/v1/cases/\(id):hold", body, headers: [.ifMatch: "\"1\", \(tag)"])
            #expect(held.status == 200)
            #expect(held["/on_hold"] == true)
            #expect(held.eTag != tag)
            #expect((held.position ?? -1) > (shown["/as_of_position"]?.int64Value ?? 0))
            #expect(try await server.post("/v1/cases/\(id):resume", body, headers: [.ifMatch: tag]).status == 412)
            #expect(try await server.post("/v1/cases/\(id):resume", body, headers: [.ifMatch: "*"]).status == 200)
        }
    }

    @Test("every verb does its work, and says what is possible when it is not")
    func verbs() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            let any: HTTPFields = [.ifMatch: "*"]
            let why: JSONValue = ["reason": "Because."]
            let assigned = try await server.post(
                "/v1/cases/\(id):assign", ["assignee": ["subject": "bob"]], headers: any)
            #expect(assigned["/assignee/subject"] == "bob")
            let patched = try await server.send(
                .patch, "/v1/cases/\(id)", as: .role(.analyst),
                bytes: Array(#"{"severity":"critical","title":"Mine","tier":2,"queue":"night"}"#.utf8),
                headers: [.ifMatch: "*", .contentType: "application/json"])
            #expect(patched.status == 200)
            #expect(patched["/severity_id"] == 5)
            #expect(patched["/queue"] == "night")
            let comment = try await server.post("/v1/cases/\(id)/comments", ["text": "Looks real."])
            #expect(comment.status == 201)
            let evidence = try await server.post(
                "/v1/cases/\(id)/evidence", ["kind": "owner", "data": ["owner": "team-net"], "source": "phone"])
            #expect(evidence.status == 201)
            let wrong = try await server.post("/v1/cases/\(id):reopen", why, headers: any)
            #expect(wrong.status == 409)
            #expect(wrong.problem == "illegal-transition")
            #expect(wrong["/command"] == "reopen")
            #expect(wrong["/state"]?.stringValue == evidence["/state"]?.stringValue)
            #expect(wrong["/allowed"]?.arrayValue?.contains("close") == true)
            let closed = try await server.post(
                "/v1/cases/\(id):close", ["verdict": "false_positive", "reason": "A drill."], headers: any)
            #expect(closed["/state"] == "closed")
            #expect(closed["/verdict_id"] == 1)
            #expect(try await server.post("/v1/cases/\(id):reopen", why, headers: any)["/state"] == "escalated")
            #expect(try await server.post("/v1/cases/\(id):recover", why, headers: any)["/state"] == "recovered")
            #expect(
                try await server.post("/v1/cases/\(id):escalate", why, headers: any).problem == "illegal-transition")
        }
    }

    @Test(
        "commands that are wrong name every member that is",
        arguments: [
            ("close", #"{"verdict":"maybe"}"#, ["/verdict enum", "/reason required"]),
            ("close", #"{"verdict":7,"reason":true}"#, ["/verdict type", "/reason type"]),
            ("hold", #"{"reason":""}"#, ["/reason length"]),
            ("hold", #"[]"#, [" type"]),
            ("assign", #"{"assignee":{"issuer":"docket"}}"#, ["/assignee/subject required"]),
            ("assign", #"{"assignee":"bob"}"#, ["/assignee type"]),
        ])
    func validation(verb: String, body: String, errors: [String]) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(
                .post, "/v1/cases/\(UUID().lowercased):\(verb)", as: .role(.analyst), bytes: Array(body.utf8),
                headers: [.ifMatch: "*", .contentType: "application/json"])
            #expect(answer.status == 422)
            #expect(answer.problem == "validation-failed")
            let found = answer["/errors"]?.arrayValue?.map {
                "\($0["pointer"]?.stringValue ?? "") \($0["code"]?.stringValue ?? "")"
            }
            #expect(found == errors)
        }
    }

    @Test("the past stays as it was, by time, by position and by version")
    func past() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            let before = try await server.get("/v1/cases/\(id)")
            let position = before["/as_of_position"]?.int64Value ?? -1
            let last = try #require(try await server.log.feed(tenant: server.tenant, from: position, limit: 1).first)
            _ = try await server.post("/v1/cases/\(id)/comments", ["text": "Later."])
            _ = try await server.post("/v1/cases/\(id):hold", ["reason": "Later."], headers: [.ifMatch: "*"])
            try await server.project()
            let now = try await server.get("/v1/cases/\(id)")
            #expect(now["/on_hold"] == true)
            let byPosition = try await server.get("/v1/cases/\(id)?as_of_position=\(position)")
            #expect(byPosition.json == before.json)
            #expect(byPosition.bytes == before.bytes)
            let byTime = try await server.get("/v1/cases/\(id)?as_of=\(last.recordedAt.rfc3339)")
            #expect(byTime.bytes == before.bytes)
            let version = before["/version"]?.int64Value ?? 0
            let byVersion = try await server.get("/v1/cases/\(id)?version=\(version)")
            #expect(byVersion["/version"]?.int64Value == version)
            #expect(byVersion["/on_hold"] == false)
            #expect(try await server.get("/v1/cases/\(id)?as_of_position=0").problem == "not-found")
            #expect(try await server.get("/v1/cases/\(id)?as_of=2020-01-01T00:00:00Z").problem == "not-found")
            #expect(try await server.get("/v1/cases/\(id)?version=9999").problem == "not-found")
            for query in [
                "as_of_position=999999", "as_of=2999-01-01T00:00:00Z", "as_of=yesterday", "version=0",
                "as_of_position=1&version=1",
            ] {
                #expect(try await server.get("/v1/cases/\(id)?\(query)").problem == "validation-failed", "\(query)")
            }
        }
    }

    @Test("min_position waits for the read model, and says when it stays behind")
    func minPosition() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            let written = try await server.post("/v1/cases/\(id)/comments", ["text": "Hi."])
            let position = try #require(written.position)
            let behind = try await server.get("/v1/cases/\(id)?min_position=\(position)")
            #expect(behind.status == 503)
            #expect(behind.problem == "projection-behind")
            #expect(behind.headers[.retryAfter] != nil)
            try await server.project()
            let there = try await server.get("/v1/cases/\(id)?min_position=\(position)")
            #expect(there.status == 200)
            #expect(there["/version"] == written["/version"])
        }
    }

    @Test("merging and splitting move alerts, and only a lead may")
    func mergeAndSplit() async throws {
        try await TestServer.run { server in
            let first = try await server.openCase()
            _ = try await server.post("/v1/alerts", try server.alert(), as: .role(.ingest))
            try await server.settle()
            let both = try await server.get("/v1/cases/\(first)")
            let alerts = both["/alert_ids"]?.arrayValue ?? []
            #expect(alerts.count == 2)
            let body: JSONValue = ["alert_ids": .array([alerts[1]]), "reason": "Another matter."]
            #expect(
                try await server.post("/v1/cases/\(first):split", body, headers: [.ifMatch: "*"]).problem
                    == "role-insufficient")
            let split = try await server.post(
                "/v1/cases/\(first):split", body, as: .role(.lead), headers: [.ifMatch: "*"])
            #expect(split.status == 201)
            #expect(split["/split_from"]?.stringValue == first)
            #expect(split["/alert_ids"] == .array([alerts[1]]))
            try await server.settle()
            #expect(try await server.get("/v1/cases/\(first)")["/alert_ids"] == .array([alerts[0]]))
            let merged = try await server.post(
                "/v1/cases/\(split.id):merge", ["into": .string(first), "reason": "The same after all."],
                as: .role(.lead),
                headers: [.ifMatch: "*"])
            #expect(merged.status == 200)
            #expect(merged["/state"] == "closed")
            #expect(merged["/merged_into"]?.stringValue == first)
            let itself = try await server.post(
                "/v1/cases/\(first):merge", ["into": .string(UUID().lowercased), "reason": "What?"], as: .role(.lead),
                headers: [.ifMatch: "*"])
            #expect(itself.problem == "validation-failed")
            let closed = try await server.post(
                "/v1/cases/\(first):merge", ["into": .string(split.id), "reason": "Back again."], as: .role(.lead),
                headers: [.ifMatch: "*"])
            #expect(closed.problem == "validation-failed", "the other one was merged into this one and is closed")
        }
    }

    @Test("a case says why each of its alerts is there, now and as of then; its page says so too")
    func alerts() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            _ = try await server.post("/v1/alerts", try server.alert(), as: .role(.ingest))
            try await server.settle()
            let alerts = try await server.get("/v1/cases/\(id)/alerts")
            #expect(alerts["/items/0/joined_by"] == "opened" && alerts["/items/0/overlap_score"] == .null)
            #expect(alerts["/items/1/joined_by"] == "overlap" && alerts["/items/1/overlap_score"] == 1)
            let shared = alerts["/items/1/shared_entities"]?.arrayValue?.compactMap { $0["value"]?.stringValue } ?? []
            #expect(shared.contains("sg-0a1"))
            #expect(alerts["/items/1/also_fits"] == [])
            let opened = try await server.get("/v1/cases/\(id)/alerts?version=1")
            #expect(opened["/items"]?.arrayValue?.count == 1)
            try await server.project()
            let page = try await server.page("/cases/\(id)", as: .role(.analyst)).text
            #expect(page.contains("It opened this case."))
            #expect(page.contains("It joined with overlap 100"))
        }
    }

    @Test("what stands around a case is served")
    func context() async throws {
        try await TestServer.run { server in
            let id = try await server.openCase()
            let recommendation = try await server.get("/v1/cases/\(id)/recommendation")
            #expect(recommendation["/playbook/id"]?.stringValue?.hasPrefix("playbook--") == true)
            #expect(recommendation["/case_id"]?.stringValue == id)
            let evidence = try await server.get("/v1/cases/\(id)/evidence")
            #expect(evidence["/items"]?.arrayValue?.contains { $0["kind"] == "cloud_audit" } == true)
            let entities = try await server.get("/v1/cases/\(id)/entities")
            #expect(entities["/items"]?.arrayValue?.contains { $0["value"] == "sg-0a1" } == true)
            #expect(try await server.get("/v1/cases/\(id)/sla").status == 200)
            let listed = try await server.get("/v1/cases?state=escalated&severity=high&sort=updated_at")
            #expect(listed["/items/0/id"]?.stringValue == id)
            #expect(listed["/items/0/attack_techniques"] == nil)
            #expect(try await server.get("/v1/cases?assignee=nobody")["/items"] == [])
        }
    }
}
