import AsyncHTTPClient
package import Events
package import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
package import Runs
import Synchronization

/// The only way out of Docket by HTTP.
///
/// The base URL is configuration; what comes from alerts fills path segments (encoded) and the body, never scheme, host,
/// port or header names. The host is resolved once, the address is checked, and the connection is made to that very
/// address, so that a name cannot change its meaning in between. Redirects are not followed, answers end at 1 MiB, and
/// everything together at 30 s.
///
/// - Important: call `shutdown()` before letting go of it.
package final class GuardedHTTPClient: Sendable {
    package enum Method: String, Sendable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

    package struct Request: Sendable {
        package var method: Method
        package var base: URL
        /// Each becomes one percent-encoded segment below the base's own path.
        package var path: [String]
        /// Written after the last segment as it is: `:operation`. Letters, digits, `:`, `_`, `-` only.
        package var suffix: String
        /// Names are the caller's constants, never data.
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]?
        package var timeoutMs: Int64

        package init(
            _ method: Method, _ base: URL, path: [String], suffix: String = "",
            headers: [(name: String, value: String)] = [], body: [UInt8]? = nil, timeoutMs: Int64 = 30_000
        ) {
            self.method = method
            self.base = base
            self.path = path
            self.suffix = suffix
            self.headers = headers
            self.body = body
            self.timeoutMs = timeoutMs
        }
    }

    package struct Answer: Sendable {
        package var status: Int
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]
    }

    package static let longestTimeoutMs: Int64 = 30_000
    package static let largestAnswerBytes = 1 << 20

    private let policy: AddressPolicy
    private let resolve: @Sendable (_ host: String, _ port: Int) async throws -> IPAddress
    /// One client for each host and checked address, because the address is part of a client's configuration.
    private let clients = Mutex<[String: HTTPClient]>([:])

    /// - Parameter resolve: name resolution; the default asks the system.
    package init(
        policy: AddressPolicy = AddressPolicy(),
        resolve: @escaping @Sendable (_ host: String, _ port: Int) async throws -> IPAddress = GuardedHTTPClient.system
    ) {
        self.policy = policy
        self.resolve = resolve
    }

    package func shutdown() async throws {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all { try await client.shutdown() }
    }

    /// - Throws: `ConnectorError`: `forbidden` and `unreachable` when nothing was sent, `timedOut` and `tooLarge` when the
    ///   outcome is unknown. Any status is an answer.
    package func send(_ request: Request) async throws(ConnectorError) -> Answer {
        let (url, host, port) = try Self.url(of: request)
        let address: IPAddress
        do {
            address = try await resolve(host, port)
        } catch {
            throw ConnectorError(.unreachable, "the host's name cannot be resolved", cause: "\(error)")
        }
        guard policy.permits(address) else {
            throw ConnectorError(.forbidden, "connectors may not reach the address \(address)")
        }
        let client = client(host: host, address: address)
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        for header in request.headers { outgoing.headers.add(name: header.name, value: header.value) }
        if let body = request.body { outgoing.body = .bytes(body) }
        let timeout = min(max(request.timeoutMs, 1), Self.longestTimeoutMs)
        do {
            return try await Self.execute(outgoing, on: client, timeoutMs: timeout)
        } catch {
            throw Self.translate(error)
        }
    }

    /// The library's own deadline ends with the head of the answer; this one includes the body.
    private static func execute(
        _ request: HTTPClientRequest, on client: HTTPClient, timeoutMs: Int64
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask {
                let response = try await client.execute(request, timeout: .milliseconds(timeoutMs))
                let body = try await response.body.collect(upTo: largestAnswerBytes)
                return Answer(
                    status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
                    body: Array(body.readableBytesView))
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(timeoutMs))
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw HTTPClientError.deadlineExceeded }
            return answer
        }
    }

    private static func translate(_ error: any Error) -> ConnectorError {
        switch error {
        case is NIOTooManyBytesError:
            return ConnectorError(.tooLarge, "the answer is larger than \(largestAnswerBytes) bytes")
        case let error as HTTPClientError where error == .connectTimeout:
            return ConnectorError(.unreachable, "no connection in time")
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode):
            return ConnectorError(.unreachable, "no connection", cause: "\(error)")
        case is NIOConnectionError:
            return ConnectorError(.unreachable, "no connection", cause: "\(error)")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            return ConnectorError(.timedOut, "no answer in time")
        default:
            return ConnectorError(.timedOut, "the connection ended without an answer", cause: "\(error)")
        }
    }

    private func client(host: String, address: IPAddress) -> HTTPClient {
        clients.withLock { clients in
            let key = host + "|" + address.description
            if let client = clients[key] { return client }
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.decompression = .disabled
            configuration.dnsOverride = [host: address.description]
            configuration.timeout.connect = .seconds(5)
            configuration.connectionPool.retryConnectionEstablishment = false
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[key] = client
            return client
        }
    }

    private static func url(of request: Request) throws(ConnectorError) -> (url: String, host: String, port: Int) {
        guard let scheme = request.base.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = request.base.host(percentEncoded: false), !host.isEmpty, request.base.user == nil,
            request.base.query == nil, request.base.fragment == nil
        else { throw ConnectorError(.forbidden, "a base URL is http or https, a host, and perhaps a port and a path") }
        let safeSuffix = request.suffix.utf8.allSatisfy {
            $0 == UInt8(ascii: ":") || DocketAction.isName(String(UnicodeScalar($0)))
        }
        guard safeSuffix else { throw ConnectorError(.forbidden, "a suffix is an operation's name") }
        let port = request.base.port ?? (scheme == "https" ? 443 : 80)
        let literal = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        var url = "\(scheme)://\(literal):\(port)"
        var path = request.base.path(percentEncoded: true)
        while path.hasSuffix("/") { path.removeLast() }
        url += path
        for segment in request.path {
            // A lone dot would be removed from the path on the way.
            guard !segment.isEmpty, segment != ".", segment != ".." else {
                throw ConnectorError(.forbidden, "an id cannot be '\(segment)'")
            }
            url += "/" + encode(segment)
        }
        return (url + request.suffix, host, port)
    }

    /// RFC 3986 §2.3: all but unreserved characters are encoded.
    static func encode(_ segment: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in segment.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Asks the system, on a thread that may block.
    package static func system(_ host: String, _ port: Int) async throws -> IPAddress {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if let address = IPAddress(bare) { return address }
        let resolved = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(bare, port: port)
        }
        guard let text = resolved.ipAddress, let address = IPAddress(text) else {
            throw ConnectorError(.unreachable, "the host has no address")
        }
        return address
    }
}
