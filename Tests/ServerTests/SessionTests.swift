import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Server

extension TestServer {
    /// What a browser's form sends.
    fileprivate func form(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Answer {
        var headers = headers
        headers[.contentType] = "application/x-www-form-urlencoded"
        if headers[.origin] == nil { headers[.origin] = "http://localhost" }
        headers[.accept] = "text/html"
        return try await send(.post, path, as: .nobody, bytes: Array(body.utf8), headers: headers)
    }

    /// - Returns: the cookie as a browser sends it back.
    fileprivate func signIn(_ token: String) async throws -> String {
        let answer = try await form("/session", "token=\(token)")
        #expect(answer.status == 303, "\(answer.text)")
        return String(try #require(answer.headers[.setCookie]).prefix { $0 != ";" })
    }

    fileprivate func page(_ path: String, cookie: String) async throws -> Answer {
        try await get(path, as: .nobody, headers: [.accept: "text/html", .cookie: cookie])
    }
}

@Suite("Sessions at a browser", .served, .timeLimit(.minutes(25)))
struct SessionTests {
    @Test("a token becomes a cookie that scripts cannot read and other sites cannot send, and that is not the token")
    func signIn() async throws {
        try await TestServer.run { server in
            let token = try #require(try await server.token(of: .role(.analyst)))
            let answer = try await server.form("/session", "token=\(token)&next=%2Fhistory")
            #expect(answer.status == 303 && answer.headers[.location] == "/history")
            let cookie = try #require(answer.headers[.setCookie])
            #expect(
                cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/;"))
            #expect(!cookie.contains("Secure") && !cookie.contains(token) && !cookie.contains("Domain"))
            let page = try await server.page("/", cookie: String(cookie.prefix { $0 != ";" }))
            #expect(page.status == 200 && page.text.contains("<strong>analyst</strong>"))
            #expect(!page.text.contains(token))

            let secure = try await server.form(
                "/session", "token=\(token)", headers: [.xForwardedProto: "https", .origin: "https://localhost"])
            let text = try #require(secure.headers[.setCookie])
            #expect(text.hasPrefix("__Host-docket_session=") && text.hasSuffix("; Secure"))

            let json = try await server.send(
                .post, "/session", as: .nobody, bytes: Array("{\"token\":\"\(token)\"}".utf8),
                headers: [.contentType: "application/json"])
            #expect(json.status == 201 && json["/subject"] == "analyst" && !json.text.contains(token))
            let value = cookie.dropFirst("docket_session=".count).prefix { $0 != ";" }
            #expect(!server.lines.all.contains { $0.contains(token) || $0.contains(value) })
        }
    }

    @Test("without a session a page leads to the way in and back; a program is told 401")
    func strangers() async throws {
        try await TestServer.run { server in
            for path in ["/", "/history?type=case.opened", "/cases/0197b3f0-0000-7000-8000-000000000001"] {
                let answer = try await server.page(path, cookie: "docket_session=wrong")
                #expect(answer.status == 303)
                let location = try #require(answer.headers[.location])
                #expect(location.hasPrefix("/login?next=%2F") && location.hasSuffix("&ended=1"))
            }
            #expect(try await server.get("/", as: .nobody).status == 401)
            let api = try await server.get("/v1/cases", as: .nobody, headers: [.accept: "text/html"])
            #expect(api.problem == "unauthenticated")
            let wrong = try await server.form("/session", "token=dkt_wrong")
            #expect(wrong.status == 401 && wrong.headers[.setCookie] == nil && wrong.text.contains("not known here"))
            #expect(!wrong.text.contains("dkt_wrong"))
        }
    }

    @Test("a session ends with its token, and with signing out")
    func ends() async throws {
        try await TestServer.run { server in
            let issued = try await server.issue(subject: "alice", roles: [.analyst])
            let cookie = try await server.signIn(issued.text)
            #expect(try await server.page("/", cookie: cookie).status == 200)
            let revoked = try await server.post(
                "/v1/tokens/\(issued.token.id.lowercased):revoke", [:], as: .role(.admin))
            #expect(revoked.status == 200)
            #expect(try await server.page("/", cookie: cookie).status == 303)

            let other = try await server.signIn(try #require(try await server.token(of: .role(.analyst))))
            #expect(try await server.get("/v1/me", as: .nobody, headers: [.cookie: other]).status == 200)
            let out = try await server.form("/logout", "", headers: [.cookie: other])
            #expect(out.status == 303 && out.headers[.location] == "/login")
            #expect(out.headers[.setCookie]?.contains("Max-Age=0") == true)
            #expect(try await server.get("/v1/me", as: .nobody, headers: [.cookie: other]).status == 401)
        }
    }

    @Test("a session outlives neither its token nor half a day, and there is an end to their number")
    func lifetime() async throws {
        let now = Instant.now()
        let store = SessionStore()
        func caller(expiresAt: Instant?) -> Caller {
            let issued = TokenIssuer.create(
                tenant: UUID(), subject: "alice", roles: [.analyst], expiresAt: expiresAt, at: now)
            return Caller(
                principal: Principal(
                    tenant: UUID(), identity: Identity(subject: "alice"), roles: [.analyst], tokenID: issued.token.id),
                token: issued.token, sealingKey: [])
        }
        let short = store.open(for: caller(expiresAt: now.adding(milliseconds: 1_000)), at: now)
        #expect(store.session(short.value, at: now) != nil)
        #expect(store.session(short.value, at: now.adding(milliseconds: 1_000)) == nil)
        let long = store.open(for: caller(expiresAt: nil), at: now)
        #expect(store.session(long.value, at: now.adding(milliseconds: SessionStore.lifetimeMs - 1)) != nil)
        #expect(store.session(long.value, at: now.adding(milliseconds: SessionStore.lifetimeMs)) == nil)
        #expect(short.value != long.value && long.value.utf8.count == 43)
        let many = caller(expiresAt: nil)
        for step in 0..<10_000 { _ = store.open(for: many, at: now.adding(milliseconds: Int64(step + 1))) }
        #expect(store.session(long.value, at: now) == nil)
    }

    @Test(
        "with a cookie, only a page of this server changes anything",
        arguments: [
            ("http://localhost", nil, 201), ("http://localhost", "same-origin", 201), (nil, "same-origin", 201),
            ("http://evil.example", nil, 403), ("http://localhost.evil.example", nil, 403), ("null", nil, 403),
            (nil, nil, 403), ("http://localhost", "cross-site", 403), ("http://localhost", "same-site", 403),
            ("http://localhost:81", nil, 403), (nil, "none", 403),
        ] as [(String?, String?, Int)])
    func origin(origin: String?, site: String?, status: Int) async throws {
        try await TestServer.run { server in
            let caseID = try await server.openCase()
            let cookie = try await server.signIn(try #require(try await server.token(of: .role(.analyst))))
            var headers: HTTPFields = [.cookie: cookie]
            headers[.origin] = origin
            headers[.secFetchSite] = site
            let answer = try await server.post(
                "/v1/cases/\(caseID)/comments", ["text": "x"], as: .nobody, headers: headers)
            #expect(answer.status == status)
            #expect(status == 201 || answer.problem == "foreign-origin")
            // What a form of another site could send at most is not read as JSON.
            headers[.origin] = "http://localhost"
            headers[.secFetchSite] = nil
            for type in [nil, "text/plain", "application/x-www-form-urlencoded"] as [String?] {
                headers[.contentType] = type
                let form = try await server.send(
                    .post, "/v1/cases/\(caseID)/comments", as: .nobody, bytes: Array("{\"text\":\"x\"}".utf8),
                    headers: headers)
                #expect(form.status == 415)
            }
            // A token in the header is nobody's cookie.
            let token = try await server.post(
                "/v1/cases/\(caseID)/comments", ["text": "x"], headers: [.origin: "http://evil.example"])
            #expect(token.status == 201)
        }
    }

    @Test("nobody is signed in or out by another site")
    func foreignForms() async throws {
        try await TestServer.run { server in
            let token = try #require(try await server.token(of: .role(.analyst)))
            let answer = try await server.form("/session", "token=\(token)", headers: [.origin: "http://evil.example"])
            #expect(answer.status == 403 && answer.headers[.setCookie] == nil)
            let cookie = try await server.signIn(token)
            let out = try await server.form(
                "/logout", "", headers: [.cookie: cookie, .origin: "http://evil.example"])
            #expect(out.status == 403)
            #expect(try await server.page("/", cookie: cookie).status == 200)
        }
    }

    @Test(
        "after signing in, nobody is led off the site",
        arguments: [
            ("/history?type=case.opened", true), ("//evil.example", false), ("/\\evil.example", false),
            ("https://evil.example", false), ("/a\r\nSet-Cookie: x=y", false), ("/login", false), ("", false),
        ])
    func next(text: String, isTaken: Bool) {
        #expect(SessionRoutes.place(text) == (isTaken ? text : nil))
    }

    @Test("the stream of events takes a session too")
    func stream() async throws {
        try await TestServer.run { server in
            let cookie = try await server.signIn(try #require(try await server.token(of: .role(.reporter))))
            // Refused by role, so it was let in by cookie; the stream itself has no end to wait for.
            let answer = try await server.get("/v1/events/stream", as: .nobody, headers: [.cookie: cookie])
            #expect(answer.problem == "role-insufficient")
        }
    }
}
