import HTTPTypes
import Hummingbird

/// Puts the caller into the context, when there is one. Whether there must be one is the next context's question.
struct AuthenticationMiddleware: RouterMiddleware {
    let services: ServerServices

    @concurrent func handle(
        _ request: Request, context: DocketContext, next: @concurrent (Request, DocketContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.caller = try await services.authenticator.caller(authorization: request.headers[.authorization])
        if context.caller == nil {
            services.denials.recordAnonymous(route: "\(request.method) \(context.endpointPath ?? "unknown")")
        }
        return try await next(request, context)
    }
}
