import AsyncHTTPClient
import Foundation
import JSON
import Lab
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// A lab that listens on a free loopback port, and a client for it.
struct RunningLab {
    let port: Int

    struct Answer {
        var status: UInt
        var headers: HTTPHeaders
        var body: JSONValue
        var bytes: [UInt8]
    }

    /// Runs a lab for the length of `body`, then shuts it down gracefully.
    static func with<R: Sendable>(
        stateFile: String? = nil, world: LabWorld = .standard,
        _ body: @escaping @Sendable (RunningLab) async throws -> R
    ) async throws -> R {
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let server = try LabServer(
            listen: "127.0.0.1:0", stateFile: stateFile, world: world, logger: quiet,
            onReady: { continuation.yield($0) })
        let group = ServiceGroup(configuration: .init(services: [server], logger: quiet))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { continuation.finish() }
                try await group.run()
            }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                try await tasks.waitForAll()
                throw LabError(.storage, "the lab ended before it was ready")
            }
            let result: Result<R, any Error>
            do {
                result = .success(try await body(RunningLab(port: port)))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }

    static let quiet: Logger = {
        var logger = Logger(label: "lab")
        logger.logLevel = .critical
        return logger
    }()

    func send(
        _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, key: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if let body { request.body = .bytes(body.canonicalBytes()) }
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let bytes = [UInt8](Data(buffer: try await response.body.collect(upTo: 16 << 20)))
        return Answer(
            status: response.status.code, headers: response.headers,
            body: bytes.isEmpty ? .null : try JSONValue.parse(bytes), bytes: bytes)
    }
}

extension Data {
    init(buffer: ByteBuffer) { self.init(buffer.readableBytesView) }
}

extension LabError {
    var codeText: String { code.description }
}
