import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors
import TestSupport
import Testing

@testable import Server

@Suite("Who may do what", .served, .timeLimit(.minutes(25)))
struct AccessTests {
    @Test("only a right, living token opens the door")
    func tokens() async throws {
        try await TestServer.run { server in
            let good = try await server.issue(subject: "alice", roles: [.analyst])
            #expect(try await server.get("/v1/me", as: .token(good.text)).status == 200)
            let me = try await server.get("/v1/me", as: .token(good.text))
            #expect(me["/subject"] == "alice")
            #expect(me["/tenant_id"]?.stringValue == server.tenant.lowercased)

            let expired = try await server.issue(
                subject: "alice", roles: [.analyst], expiresAt: Instant.now().adding(milliseconds: -1))
            var secret = try #require(TokenText(good.text)).secret
            secret[31] ^= 1
            let text = try #require(TokenText(good.text))
            let forged = [
                TokenText(tenant: text.tenant, id: text.id, secret: secret).text,
                TokenText(tenant: server.foreign, id: text.id, secret: text.secret).text,
                TokenText(tenant: UUID(), id: text.id, secret: text.secret).text,
                TokenText(tenant: text.tenant, id: UUID(), secret: text.secret).text,
                expired.text, "dkt_", "nonsense", String(good.text.dropLast()) + "=",
            ]
            for token in forged {
                let answer = try await server.get("/v1/me", as: .token(token))
                #expect(answer.status == 401)
                #expect(answer.problem == "unauthenticated")
                #expect(answer.headers[.wwwAuthenticate] == "Bearer")
            }
            #expect(try await server.get("/v1/me", as: .nobody).status == 401)
        }
    }

    @Test("a revoked token is refused at once")
    func revocation() async throws {
        try await TestServer.run { server in
            let made = try await server.post(
                "/v1/tokens", ["subject": "bob", "roles": ["analyst"]], as: .role(.admin))
            #expect(made.status == 201)
            let text = try #require(made["/token"]?.stringValue)
            #expect(try await server.get("/v1/me", as: .token(text)).status == 200)
            let listed = try await server.get("/v1/tokens", as: .role(.admin))
            #expect(!listed.text.contains(text))
            #expect(!listed.text.contains("digest"))
            let revoked = try await server.post("/v1/tokens/\(made.id):revoke", [:], as: .role(.admin))
            #expect(revoked.status == 200)
            #expect(revoked["/revoked_at"] != .null)
            #expect(try await server.get("/v1/me", as: .token(text)).status == 401)
        }
    }

    @Test("a token in a URL is refused before anything else, and stands in no log")
    func tokenInURL() async throws {
        try await TestServer.run { server in
            let token = try await server.issue(subject: "alice", roles: [.analyst]).text
            for query in ["token=x", "access_token=\(token)", "q=\(token)", "a=b&%74oken=x"] {
                let answer = try await server.get("/v1/me?\(query)", as: .nobody)
                #expect(answer.status == 400)
                #expect(answer.problem == "token-in-url")
            }
            _ = try await server.get("/v1/me", as: .token(token))
            let inPath = try await server.get("/v1/cases/\(token)", as: .token(token))
            #expect(inPath.problem == "token-in-url")
            #expect(!inPath.text.contains(token))
            #expect(!server.lines.all.isEmpty)
            #expect(!server.lines.all.contains { $0.contains(token) || $0.contains(token.dropFirst(40)) })
        }
    }

    /// A path that fits a route's template.
    private static func path(_ template: String) -> String {
        template.replacing("{id}", with: "0197b3f0-0000-7000-8000-000000000001").replacing("{metric}", with: "mttr")
    }

    @Test("every route with every role: let in where the table says so, 403 everywhere else", arguments: Role.allCases)
    func matrix(role: Role) async throws {
        try await TestServer.run { server in
            for endpoint in server.server.endpoints where !endpoint.roles.isEmpty {
                guard endpoint.path != "/v1/events/stream" || !endpoint.roles.contains(role) else { continue }
                let method = try #require(HTTPRequest.Method(endpoint.method))
                let answer = try await server.send(
                    method, Self.path(endpoint.path), as: .role(role), bytes: method == .get ? nil : Array("{}".utf8),
                    headers: method == .get ? [:] : [.contentType: "application/json"])
                let isSystemOnly = endpoint.path == "/v1/tenants"
                if endpoint.roles.contains(role) && !isSystemOnly {
                    #expect(
                        answer.status != 403 && answer.status != 401 && answer.status < 500,
                        "\(endpoint.path): \(answer.text)")
                } else {
                    #expect(answer.status == 403, "\(endpoint.method) \(endpoint.path) as \(role): \(answer.status)")
                    #expect(answer.problem == "role-insufficient")
                }
                let anonymous = try await server.send(method, Self.path(endpoint.path), as: .nobody)
                #expect(anonymous.status == 401, "\(endpoint.path)")
            }
        }
    }

    @Test("the roles of the contract")
    func contractRoles() async throws {
        try await TestServer.run { server in
            let endpoints = Dictionary(
                uniqueKeysWithValues: server.server.endpoints.map { ("\($0.method) \($0.path)", $0.roles) })
            #expect(endpoints["POST /v1/alerts"] == [.ingest])
            #expect(endpoints["POST /v1/approvals/{id}/decisions"] == [.responder, .lead])
            #expect(endpoints["POST /v1/runs/{id}:rollback"] == [.responder, .lead])
            #expect(endpoints["POST /v1/cases/{id}:merge"] == [.lead])
            #expect(endpoints["POST /v1/cases/{id}:close"] == [.analyst, .responder, .lead])
            #expect(endpoints["POST /v1/policies"] == [.admin])
            #expect(endpoints["POST /v1/subjects"] == [.admin])
            #expect(endpoints["POST /v1/subjects/{id}:erase"] == [.admin])
            #expect(endpoints["POST /v1/cases/{id}:legal_hold"] == [.lead])
            #expect(endpoints["POST /v1/cases/{id}:release_legal_hold"] == [.lead])
            #expect(endpoints["POST /v1/policies/{id}:approve"] == [.lead])
            #expect(endpoints["GET /v1/metrics/{metric}"]?.contains(.reporter) == true)
            #expect(endpoints["GET /v1/cases"]?.contains(.reporter) == false)
            let writes = server.server.endpoints.filter { $0.method != "GET" && $0.roles.contains(.auditor) }
            #expect(writes.map { "\($0.method) \($0.path)" } == ["POST /v1/audit/exports"])
        }
    }

    @Test("denied attempts are events, counted and not one each")
    func denials() async throws {
        try await TestServer.run { server in
            for _ in 0..<5 { _ = try await server.post("/v1/tokens", [:], as: .role(.reporter)) }
            for _ in 0..<3 { _ = try await server.get("/v1/cases", as: .nobody) }
            await server.server.services.denials.flush(isFinal: true)
            let denied = try await server.events(.accessDenied)
            #expect(
                denied.allSatisfy { $0.data["route"] == "POST /v1/tokens" && $0.data["reason"] == "role-insufficient" })
            #expect(denied.compactMap { $0.data["count"]?.int64Value }.reduce(0, +) == 5)
            #expect(denied.count <= 2)
            #expect(denied.first?.actor.subject == "reporter")
            let anonymous = try await server.events(.accessDenied, tenant: SystemTenant.id)
            #expect(anonymous.compactMap { $0.data["count"]?.int64Value }.reduce(0, +) == 3)
            #expect(anonymous.first?.data["reason"] == "unauthenticated")
        }
    }

    @Test("another tenant's ids are not found, whatever is done to them")
    func foreignIDs() async throws {
        try await TestServer.run { server in
            let (caseID, approval) = try await server.pendingApproval()
            let alertID = try await server.get("/v1/alerts")["/items/0/id"]?.stringValue ?? ""
            for path in [
                "/v1/cases/\(caseID)", "/v1/cases/\(caseID)/events", "/v1/cases/\(caseID)/evidence",
                "/v1/cases/\(caseID)/recommendation", "/v1/cases/\(caseID)?as_of_position=1",
                "/v1/cases/\(caseID)?version=1", "/v1/approvals/\(approval.id)", "/v1/alerts/\(alertID)",
                "/v1/alerts/\(alertID)/raw",
            ] {
                #expect(
                    try await server.get(path, as: .role(.analyst)).status != 404 || path.contains("as_of"), "\(path)")
                let answer = try await server.get(path, as: .stranger(.analyst))
                #expect(answer.problem == "not-found", "\(path)")
                #expect(!answer.text.contains(server.tenant.lowercased))
            }
            #expect(try await server.decide(approval, as: .stranger(.responder)).problem == "not-found")
            #expect(
                try await server.post("/v1/cases/\(caseID):hold", ["reason": "Wait."], as: .stranger(.analyst)).problem
                    == "not-found")
            #expect(
                try await server.post("/v1/cases/\(caseID)/comments", ["text": "Hi"], as: .stranger(.analyst)).problem
                    == "not-found")
            #expect(try await server.get("/v1/cases?", as: .stranger(.analyst))["/items"] == [])
            #expect(try await server.get("/v1/events?case_id=\(caseID)", as: .stranger(.analyst))["/items"] == [])
        }
    }
}
