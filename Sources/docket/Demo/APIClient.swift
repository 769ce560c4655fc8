import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// Docket's own HTTP API as a client sees it: the demo has no other door.
struct APIClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: JSONValue
        var headers: [String: String]
    }

    let base: String
    let token: String?

    func with(token: String) -> APIClient { APIClient(base: base, token: token) }

    func get(_ path: String) async throws -> JSONValue {
        let answer = try await send(.GET, path)
        guard answer.status == 200 else { throw failure(.GET, path, answer) }
        return answer.body
    }

    @discardableResult
    func post(_ path: String, _ body: JSONValue, headers: [String: String] = [:]) async throws -> JSONValue {
        let answer = try await send(.POST, path, body: body, headers: headers)
        guard (200..<300).contains(answer.status) else { throw failure(.POST, path, answer) }
        return answer.body
    }

    /// NDJSON.
    @discardableResult
    func post(_ path: String, lines: [String]) async throws -> JSONValue {
        let answer = try await send(
            .POST, path, bytes: Array(lines.joined(separator: "\n").utf8), mediaType: "application/x-ndjson")
        guard (200..<300).contains(answer.status) else { throw failure(.POST, path, answer) }
        return answer.body
    }

    func put(_ path: String, _ body: JSONValue) async throws {
        let answer = try await send(.PUT, path, body: body)
        guard (200..<300).contains(answer.status) else { throw failure(.PUT, path, answer) }
    }

    func send(
        _ method: HTTPMethod, _ path: String, body: JSONValue? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send(
            method, path, bytes: body?.canonicalBytes(), mediaType: "application/json", headers: headers)
    }

    private func send(
        _ method: HTTPMethod, _ path: String, bytes: [UInt8]?, mediaType: String, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let bytes {
            request.headers.add(name: "Content-Type", value: mediaType)
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let received = try await response.body.collect(upTo: 64 << 20)
        let text = Array(received.readableBytesView)
        let value =
            text.isEmpty ? JSONValue.null : try JSONValue.parseEvidence(text, limits: JSONLimits(depth: 200)).value
        return Answer(
            status: Int(response.status.code), body: value,
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 }))
    }

    private func failure(_ method: HTTPMethod, _ path: String, _ answer: Answer) -> CommandFailure {
        let detail = answer.body["detail"]?.stringValue ?? answer.body.canonicalString()
        return CommandFailure("\(method) \(path) answered \(answer.status): \(detail)")
    }
}
