package import Cases
import EventLog
import Events
import HTTPTypes
import Hummingbird
import JSON
import Projections

/// A route as a value: who may take it, what it reads, and how it is answered. Everything that is the same for all of
/// them happens here, in one order: role, media type, query, position, body, idempotency, handler.
struct Endpoint: Sendable {
    let method: HTTPRequest.Method
    /// Hummingbird's template; `{id}:verb` captures up to the colon.
    let path: String
    let roles: Set<Role>
    let query: Set<String>
    /// Media types; empty: no body, or an answer in whatever was received.
    let consumes: [MediaType]
    let produces: [MediaType]
    let answer: @Sendable (Request, AuthenticatedContext, ServerServices) async throws -> Response

    struct Options: Sendable {
        var query: Set<String> = []
        /// The projections that it reads: with any, `?min_position=` waits for them.
        var reads: [String] = []
        var produces: [MediaType] = [.json]
        var body: BodyRule = .none
        /// Whether an `Idempotency-Key` is honoured.
        var creates = false
        /// Whether its query comes from a browser's form, where `+` is a space.
        var isForm = false
        /// Whether its work is given up when the client leaves: what takes long, and may be begun again.
        var endsWithClient = false
    }

    init<C: Capability>(
        _ method: HTTPRequest.Method, _ path: String, _ capability: C.Type, _ options: Options,
        _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        roles = C.roles
        let query = options.reads.isEmpty ? options.query : options.query.union(["min_position"])
        self.query = query
        consumes = options.body.mediaTypes
        produces = options.produces
        answer = { request, context, services in
            guard options.endsWithClient, services.configuration.watchesClients else {
                return try await Self.answer(request, request.body, context, services, path, options, query, handler)
            }
            return try await request.body.consumeWithCancellationOnInboundClose { body in
                try await Self.answer(request, body, context, services, path, options, query, handler)
            }
        }
    }

    private static func answer<C: Capability>(
        _ request: Request, _ received: RequestBody, _ context: AuthenticatedContext, _ services: ServerServices,
        _ path: String, _ options: Options, _ query: Set<String>,
        _ handler: @Sendable (Call<C>) async throws -> Reply
    ) async throws -> Response {
        let permit = try permit(C.self, context, "\(request.method.rawValue) \(path)", services)
        let accepted =
            options.produces.isEmpty ? .json : try MediaType.negotiate(request.headers, among: options.produces)
        let parameters = try QueryParameters(request.uri.query, known: query, isForm: options.isForm)
        if let position = try parameters.integer("min_position") {
            try await services.projections.waitForPosition(
                position, tenant: permit.principal.tenant, projections: options.reads,
                timeout: services.configuration.positionTimeout)
        }
        // A large body is not even read when there are many already.
        let slot = options.body.size == .telemetry ? services.largeBodies.enter() : nil
        if options.body.size == .telemetry, slot == nil {
            throw Problem(
                .queueFull,
                "\(services.largeBodies.maximum) such requests are under way. Nothing was recorded: repeat in a moment.",
                members: ["reason": .string(Unavailability.Reason.queueFull.rawValue), "recorded": false],
                headers: [.retryAfter: "1"])
        }
        defer { withExtendedLifetime(slot) {} }
        let body =
            options.body.size == .none
            ? RequestBytes(bytes: [], mediaType: .json)
            : try await RequestBytes.read(request, received, options.body, services.configuration.limits)
        let call = Call(
            permit: permit, caller: context.caller, route: path,
            parameters: Dictionary(
                context.parameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { $1 }),
            query: parameters, headers: request.headers, accepted: accepted, body: body, traceID: context.traceID,
            services: services)
        let witness = RecordingWitness()
        do {
            return try await RecordingWitness.$current.withValue(witness) {
                guard options.creates, let key = request.headers[.idempotencyKey] else {
                    return try await handler(call).response
                }
                return try await Repetition(call: call, keyText: key, path: request.uri.string).answer(handler).response
            }
        } catch {
            guard witness.hasRecorded, let why = Problem(error).unavailability else { throw error }
            throw why.problem(.parts)
        }
    }

    /// The role comes first: whoever may not take a route learns nothing more about it.
    private static func permit<C: Capability>(
        _: C.Type, _ context: AuthenticatedContext, _ route: String, _ services: ServerServices
    ) throws -> Permit<C> {
        do {
            return try context.caller.principal.permit(C.self)
        } catch {
            services.denials.record(context.caller.principal, route: route, reason: "role-insufficient")
            throw error
        }
    }
}

extension Endpoint {
    static func get<C: Capability>(
        _ path: String, _ capability: C.Type, query: Set<String> = [], reads: [String] = [],
        produces: [MediaType] = [.json], _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) -> Endpoint {
        Endpoint(.get, path, capability, Options(query: query, reads: reads, produces: produces), handler)
    }

    /// A list: with `limit` and `cursor`.
    static func list<C: Capability>(
        _ path: String, _ capability: C.Type, query: Set<String> = [], reads: [String],
        _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) -> Endpoint {
        get(path, capability, query: query.union(["limit", "cursor"]), reads: reads, handler)
    }

    static func post<C: Capability>(
        _ path: String, _ capability: C.Type, creates: Bool = false, endsWithClient: Bool = false,
        body: BodyRule = .command, _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) -> Endpoint {
        Endpoint(
            .post, path, capability, Options(body: body, creates: creates, endsWithClient: endsWithClient), handler)
    }

    static func patch<C: Capability>(
        _ path: String, _ capability: C.Type, _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) -> Endpoint {
        Endpoint(.patch, path, capability, Options(body: .command), handler)
    }
}

/// A route as its description must tell it.
package struct EndpointDescription: Sendable, Hashable {
    package var method: String
    package var path: String
    /// Empty: open to everyone.
    package var roles: Set<Role>
    package var query: Set<String>
    /// Media types of the body; empty: none.
    package var consumes: [String]
    /// Media types of the answer; empty: as received once.
    package var produces: [String]
}
