import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Logging

/// Around every exchange: its trace, its place in log and metrics, and the problem document for whatever is thrown.
struct ExchangeMiddleware: RouterMiddleware {
    let services: ServerServices
    let methods: MethodTable

    @concurrent func handle(
        _ request: Request, context: DocketContext, next: @concurrent (Request, DocketContext) async throws -> Response
    ) async throws -> Response {
        let started = ContinuousClock.now
        var context = context
        context.traceID = TraceParent(request.headers[.traceparent])?.traceID ?? TraceParent.newTraceID()
        context.logger[metadataKey: "trace_id"] = "\(context.traceID)"
        var response: Response
        do {
            try guardTarget(of: request)
            response = try await next(request, context)
        } catch {
            let problem = problem(for: error, request, context)
            if problem.unavailability?.reason == .diskFull { services.disk.note(at: services.clock()) }
            if problem.type == .internal {
                services.logger.error(
                    "a request failed",
                    metadata: [
                        "trace_id": "\(context.traceID)", "route": "\(route(context))", "error": "\(error)",
                    ])
            }
            response =
                PageAnswer.isWanted(request)
                ? await PageAnswer.response(problem, to: request, context, services)
                : problem.response(instance: JSONLogHandler.redacted(request.uri.path), traceID: context.traceID)
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.headers[.referrerPolicy] == nil { response.headers[.referrerPolicy] = "no-referrer" }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        note(request, context, response.status.code, started.duration(to: .now))
        return response
    }

    private func guardTarget(of request: Request) throws(Problem) {
        if QueryParameters.holdsToken(request.uri.query) || request.uri.path.contains(TokenText.prefix) {
            throw Problem(
                .tokenInURL,
                "This token may now stand in logs: revoke it, and send tokens as Authorization: Bearer only.")
        }
        guard let allowed = services.configuration.allowedHosts else { return }
        let authority = request.head.authority ?? ""
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        if !allowed.contains(String(host).lowercased()) {
            throw Problem(.notFound, "This server does not answer under that name.")
        }
    }

    private func problem(for error: any Error, _ request: Request, _ context: DocketContext) -> Problem {
        if let error = error as? HTTPError, error.status == .notFound {
            let allowed = methods.methods(at: request.uri.path)
            if !allowed.isEmpty {
                return Problem(
                    .methodNotAllowed, "This resource takes \(allowed.joined(separator: ", ")).",
                    headers: [.allow: allowed.joined(separator: ", ")])
            }
        }
        let problem = Problem(error)
        // Who only reads is not told about recording.
        guard [.get, .head].contains(request.method), let why = problem.unavailability else { return problem }
        return why.problem(.none)
    }

    private func route(_ context: DocketContext) -> String {
        context.endpointPath ?? "NotFound"
    }

    /// The route's template, never the path itself: ids and tokens have no business in labels and logs.
    private func note(_ request: Request, _ context: DocketContext, _ status: Int, _ duration: Duration) {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        let route = route(context)
        // A method is whatever the sender wrote; only real ones become labels.
        let known: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        let method = known.contains(request.method) ? request.method.rawValue : "OTHER"
        services.metrics.count(
            "docket_http_requests_total", ["method": method, "route": route, "status": String(status)])
        services.metrics.observe("docket_http_request_duration_seconds", seconds, ["route": route])
        services.logger.info(
            "request",
            metadata: [
                "method": "\(method)", "route": "\(route)", "status": "\(status)",
                "duration_ms": "\(Int(seconds * 1_000))", "trace_id": "\(context.traceID)",
            ])
    }
}

/// The part of W3C Trace Context (level 1, §3.2) that Docket keeps.
struct TraceParent: Sendable, Hashable {
    let traceID: String

    init?(_ header: String?) {
        guard let parts = header?.split(separator: "-", omittingEmptySubsequences: false), parts.count >= 4,
            parts[0].count == 2, parts[0] != "ff", parts[1].count == 32, parts[2].count == 16,
            parts[1].allSatisfy({ $0.isHexDigit && !$0.isUppercase }), parts[1].contains(where: { $0 != "0" })
        else { return nil }
        traceID = String(parts[1])
    }

    static func newTraceID() -> String { UUID().bytes.hexadecimal }
}
