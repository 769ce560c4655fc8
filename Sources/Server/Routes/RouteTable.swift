import Cases
import HTTPTypes
import Hummingbird

/// Every route of the API in one list: registered from here, described from here, tested from here.
///
/// A verb stands behind a colon: `/v1/cases/{id}:close`. Hummingbird reads `{id}:close` as a capture with a fixed suffix
/// and tries it before the bare `{id}`, so verbs need nothing special beyond this sentence.
struct RouteTable: Sendable {
    let services: ServerServices

    init(_ services: ServerServices) {
        self.services = services
    }

    var authenticated: [Endpoint] {
        AlertRoutes.all + TelemetryRoutes.all + DeadLetterRoutes.all + CaseRoutes.all + CaseCommandRoutes.all
            + CaseContextRoutes.all
            + ApprovalRoutes.all + RunRoutes.all + EventRoutes.all + MetricRoutes.all + TokenRoutes.all
            + TenantRoutes.all + ConnectorRoutes.all + AssetRoutes.all + CalendarRoutes.all + PlaybookRoutes.all
            + AutomationRoutes.all + RuleRoutes.all + AuditRoutes.all + AuditExportRoutes.all
            + StandingApprovalRoutes.all + PolicyRoutes.all
            + SubjectRoutes.all + SelfRoutes.all
    }

    var endpoints: [EndpointDescription] {
        let open = HealthRoutes(services: services).paths.map {
            EndpointDescription(
                method: "GET", path: $0, roles: [], query: [], consumes: [],
                produces: [$0 == "/metrics" ? "text/plain" : "application/json"])
        }
        return open + SessionRoutes.descriptions
            + authenticated.map {
                EndpointDescription(
                    method: $0.method.rawValue, path: $0.path, roles: $0.roles, query: $0.query,
                    consumes: $0.consumes.map(\.description), produces: $0.produces.map(\.description))
            }
    }

    /// What people look at. Not part of the API, so not in its description.
    private var pages: [EndpointDescription] {
        let open = [("GET", "/login"), ("POST", "/logout"), ("GET", "/static/{name}")]
        return (open + PageRoutes.all.map { ($0.method.rawValue, $0.path) }).map {
            EndpointDescription(method: $0, path: $1, roles: [], query: [], consumes: [], produces: [])
        }
    }

    func router() -> Router<DocketContext> {
        let router = Router(context: DocketContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ExchangeMiddleware(services: services, methods: MethodTable(endpoints + pages)))
        HealthRoutes(services: services).register(on: router, describing: endpoints)
        SessionRoutes(services: services).register(on: router)
        StaticRoutes(services: services).register(on: router)
        let group = router.group()
            .add(middleware: AuthenticationMiddleware(services: services))
            .group(context: AuthenticatedContext.self)
        let services = services
        for endpoint in authenticated + PageRoutes.all {
            group.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                try await endpoint.answer(request, context, services)
            }
        }
        return router
    }
}

/// Which methods a path takes: what 405 answers in `Allow`.
struct MethodTable: Sendable {
    private let entries: [(segments: [Substring], method: String)]

    init(_ endpoints: [EndpointDescription]) {
        entries = endpoints.map { ($0.path.split(separator: "/"), $0.method) }
    }

    /// Empty when there is nothing at this path.
    func methods(at path: String) -> [String] {
        let segments = path.split(separator: "/")
        var matches = entries.filter { Self.matches($0.segments, segments) }
        // A verb's path is the verb's alone, although the bare `{id}` would match it too.
        let exact = matches.filter { Self.literals($0.segments) == matches.map { Self.literals($0.segments) }.max() }
        matches = exact
        let methods = Set(matches.map(\.method))
        return (methods.contains("GET") ? methods.union(["HEAD"]) : methods).sorted()
    }

    private static func matches(_ template: [Substring], _ path: [Substring]) -> Bool {
        template.count == path.count
            && zip(template, path).allSatisfy { part, segment in
                guard part.hasPrefix("{"), let close = part.firstIndex(of: "}") else { return part == segment }
                return segment.hasSuffix(part[part.index(after: close)...])
            }
    }

    private static func literals(_ template: [Substring]) -> Int {
        template.reduce(0) { count, part in
            count + (part.hasPrefix("{") ? part.drop { $0 != "}" }.count - 1 : 1_000)
        }
    }
}
