import HTTPTypes
import Hummingbird

/// Puts the caller into the context, when there is one: by token, else by a browser's session. Whether there must be one
/// is the next context's question.
struct AuthenticationMiddleware: RouterMiddleware {
    let services: ServerServices

    @concurrent func handle(
        _ request: Request, context: DocketContext, next: @concurrent (Request, DocketContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let cookie = SessionCookie.value(in: request.headers)
        if request.headers[.authorization] != nil || cookie == nil {
            context.caller = try await services.authenticator.caller(authorization: request.headers[.authorization])
        } else if let cookie, let session = services.sessions.session(cookie, at: services.clock()) {
            context.caller = try await services.authenticator.caller(session: session)
            context.caller?.session = cookie
            if context.caller != nil { try Self.guardChange(request) }
        }
        // Somebody who merely has not signed in yet is no attempt.
        let isVisitor = request.headers[.authorization] == nil && PageAnswer.isWanted(request)
        if context.caller == nil, !isVisitor {
            services.denials.recordAnonymous(route: "\(request.method) \(context.endpointPath ?? "unknown")")
        }
        return try await next(request, context)
    }

    /// A cookie goes along with whatever a browser sends: what it may change is what this site's own scripts ask for.
    private static func guardChange(_ request: Request) throws(Problem) {
        guard ![.get, .head].contains(request.method) else { return }
        try SameOrigin.check(request, isStrict: true)
        if request.headers[.contentType] == nil {
            throw Problem(.unsupportedMediaType, "Say what the body is: Content-Type: application/json.")
        }
    }
}
