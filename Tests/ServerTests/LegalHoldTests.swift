import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Postgres
import Reactors
import TestSupport
import Testing

@testable import Server

@Suite("Legal hold", .served, .timeLimit(.minutes(25)))
struct LegalHoldTests {
    private func hold(_ world: ErasureWorld, _ verb: String = "legal_hold") async throws -> Answer {
        try await world.server.post(
            "/v1/cases/\(world.caseID):\(verb)", ["reason": "Counsel asks."], as: .role(.lead))
    }

    @Test("a hold refuses the erasure whole, names the cases, and is an event; lifted, it works")
    func refusal() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            let held = try await hold(world)
            #expect(held.status == 200 && held["/legal_hold"] == true && held.position != nil, "\(held.text)")
            #expect(try await hold(world).problem == "illegal-transition")
            try await server.project()
            #expect(try await server.get("/v1/cases/\(world.caseID)")["/legal_hold"] == true)
            #expect(try await server.page("/cases/\(world.caseID)", as: .role(.lead)).text.contains("Legal hold"))
            let account = try await world.lookUp()
            #expect(account["/legal_hold"] == true && account["/held_by"] == [.string(world.caseID)], "\(account.text)")

            // That somebody was refused is written down beside it.
            func rows() async throws -> [String: String] {
                try await world.tables().filter {
                    ["docket.sealed", "docket.evidence", "docket.subject_key"].contains($0.key)
                        || $0.key.hasPrefix("projection.")
                }
            }
            let before = try await rows()
            let refused = try await world.erase(account.id)
            #expect(refused.status == 409 && refused.problem == "legal-hold", "\(refused.text)")
            #expect(refused["/held_by"] == [.string(world.caseID)])
            #expect(!ErasureWorld.names(refused.text))
            // Everything is still there, to the last byte.
            #expect(try await rows() == before)
            #expect(before["docket.sealed"]?.isEmpty == false && before["projection.cases_v1"]?.isEmpty == false)
            #expect(try await server.events(.subjectErased).isEmpty)
            await server.server.services.denials.flush(isFinal: true)
            let denied = try await server.events(.accessDenied)
            #expect(denied.contains { $0.data["reason"] == "legal-hold" && $0.actor.subject == "admin" })

            #expect(try await hold(world, "release_legal_hold").status == 200)
            #expect(try await hold(world, "release_legal_hold").problem == "illegal-transition")
            #expect(try await world.erase(account.id).status == 200)
            try await server.settle()
            for (table, text) in try await world.tables() { #expect(!ErasureWorld.names(text), "\(table)") }
        }
    }

    @Test("a hold covers what joins the case later, and what the case rests on: raw input of its alerts, telemetry")
    func reach() async throws {
        try await TestServer.run { server in
            let world = try await ErasureWorld.make(server)
            #expect(try await hold(world).status == 200)
            let late = "late.comer9"
            let comment = try await server.post(
                "/v1/cases/\(world.caseID)/comments", ["text": .string("\(late) joined the call.")])
            #expect(comment.status == 201)
            let account = try await world.lookUp("user", late)
            #expect(account["/held_by"] == [.string(world.caseID)], "\(account.text)")
            // Named in the raw bytes of the case's alert alone.
            let raw = try await world.lookUp("user", ErasureWorld.bystander)
            #expect(raw["/held_by"] == [.string(world.caseID)], "\(raw.text)")

            // The case that telemetry opened holds the record that its alert rests on.
            let cases = try await server.get("/v1/cases")["/items"]?.arrayValue ?? []
            let other = try #require(cases.compactMap { $0["id"]?.stringValue }.first { $0 != world.caseID })
            #expect(try await hold(world, "release_legal_hold").status == 200)
            #expect(
                try await server.post("/v1/cases/\(other):legal_hold", ["reason": "Counsel."], as: .role(.lead)).status
                    == 200)
            #expect(try await world.lookUp()["/held_by"] == [.string(other)])
            #expect(try await world.lookUp("user", ErasureWorld.bystander)["/held_by"] == [])
        }
    }

    private static let correlation = """
        title: Many Backups Deleted
        id: 0b7a3c1e-6d0f-4c55-9d7e-2f5b6a1c9e01
        correlation:
            type: event_count
            rules: [5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11]
            group-by: [user]
            timespan: 1h
            condition: {gte: 4}
        level: high
        """

    @Test("a hold covers every record that a correlation's alert rests on, not only the last")
    func correlated() async throws {
        try await TestServer.run { server in
            for rule in [TelemetryRouteTests.rule.replacing("level: high", with: "level: low"), Self.correlation] {
                let published = try await server.send(
                    .post, "/v1/rules", as: .role(.admin), bytes: Array(rule.utf8),
                    headers: [.contentType: "application/yaml"])
                #expect(published.status == 201, "\(published.text)")
            }
            for minute in 0..<4 {
                let time = Instant.now().adding(milliseconds: Int64(minute) * 1_000 - 60_000).rfc3339
                let line = #"{"action":"delete","user":"eve","item":"tape \#(minute)","time":"\#(time)"}"#
                let sent = try await server.send(
                    .post, "/v1/telemetry?product=backup", as: .role(.ingest), bytes: Array(line.utf8),
                    headers: [.contentType: "application/x-ndjson"])
                #expect(sent.status == 202, "\(sent.text)")
            }
            try await server.settle()
            #expect(try await server.events(.correlationMatched).count == 1)
            let caseID = try #require(try await server.get("/v1/cases")["/items/0/id"]?.stringValue)
            let keys = try await TestDatabase.current.database.query(
                """
                SELECT s.subject_key_id FROM docket.sealed AS s JOIN docket.event AS e USING (tenant_id, position)
                 WHERE e.type = 'detection.matched'
                UNION SELECT subject_key_id FROM docket.evidence
                """
            ) { row throws(PostgresError) in try row[0] as UUID }
            // Four events of matches, four records, and the document of the correlation's alert.
            #expect(keys.count == 9)
            func isHeld(_ key: UUID) async throws -> Bool {
                try await server.log.cases(holding: [key], SubjectEraser.holds, tenant: server.tenant)
                    .map(\.lowercased) == [caseID]
            }
            for key in keys { #expect(try await !isHeld(key)) }
            let held = try await server.post(
                "/v1/cases/\(caseID):legal_hold", ["reason": "Counsel."], as: .role(.lead))
            #expect(held.status == 200)
            for key in keys { #expect(try await isHeld(key)) }
        }
    }

    @Test("a lead holds; nobody else does, in no other tenant, and only with a reason", arguments: Role.allCases)
    func roles(role: Role) async throws {
        try await TestServer.run { server in
            let caseID = try await server.openCase()
            for verb in ["legal_hold", "release_legal_hold"] {
                let answer = try await server.post(
                    "/v1/cases/\(caseID):\(verb)", ["reason": "Counsel."], as: .role(role))
                #expect(answer.status == (role == .lead ? 200 : 403), "\(verb) as \(role): \(answer.text)")
            }
            guard role == .lead else { return }
            #expect(try await server.post("/v1/cases/\(caseID):legal_hold", [:], as: .role(.lead)).status == 422)
            let foreign = try await server.post(
                "/v1/cases/\(caseID):legal_hold", ["reason": "Mine now."], as: .stranger(.lead))
            #expect(foreign.problem == "not-found")
            let page = try await server.page("/cases/\(caseID)", as: .role(.lead)).text
            #expect(page.contains("id=\"act-legal-hold\"") && !page.contains("id=\"act-release-legal-hold\""))
            #expect(try await !server.page("/cases/\(caseID)", as: .role(.analyst)).text.contains("act-legal-hold"))
        }
    }
}
