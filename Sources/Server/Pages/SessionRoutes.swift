import Cases
import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Pages

/// Signing in and out at a browser: a token once, then a session's cookie.
struct SessionRoutes: Sendable {
    let services: ServerServices

    static let descriptions = [
        EndpointDescription(
            method: "POST", path: "/session", roles: [], query: [],
            consumes: [MediaType.form.description, MediaType.json.description], produces: ["application/json"]),
        EndpointDescription(method: "DELETE", path: "/session", roles: [], query: [], consumes: [], produces: []),
    ]

    func register(on router: Router<DocketContext>) {
        router.get("/login") { request, context in try await form(request, context) }
        router.post("/session") { request, context in try await signIn(request, context) }
        router.delete("/session") { request, _ in
            try signOut(request, status: .noContent)
        }
        router.post("/logout") { request, _ in
            var response = try signOut(request, status: .seeOther)
            response.headers[.location] = "/login"
            return response
        }
    }

    private func form(_ request: Request, _ context: DocketContext) async throws -> Response {
        let query = try QueryParameters(request.uri.query, known: ["next", "ended"], isForm: true)
        let next = Self.place(try query.text("next"))
        if let value = SessionCookie.value(in: request.headers),
            let session = services.sessions.session(value, at: services.clock()),
            try await services.authenticator.caller(session: session) != nil
        {
            return PageAnswer.redirect(to: next ?? "/").response
        }
        return page(next: next, refusal: nil, hasEnded: try query.text("ended") != nil).response
    }

    private func page(next: String?, refusal: String?, hasEnded: Bool = false) -> Reply {
        let frame = PageFrame(title: "Sign in", place: nil, viewer: nil, now: services.clock())
        let model = LoginPage.model(next: next, refusal: refusal, hasEnded: hasEnded)
        return PageAnswer.reply(
            services.pages.render("login", frame.model(model, assets: services.pages.assets)),
            status: refusal == nil ? .ok : .unauthorized)
    }

    private func signIn(_ request: Request, _ context: DocketContext) async throws -> Response {
        // Else a stranger's page could sign somebody in as somebody else, who would then read along.
        try SameOrigin.check(request, isStrict: false)
        let body = try await RequestBytes.read(
            request, request.body, BodyRule(size: .single, mediaTypes: [.json, .form]), services.configuration.limits)
        let isForm = body.mediaType == .form
        let token: String
        var next: String?
        if isForm {
            let fields = try QueryParameters(
                String(decoding: body.bytes, as: UTF8.self), known: ["token", "next"], isForm: true)
            token = try fields.text("token") ?? ""
            next = Self.place(try fields.text("next"))
        } else {
            var command = CommandBody(try CommandBody.parse(body.bytes))
            token = command.text("token", 1...1_000)
            try command.finish()
        }
        let trimmed = token.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let caller = try await services.authenticator.caller(authorization: "Bearer \(trimmed)") else {
            services.denials.recordAnonymous(route: "POST /session")
            if isForm {
                return page(
                    next: next, refusal: "This token is not known here, has run out, or was revoked."
                ).response
            }
            throw Problem.unauthenticated
        }
        let (value, session) = services.sessions.open(for: caller, at: services.clock())
        let cookie = SessionCookie.text(
            value, seconds: session.endsAt.milliseconds(since: services.clock()) / 1_000,
            isSecure: SessionCookie.isSecure(request.headers))
        if isForm { return PageAnswer.redirect(to: next ?? "/", headers: [.setCookie: cookie]).response }
        var reply = Reply(
            .created,
            [
                "tenant_id": .string(caller.principal.tenant.lowercased), "issuer": .string(caller.token.issuer),
                "subject": .string(caller.token.subject),
                "roles": .array(caller.token.roles.map { .string($0.rawValue) }),
                "expires_at": .string(session.endsAt.rfc3339),
            ])
        reply.headers[.setCookie] = cookie
        return reply.response
    }

    private func signOut(_ request: Request, status: HTTPResponse.Status) throws -> Response {
        if let value = SessionCookie.value(in: request.headers) {
            try SameOrigin.check(request, isStrict: true)
            services.sessions.end(value)
        }
        let isSecure = SessionCookie.isSecure(request.headers)
        return Response(
            status: status,
            headers: PageAnswer.headers + [.setCookie: SessionCookie.text("", seconds: 0, isSecure: isSecure)])
    }

    /// A place of this site to go on to, or nothing: never another site, whatever slashes it is written with.
    static func place(_ text: String?) -> String? {
        guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), !text.hasPrefix("/login"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return text
    }
}
