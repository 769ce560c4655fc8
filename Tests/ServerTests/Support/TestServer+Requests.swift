import Cases
import Events
import Foundation
import HTTPTypes
import HummingbirdTesting
import JSON
import NIOCore
import Reactors
import Synchronization
import Testing

@testable import Server

/// An answer, read.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPFields
    var bytes: [UInt8]

    var json: JSONValue { (try? JSONValue.parse(bytes, limits: JSONLimits(depth: 128, members: 1_000_000))) ?? .null }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    /// The problem's name, without its prefix.
    var problem: String? {
        guard headers[.contentType] == "application/problem+json" else { return nil }
        return json["type"]?.stringValue?.replacing("urn:docket:problem:", with: "")
    }
    var position: Int64? { headers[.docketPosition].flatMap { Int64($0) } }
    var id: String { json["id"]?.stringValue ?? "none" }
    var eTag: String { headers[.eTag] ?? "" }
    subscript(_ pointer: String) -> JSONValue? { json.at(pointer) }
}

/// Texts of the tokens that a test made.
final class TokenBox: Sendable {
    private let texts = Mutex<[String: String]>([:])

    subscript(key: String) -> String? {
        get { texts.withLock { $0[key] } }
        set { texts.withLock { $0[key] = newValue } }
    }
}

extension TestServer {
    /// Who sends a request.
    enum Sender: Sendable {
        case nobody
        case role(Role)
        case person(String, Role)
        case stranger(Role)
        case system
        case token(String)
    }

    func token(of sender: Sender) async throws -> String? {
        switch sender {
        case .nobody: nil
        case .token(let text): text
        case .role(let role): try await token(role.rawValue, role, tenant)
        case .person(let subject, let role): try await token(subject, role, tenant)
        case .stranger(let role): try await token("stranger-\(role.rawValue)", role, foreign)
        case .system: try await token("root", .admin, SystemTenant.id)
        }
    }

    private func token(_ subject: String, _ role: Role, _ tenant: UUID) async throws -> String {
        let key = "\(tenant)/\(subject)/\(role.rawValue)"
        if let text = tokens[key] { return text }
        let issued = try await issue(subject: subject, roles: [role], tenant: tenant)
        tokens[key] = issued.text
        return issued.text
    }

    func issue(
        subject: String, roles: [Role], tenant: UUID? = nil, expiresAt: Instant? = nil, at now: Instant = .now()
    ) async throws -> TokenIssuer.Issued {
        let tenant = tenant ?? self.tenant
        let issued = TokenIssuer.create(tenant: tenant, subject: subject, roles: roles, expiresAt: expiresAt, at: now)
        try await GovernanceWriter(
            log: log, tenant: tenant, actor: Actor(kind: .service, subject: "test", lane: .system), clock: { .now() }
        ).append(
            [Decision(issued.token)], kind: .token, stream: TokenIssuer.stream(of: issued.token.id, tenant: tenant))
        return issued
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, as sender: Sender, bytes: [UInt8]? = nil,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let token = try await token(of: sender) { headers[.authorization] = "Bearer \(token)" }
        let response = try await http.executeRequest(
            uri: path, method: method, headers: headers, body: bytes.map { ByteBuffer(bytes: $0) })
        return Answer(
            status: response.status.code, headers: response.headers, bytes: Array(response.body.readableBytesView))
    }

    func get(_ path: String, as sender: Sender = .role(.analyst), headers: HTTPFields = [:]) async throws -> Answer {
        try await send(.get, path, as: sender, headers: headers)
    }

    func post(
        _ path: String, _ body: JSONValue, as sender: Sender = .role(.analyst), headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        headers[.contentType] = "application/json"
        return try await send(.post, path, as: sender, bytes: body.canonicalBytes(), headers: headers)
    }
}
