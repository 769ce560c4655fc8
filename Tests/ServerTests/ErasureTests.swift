import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Postgres
import Projections
import Reactors
import Sealing
import TestSupport
import Testing

@testable import Server

@Suite("Erasure", .served, .timeLimit(.minutes(25)))
struct ErasureTests {
    @Test("an erased name is found nowhere: no table, no route, no page, no log, no package made afterwards")
    func nowhere() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            // What is found nowhere must have been there before.
            let before = try await world.answers()
            for path in [
                "/v1/alerts/\(world.alertID)", "/v1/alerts/\(world.alertID)/raw", "/v1/cases/\(world.caseID)",
                "/v1/cases/\(world.caseID)/recommendation", "/v1/cases/\(world.caseID)/evidence", "/v1/approvals",
                "/v1/events?limit=500", "page /cases/\(world.caseID)", "page /", "/v1/assets", "as of 9",
            ] {
                #expect(before[path].map(ErasureWorld.names) == true, "\(path) does not name it in the first place")
            }
            #expect(try await world.projected().values.contains(where: ErasureWorld.names))
            let earlier = try await world.package()
            #expect(ErasureWorld.names(earlier.text))

            let account = try await world.lookUp()
            #expect(account.status == 200 && account["/legal_hold"] == false, "\(account.text)")
            #expect(account["/keys"]?.int64Value ?? 0 > 10 && account["/clear_events"] == 0, "\(account.text)")
            #expect(account["/case_ids"]?.arrayValue?.contains(.string(world.caseID)) == true, "\(account.text)")
            let erased = try await world.erase(account.id)
            #expect(erased.status == 200, "\(erased.text)")
            #expect(erased["/keys"] == account["/keys"] && erased["/settled"] == true, "\(erased.text)")
            #expect(erased["/exports_removed"] == 1)
            #expect(erased.position == (try await server.log.head(tenant: server.tenant)) - 1)

            // In that very moment, before anything is projected again.
            for (table, text) in try await world.tables() { #expect(!ErasureWorld.names(text), "\(table)") }
            try await server.settle()
            for (table, text) in try await world.tables() { #expect(!ErasureWorld.names(text), "\(table)") }
            let after = try await world.answers()
            #expect(after.count == before.count)
            for (path, text) in after { #expect(!ErasureWorld.names(text), "\(path)") }
            #expect(!server.lines.all.contains(where: ErasureWorld.names))
            #expect(try await server.get("/v1/audit/exports/\(earlier.id)", as: .role(.auditor)).status == 404)
            let later = try await world.package()
            #expect(!ErasureWorld.names(later.text) && later.findings == 0)
            #expect(later.evidence.contains("\"state\":\"erased\""), "what is gone is told")
            // What is somebody else's is still there.
            #expect(after["/v1/cases/\(world.caseID)/entities"]?.contains(ErasureWorld.bystander) == true)
            let page = after["page /cases/\(world.caseID)"] ?? ""
            #expect(page.contains("<p class=\"pre-line\">(erased)</p>") && page.contains("Subject erased"))

            let findings = try await LogCheck(
                log: server.log, database: server.database, keys: server.server.services.signingKeys
            ).check(server.tenant) { _, _ in }
            #expect(findings.isEmpty)
        }
    }

    @Test("projections after an erasure are those that a rebuild gives")
    func rebuild() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            #expect(try await world.erase(try await world.lookUp().id).status == 200)
            try await server.settle()
            #expect(try await world.projected().values.contains { $0.contains(world.caseID) })
            let verification = ProjectionVerification(source: server.log, database: server.database)
            #expect(try await verification.verify(tenant: server.tenant))
            try await ProjectionRebuild(source: server.log, database: server.database).rebuild(tenant: server.tenant)
            #expect(try await verification.verify(tenant: server.tenant))
            #expect(try await !world.projected().values.contains(where: ErasureWorld.names))
        }
    }

    @Test("a second erasure finds nothing and is harmless; a name that comes back is known again")
    func again() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let id = try await world.lookUp().id
            #expect(try await world.erase(id).status == 200)
            try await server.settle()
            let rows = try await world.projected().filter { !$0.key.contains("audit_trail") }
            // Nothing in the log bears the value any more, so the id alone tells nobody whom it is about.
            #expect(try await world.erase(id).problem == "not-found")
            let second = try await server.post(
                "/v1/subjects/\(id):erase",
                ["reason": "To be sure.", "type": "user", "value": .string(ErasureWorld.marker)], as: .role(.admin))
            #expect(second.status == 200 && second["/keys"] == 0, "\(second.text)")
            try await server.settle()
            #expect(try await world.projected().filter { !$0.key.contains("audit_trail") } == rows)
            let account = try await world.lookUp()
            #expect(account.id == id && account["/keys"] == 0, "\(account.text)")
            #expect(account["/erasures"]?.arrayValue?.count == 2, "\(account.text)")

            let back = try await server.alert {
                $0["title"] = .string("\(ErasureWorld.marker) is back")
                $0["entities"] = [["type": "user", "value": .string(ErasureWorld.marker), "role": "actor"]]
            }
            #expect(try await server.post("/v1/alerts", back, as: .role(.ingest)).status == 201)
            try await server.settle()
            #expect(try await world.lookUp()["/keys"]?.int64Value ?? 0 > 1)
            #expect(try await server.get("/v1/alerts").text.contains(ErasureWorld.marker))
        }
    }

    @Test("what is written about an erasure names nobody, and who did it and why is known")
    func record() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let id = try await world.lookUp().id
            for body: JSONValue in [
                ["reason": .string("\(ErasureWorld.marker) asked for it.")],
                ["reason": "They asked.", "authority": .string("letter of \(ErasureWorld.marker.lowercased())")],
            ] {
                let refused = try await server.post("/v1/subjects/\(id):erase", body, as: .role(.admin))
                #expect(refused.problem == "validation-failed" && refused.text.contains("names the subject"))
            }
            #expect(try await server.post("/v1/subjects/\(id):erase", [:], as: .role(.admin)).status == 422)
            let other = try await server.post(
                "/v1/subjects/\(id):erase", ["reason": "Who?", "type": "user", "value": "somebody.else"],
                as: .role(.admin))
            #expect(other.problem == "validation-failed")
            let key: HTTPFields = [.idempotencyKey: "erase-1"]
            let body: JSONValue = ["reason": "They asked for it.", "authority": "DPO 17/2026"]
            let done = try await server.post("/v1/subjects/\(id):erase", body, as: .role(.admin), headers: key)
            let repeated = try await server.post("/v1/subjects/\(id):erase", body, as: .role(.admin), headers: key)
            #expect(done.status == 200 && repeated.bytes == done.bytes)

            let events = try await server.events(.subjectErased)
            let original = try #require(events.first { $0.caseID == nil })
            #expect(events.count(where: { $0.caseID == nil }) == 1)
            let payload: SubjectErased = try original.payload()
            #expect(payload.reason == "They asked for it." && payload.authority == "DPO 17/2026")
            #expect(payload.subjectID.lowercased == id && payload.keyIDs.count == Int(payload.keys))
            #expect(original.actor.subject == "admin" && Set(original.sealed) == ["/data/reason", "/data/authority"])
            let trace = try #require(events.first { $0.caseID?.lowercased == world.caseID })
            #expect(trace.causedBy == original.eventID && trace.actor.subject == "docket.eraser")
            #expect(!events.contains { ErasureWorld.names($0.data.canonicalString()) })
            for role in [Role.lead, .auditor, .admin] {
                let list = try await server.get("/v1/subjects", as: .role(role))
                #expect(list["/items/0/id"]?.stringValue == id && list["/items/0/actor/subject"] == "admin")
            }
            // Whoever repeats a request of before learns that it was done, and nothing more.
            let answer = try await server.post(
                "/v1/cases/\(world.caseID)/comments",
                ["text": .string("Called \(ErasureWorld.marker.lowercased()), no answer.")],
                headers: [.idempotencyKey: "comment"])
            #expect(answer.status == 201 && answer.json == ["erased": true], "\(answer.text)")
        }
    }

    @Test("folds in memory end with an erasure: the case is another version, also for whoever held the old one")
    func memory() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let id = try #require(UUID(uuidString: world.caseID))
            let other = CaseStore(log: server.log)
            let before = try #require(try await other.load(id, tenant: server.tenant))
            #expect(ErasureWorld.names(before.title ?? ""))
            let registry = RegistryStore(
                log: server.log, defaultPolicy: try await server.pipeline.registries.registry(of: server.tenant).policy)
            #expect(
                try await registry.registry(of: server.tenant).assets.keys.contains { ErasureWorld.names($0.value) })
            #expect(try await world.erase(try await world.lookUp().id).status == 200)
            for store in [other, server.pipeline.cases] {
                let after = try #require(try await store.load(id, tenant: server.tenant))
                #expect(after.version > before.version && after.title == nil)
                #expect(try !ErasureWorld.names(JSONValue(encoding: after).canonicalString()))
                #expect(after == (try await CaseStore(log: server.log).load(id, tenant: server.tenant)))
                #expect(after.manualActions == before.manualActions, "an erasure is no work on the case")
            }
            for store in [registry, server.pipeline.registries] {
                let assets = try await store.registry(of: server.tenant).assets
                #expect(!assets.isEmpty && !assets.keys.contains { ErasureWorld.names($0.value) })
            }
        }
    }

    @Test("spellings of one thing are one subject, found by its id alone")
    func spelling() async throws {
        try await TestServer.run { server in
            let world = ErasureWorld(server: server)
            for name in ["WEB-7.Corp.", "web-7.corp"] {
                let alert = try server.alert {
                    $0["title"] = .string("\(name) is slow")
                    $0["entities"] = [["type": "device", "value": .string(name), "role": "target"]]
                }
                #expect(try await server.post("/v1/alerts", alert, as: .role(.ingest)).status == 201)
                let subject = try await world.lookUp("device", "Web-7.CORP")
                #expect(subject["/keys"]?.int64Value ?? 0 > 2, "\(subject.text)")
                #expect(try await world.erase(subject.id).status == 200, "\(name)")
                #expect(try await world.lookUp("device", "web-7.corp.")["/keys"] == 0)
            }
        }
    }

    @Test("nothing is erased under a run, which could not be undone any more")
    func runUnderWay() async throws {
        try await TestServer.run { server in
            let (caseID, _) = try await server.startRun()
            let subject = try await server.post(
                "/v1/subjects", ["type": "cloud_resource", "value": "sg-0a1"], as: .role(.admin))
            #expect(subject["/case_ids"]?.arrayValue?.contains(.string(caseID)) == true, "\(subject.text)")
            let refused = try await server.post(
                "/v1/subjects/\(subject.id):erase", ["reason": "Now."], as: .role(.admin))
            #expect(refused.problem == "illegal-transition", "\(refused.text)")
            #expect(try await server.events(.subjectErased).isEmpty)
        }
    }

    @Test("what is appended while the search runs is erased as well, up to the very erasure")
    func meanwhile() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let eraser = server.server.services.eraser
            let subject = try await eraser.subject(.user, ErasureWorld.marker, tenant: server.tenant)
            let before = try await server.log.head(tenant: server.tenant)
            let lead = Actor(kind: .person, subject: "anna", lane: .analyst)
            async let outcome = eraser.erase(
                subject, reason: "They asked.", authority: nil, by: lead, traceID: nil, tenant: server.tenant)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for n in 0..<25 {
                            let event = NewEvent(
                                eventID: .v7(), type: EventType.caseCommented.rawValue, occurredAt: .now(), actor: lead,
                                causedBy: nil, correlationID: .v7(), traceID: nil,
                                data: ["text": .string("\(n) \(ErasureWorld.marker)")])
                            _ = try await server.log.append(
                                AppendRequest(
                                    tenant: server.tenant, streamKind: StreamKind.intake.rawValue,
                                    streamID: .v5(namespace: server.tenant, name: "writer \(writer)"), expected: .any,
                                    events: [event],
                                    evidence: [
                                        Evidence(
                                            mediaType: "text/plain",
                                            bytes: Array("\(event.eventID) \(ErasureWorld.marker)".utf8))
                                    ]))
                        }
                    }
                }
                try await group.waitForAll()
            }
            _ = try await outcome
            let erasure = try #require(try await server.events(.subjectErased).first { $0.caseID == nil })
            let events = try await server.log.feed(
                tenant: server.tenant, from: before, limit: 1_000, types: ["case.commented"])
            let earlier = events.filter { $0.position < erasure.position }
            #expect(events.count == 100)
            #expect(earlier.allSatisfy { $0.data["text"] == .null })
            #expect(events.filter { $0.position > erasure.position }.allSatisfy { $0.data["text"] != .null })
            let kept = try await TestDatabase.current.database.value(
                "SELECT count(*) FROM docket.evidence WHERE first_position BETWEEN \(before) AND \(erasure.position)",
                as: Int.self)
            #expect(kept == 0)
            // Otherwise it has shown nothing.
            #expect(!earlier.isEmpty)
        }
    }

    @Test("what a stage writes after the erasure of what it had read before is erased as well")
    func late() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let opened = try #require(
                try await server.events(.caseOpened).first { $0.caseID?.lowercased == world.caseID })
            let id = try await world.lookUp().id
            #expect(try await world.erase(id).status == 200)
            let erasure = try #require(try await server.events(.subjectErased).first)
            // A stage that still held the old title.
            let cause = Cause(reactor: "late", reactingTo: opened, at: .now())
            let text = "Late word of \(ErasureWorld.marker)"
            _ = try await server.pipeline.cases.update(
                try #require(opened.caseID), tenant: server.tenant, cause: cause
            ) { _ in [Decision(type: .caseCommented, data: ["text": .string(text)])] }
            // Somebody's own word after it is a new one.
            let comment = try await server.post(
                "/v1/cases/\(world.caseID)/comments", ["text": .string("\(ErasureWorld.marker) called again.")])
            #expect(comment.status == 201)
            let subject = try await server.server.services.eraser.subject(
                .user, ErasureWorld.marker, tenant: server.tenant)
            let late = try await server.log.mentions(
                SubjectSearch(tenant: server.tenant, holds: SubjectEraser.holds) {
                    subject.isNamed(in: String(decoding: $0, as: UTF8.self))
                }, derivedFromBefore: erasure.position)
            #expect(late.sealedMembers == 1 && late.keys.count == 1, "\(late)")
        }
    }
}
