import Events
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// The lab behind HTTP (contract §11): what each request means, and what is answered.
struct LabResponder: HTTPResponder {
    let store: LabStore
    /// Given back with each answer; see `LabServer`.
    var nonce: String?

    func respond(to request: Request, context: LabContext) async throws -> Response {
        var response = try await answerOrProblem(to: request, context)
        if let nonce, let name = HTTPField.Name("Docket-Lab-Nonce") { response.headers[name] = nonce }
        return response
    }

    private func answerOrProblem(to request: Request, _ context: LabContext) async throws -> Response {
        do {
            return try await answer(request, context)
        } catch let error as LabError {
            return Self.problem(error)
        } catch let error as JSONError {
            return Self.problem(LabError(.malformedBody, error.message, pointer: error.pointer))
        } catch is ConnectionDropped {
            try await context.channel.close()
            // Nobody reads this: the connection is gone, which is the point.
            return Response(status: .internalServerError)
        }
    }

    private func answer(_ request: Request, _ context: LabContext) async throws -> Response {
        let path = try LabPath(target: request.head.path ?? "/", isPost: request.method == .post)
        switch (path, request.method) {
        case (.state, .get): return await stateAnswer()
        case (.state, .put):
            try await store.replaceState(try await body(of: request))
            return await stateAnswer()
        case (.journal, .get):
            return Self.json(["items": try JSONValue(encoding: await store.world.journal)])
        case (.faults, .get): return Self.json(["items": try JSONValue(encoding: await store.world.faults)])
        case (.faults, .post):
            let fault = try LabFault(body: try await body(of: request))
            try await store.add(fault)
            return Self.json(try JSONValue(encoding: fault), status: .created)
        case (.faults, .delete):
            try await store.clearFaults()
            return Response(status: .noContent)
        case (.recordedOperation(let key), .get):
            try await strike("operations", "get")
            guard let answer = await store.world.answer(forKey: key) else {
                throw LabError(.notFound, "nothing was applied under this key")
            }
            return Self.json(answer)
        case (.collection(let kind), .get): return Self.json(await store.world.state[kind.rawValue] ?? .null)
        case (.collection(let kind), .post) where kind == .tickets || kind == .notifications:
            return try await perform(.create, kind, id: nil, request)
        case (.object(let kind, let id), .get):
            try await strike(kind.rawValue, "get")
            guard let object = await store.world.object(kind, id) else {
                throw LabError(.notFound, "no such object in \(kind.rawValue)")
            }
            return Self.json(object)
        case (.object(let kind, let id), .put):
            return Self.json(try await store.put(try await body(of: request), kind, id))
        case (.operation(let kind, let id, let name), .post):
            guard let operation = LabOperation(rawValue: name), kind.operations.contains(operation) else {
                throw LabError(.notFound, "\(kind.rawValue) know no such operation")
            }
            return try await perform(operation, kind, id: id, request)
        default: throw LabError(.methodNotAllowed, "this place does not take \(request.method)")
        }
    }

    private func perform(
        _ operation: LabOperation, _ kind: LabKind, id: String?, _ request: Request
    ) async throws -> Response {
        let key = try Self.idempotencyKey(of: request)
        let command = LabCommand(
            kind: kind.rawValue, id: id, operation: operation.rawValue, body: try await body(of: request), key: key,
            at: .now())
        let fault = try await strike(kind.rawValue, operation.rawValue)
        let answer = try await store.perform(command)
        if fault == .dropAfterApply { throw ConnectionDropped() }
        return Self.json(answer)
    }

    /// Lets a fault laid for this request do its work.
    /// - Returns: its effect, of which `drop_after_apply` is still to come.
    @discardableResult
    private func strike(_ kind: String, _ operation: String) async throws -> LabFault.Effect? {
        guard let fault = try await store.takeFault(kind: kind, operation: operation) else { return nil }
        if fault.delayMs > 0 { try await Task.sleep(for: .milliseconds(fault.delayMs)) }
        switch fault.fault {
        case .refuse: throw LabError(.refused, "a fault was laid for this operation")
        case .dropBeforeApply: throw ConnectionDropped()
        case .delay, .dropAfterApply: return fault.fault
        }
    }

    private func stateAnswer() async -> Response {
        let world = await store.world
        var response = Self.json(world.state)
        response.headers[.eTag] = "\"\(world.stateDigest.text)\""
        return response
    }

    private func body(of request: Request) async throws -> JSONValue {
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: 1 << 20)
        } catch is NIOTooManyBytesError {
            throw LabError(.bodyTooLarge, "a request holds at most 1 MiB")
        }
        return buffer.readableBytes == 0 ? .object([:]) : try JSONValue.parse(Array(buffer.readableBytesView))
    }

    /// The header is a structured-field string (draft-ietf-httpapi-idempotency-key-header), so it may stand in quotes.
    private static func idempotencyKey(of request: Request) throws(LabError) -> String {
        var key = (request.headers[.idempotencyKey] ?? "")[...]
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = key.dropFirst().dropLast() }
        guard (1...200).contains(key.count) else {
            throw LabError(.idempotencyKeyRequired, "the header Idempotency-Key is required, 1 to 200 characters")
        }
        return String(key)
    }

    private static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.canonicalBytes())))
    }

    private static func problem(_ error: LabError) -> Response {
        let errors: JSONValue =
            error.pointer.map {
                [["pointer": .string($0), "code": .string(error.code.description), "detail": .string(error.message)]]
            } ?? []
        let problem: JSONValue = [
            "type": .string("urn:docket:problem:" + error.code.description),
            "title": .string(error.code.description.split(separator: "-").joined(separator: " ")),
            "status": .integer(Int64(error.code.status)), "detail": .string(error.message), "errors": errors,
        ]
        var response = json(problem, status: HTTPResponse.Status(code: error.code.status))
        response.headers[.contentType] = "application/problem+json"
        return response
    }
}

/// What a request carries through the lab: the connection itself, because a fault may close it.
struct LabContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// A fault closes the connection without an answer.
private struct ConnectionDropped: Error {}

extension HTTPField.Name {
    fileprivate static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
}
