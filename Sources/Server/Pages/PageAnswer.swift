import Cases
import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Pages
import Reactors

/// HTML on its way out, with the rules that a browser is given for it.
enum PageAnswer {
    /// Nothing but this server's own files: no inline script or style, no frame around it, no form to elsewhere.
    private static let policy =
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"

    static var headers: HTTPFields {
        [
            .contentSecurityPolicy: policy, .crossOriginResourcePolicy: "same-origin",
            // With "no-referrer" a browser sends "Origin: null" with a form, which could not be told from a stranger's.
            .referrerPolicy: "same-origin",
        ]
    }

    static func reply(_ html: String, status: HTTPResponse.Status = .ok, headers more: HTTPFields = [:]) -> Reply {
        var headers = headers
        headers.append(contentsOf: more)
        return Reply(status, bytes: Array(html.utf8), mediaType: "text/html; charset=utf-8", headers: headers)
    }

    static func redirect(to path: String, headers more: HTTPFields = [:]) -> Reply {
        reply("", status: .seeOther, headers: more + [.location: path])
    }

    /// Whether whoever asks reads pages: a browser going somewhere, not a program calling the API.
    static func isWanted(_ request: Request) -> Bool {
        guard !request.uri.path.hasPrefix("/v1/"), let accept = request.headers[.accept] else { return false }
        return accept.contains("text/html")
    }

    /// A refusal as a page; for nobody known, the way to sign in.
    static func response(
        _ problem: Problem, to request: Request, _ context: DocketContext, _ services: ServerServices
    ) async -> Response {
        if problem.type == .unauthenticated, [.get, .head].contains(request.method) {
            let hasEnded = SessionCookie.value(in: request.headers) != nil
            let query = Address.query([("next", request.uri.string)] + (hasEnded ? [("ended", "1")] : []))
            return redirect(to: "/login?\(query)").response
        }
        let viewer = await viewer(of: request, services)
        let frame = PageFrame(title: problem.type.title, place: nil, viewer: viewer, now: services.clock())
        let model = MessagePage.model(
            title: problem.type.title, detail: problem.detail, status: problem.type.status, trace: context.traceID,
            isSignedIn: viewer != nil)
        let html = services.pages.render("message", frame.model(model, assets: services.pages.assets))
        var answer = reply(html, status: HTTPResponse.Status(code: problem.type.status)).response
        if let seconds = problem.headers[.retryAfter] { answer.headers[.retryAfter] = seconds }
        return answer
    }

    /// Whose session the request came with; nobody's while that cannot be found out.
    private static func viewer(of request: Request, _ services: ServerServices) async -> Principal? {
        guard let value = SessionCookie.value(in: request.headers),
            let session = services.sessions.session(value, at: services.clock())
        else { return nil }
        do {
            return try await services.authenticator.caller(session: session)?.principal
        } catch {
            services.logger.warning("a page of refusal does not know its reader", metadata: ["error": "\(error)"])
            return nil
        }
    }
}

extension HTTPFields {
    static func + (left: HTTPFields, right: HTTPFields) -> HTTPFields {
        var all = left
        all.append(contentsOf: right)
        return all
    }
}

extension Call {
    /// A page of the site, within its frame.
    func page(_ template: String, _ frame: PageFrame, _ model: JSONValue) async throws -> Reply {
        var frame = frame
        frame.isHalted = try await services.registries.registry(of: tenant).isHalted(playbook: nil)
        let html = services.pages.render(template, frame.model(model, assets: services.pages.assets))
        let slips = services.pages.slips.take()
        if !slips.isEmpty {
            services.logger.error(
                "a template asks for what its model does not name", metadata: ["names": "\(slips)"])
        }
        return PageAnswer.reply(html)
    }
}
