import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Idempotency-Key", .served, .timeLimit(.minutes(25)))
struct IdempotencyTests {
    @Test("the same request twice is done once and answered the same")
    func replay() async throws {
        try await TestServer.run { server in
            let headers: HTTPFields = [.idempotencyKey: "key-1"]
            let body: JSONValue = ["subject": "bob", "roles": ["analyst"]]
            let first = try await server.post("/v1/tokens", body, as: .role(.admin), headers: headers)
            let second = try await server.post(
                "/v1/tokens", body, as: .role(.admin), headers: [.idempotencyKey: "\"key-1\""])
            #expect(first.status == 201)
            #expect(second.status == 201)
            #expect(second.bytes == first.bytes)
            #expect(second.position == first.position)
            #expect(second.headers[.idempotencyReplayed] == "true")
            let made = try await server.get("/v1/tokens", as: .role(.admin))
            #expect(made["/items"]?.arrayValue?.count { $0["subject"] == "bob" } == 1)

            let stored = try await server.database.query("SELECT response FROM docket.idempotency_key") {
                row throws(PostgresError) in try row[0] as [UInt8]
            }
            #expect(stored.count == 1)
            let text = try #require(first["/token"]?.stringValue)
            #expect(!String(decoding: stored[0], as: UTF8.self).contains(text))

            let other = try await server.post(
                "/v1/tokens", ["subject": "eve", "roles": ["analyst"]], as: .role(.admin), headers: headers)
            #expect(other.status == 422)
            #expect(other.problem == "idempotency-key-reused")
            // Keys belong to their sender.
            let somebodyElse = try await server.post("/v1/tokens", body, as: .person("adam", .admin), headers: headers)
            #expect(somebodyElse.status == 201)
            #expect(somebodyElse.id != first.id)
        }
    }

    @Test("a repetition of a request whose answer was lost with its database records nothing twice")
    func answerLost() async throws {
        try await TestServer.run { server in
            let sent = try await server.post(
                "/v1/calendars", Self.calendar, as: .role(.admin), headers: [.idempotencyKey: "key-3"])
            #expect(sent.status == 201, "\(sent.text)")
            let head = try await server.log.head(tenant: server.tenant)
            // As after a COMMIT whose answer never came: the events are there, and nothing says so.
            try await server.database.execute("DELETE FROM docket.idempotency_key")
            let again = try await server.post(
                "/v1/calendars", Self.calendar, as: .role(.admin), headers: [.idempotencyKey: "key-3"])
            #expect(again.status == 201, "\(again.text)")
            #expect(try await server.log.head(tenant: server.tenant) == head)
            // Another key is another request.
            let other = try await server.post(
                "/v1/calendars", Self.calendar, as: .role(.admin), headers: [.idempotencyKey: "key-4"])
            #expect(other.status == 201)
            #expect(try await server.log.head(tenant: server.tenant) > head)
        }
    }

    private static let calendar: JSONValue = [
        "entries": [
            [
                "kind": "maintenance_window", "name": "Patching", "starts_at": "2026-12-01T00:00:00Z",
                "ends_at": "2026-12-01T04:00:00Z", "entities": [],
            ]
        ]
    ]

    @Test("while the first one runs, the second is told to wait")
    func running() async throws {
        try await TestServer.run { server in
            let body: JSONValue = ["subject": "bob", "roles": ["analyst"]]
            let token = try #require(TokenText(try await server.token(of: .role(.admin)) ?? ""))
            let bytes = Array("/v1/tokens\napplication/json\n".utf8) + body.canonicalBytes()
            let key = IdempotencyStore.Key(
                tenant: server.tenant, token: token.id, route: "/v1/tokens", text: "key-2",
                requestDigest: .sha256(bytes))
            guard case .run = try await server.server.services.idempotency.begin(key, at: .now()) else {
                Issue.record("the key is not free")
                return
            }
            let answer = try await server.post(
                "/v1/tokens", body, as: .role(.admin), headers: [.idempotencyKey: "key-2"])
            #expect(answer.status == 409)
            #expect(answer.problem == "idempotency-in-progress")
            try await server.server.services.idempotency.release(key)
            #expect(
                try await server.post("/v1/tokens", body, as: .role(.admin), headers: [.idempotencyKey: "key-2"]).status
                    == 201)
        }
    }

    @Test("a refusal leaves the key free; a dead letter is kept; a day later all is forgotten")
    func refusals() async throws {
        try await TestServer.run { server in
            let headers: HTTPFields = [.idempotencyKey: "key-3"]
            #expect(try await server.post("/v1/tokens", [:], as: .role(.admin), headers: headers).status == 422)
            let body: JSONValue = ["subject": "bob", "roles": ["analyst"]]
            let made = try await server.post("/v1/tokens", body, as: .role(.admin), headers: headers)
            #expect(made.status == 201)

            let letter = try await server.post("/v1/alerts", ["source": "x"], as: .role(.ingest), headers: headers)
            let same = try await server.post("/v1/alerts", ["source": "x"], as: .role(.ingest), headers: headers)
            #expect(letter.problem == "dead-lettered")
            #expect(same["/dead_letter_id"] == letter["/dead_letter_id"])
            #expect(try await server.events(.alertRejected).count == 1)

            try await server.server.services.idempotency.sweep(
                tenant: server.tenant, now: Instant.now().adding(milliseconds: 86_400_001))
            let again = try await server.post("/v1/tokens", body, as: .role(.admin), headers: headers)
            #expect(again.status == 201)
            #expect(again.id != made.id)
        }
    }

    @Test("a key has a sensible length", arguments: ["", String(repeating: "k", count: 256)])
    func length(key: String) async throws {
        try await TestServer.run { server in
            let answer = try await server.post(
                "/v1/tokens", ["subject": "bob", "roles": ["analyst"]], as: .role(.admin),
                headers: [.idempotencyKey: key])
            #expect(answer.problem == "validation-failed")
        }
    }
}
