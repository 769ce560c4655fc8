import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// Plain HTTP, as a script would speak it.
struct Client: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var bytes: [UInt8]

        var json: JSONValue { (try? JSONValue.parseEvidence(bytes, limits: JSONLimits(depth: 200)).value) ?? .null }
        var problem: String? {
            json["type"]?.stringValue.map { $0.replacing("urn:docket:problem:", with: "") }
        }
    }

    let base: String
    var token: String?

    func callAsFunction(
        _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, raw: [UInt8]? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let bytes = raw ?? body?.canonicalBytes() {
            if headers["Content-Type"] == nil { request.headers.add(name: "Content-Type", value: "application/json") }
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let buffer = try await response.body.collect(upTo: 128 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers, bytes: Array(buffer.readableBytesView))
    }

    /// Asks again until the answer fits; a server that is being restarted is simply asked again. The deadline guards
    /// against a hang: a busy machine takes its time.
    func wait(
        _ path: String, within seconds: Double = 300, until isReady: (JSONValue) -> Bool
    ) async throws -> JSONValue {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last = JSONValue.null
        while ContinuousClock.now < deadline {
            if let answer = try? await self(.GET, path), answer.status == 200 {
                last = answer.json
                if isReady(last) { return last }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Timeout(path: path, last: last)
    }

    /// The bytes of an answer, once there is one; a server that does not answer yet is asked again.
    func waitBytes(_ path: String, within seconds: Double = 300) async throws -> [UInt8] {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let answer = try? await self(.GET, path), answer.status == 200 { return answer.bytes }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Timeout(path: path, last: .null)
    }

    /// Waits until the tenant is quiet and the projections have caught up.
    /// - Returns: the last position.
    func settled() async throws -> Int64 {
        var last: Int64 = -2
        var calm = 0
        while calm < 10 {
            let position = try await self(.GET, "/v1/cases?limit=1").json["as_of_position"]?.int64Value ?? -1
            let events = try await self(.GET, "/v1/events?after=\(position)&limit=1").json["items"]?.arrayValue ?? []
            calm = position == last && events.isEmpty ? calm + 1 : 0
            last = position
            try await Task.sleep(for: .milliseconds(50))
        }
        return last
    }

    struct Timeout: Error, CustomStringConvertible {
        var path: String
        var last: JSONValue
        var description: String { "\(path) did not get there; last seen: \(last.canonicalString().prefix(3_000))" }
    }
}
