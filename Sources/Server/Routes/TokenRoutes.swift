import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// Tokens: made, listed without their text, revoked (contract §10).
enum TokenRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/tokens", ReadConfiguration.self) { call in
                let registry = try await call.services.registries.registry(of: call.tenant)
                let tokens = registry.tokens.values.sorted {
                    ($1.createdAt, $1.id.uuidString) < ($0.createdAt, $0.id.uuidString)
                }
                return .list(tokens.map { $0.json(tenant: call.tenant) }, asOf: registry.nextPosition - 1)
            },
            .post("/v1/tokens", Configure.self, creates: true, create),
            .post("/v1/tokens/{id}:revoke", Configure.self, revoke),
        ]
    }

    private static func create(_ call: Call<Configure>) async throws -> Reply {
        var body = try call.command()
        let subject = body.text("subject", 1...200)
        let names = body.strings("roles", 1...Role.allCases.count)
        let roles = names.compactMap(Role.init)
        if roles.count < names.count {
            body.refuse("roles", .enum, "holds an unknown role", allowed: Role.allCases.map(\.rawValue))
        }
        let expiresAt = body.optionalInstant("expires_at")
        if let expiresAt, expiresAt <= call.now { body.refuse("expires_at", .range, "lies in the future") }
        try body.finish()
        let issued = TokenIssuer.create(
            tenant: call.tenant, subject: subject, roles: roles, expiresAt: expiresAt, at: call.now)
        let position = try await call.governance.append(
            [Decision(issued.token)], kind: .token,
            stream: TokenIssuer.stream(of: issued.token.id, tenant: call.tenant), traceID: call.traceID)
        var json = issued.token.json(tenant: call.tenant)
        json["token"] = .string(issued.text)
        return Reply(.created, json).at(position)
    }

    private static func revoke(_ call: Call<Configure>) async throws -> Reply {
        let id = try call.id()
        let registry = try await call.services.registries.registry(of: call.tenant)
        guard let token = registry.tokens[id] else { throw Rejection.notFound }
        guard token.revokedAt == nil else { return Reply(.ok, token.json(tenant: call.tenant)) }
        let position = try await call.governance.append(
            [Decision(type: .tokenRevoked, data: ["id": .string(id.lowercased)])], kind: .token,
            stream: TokenIssuer.stream(of: id, tenant: call.tenant), traceID: call.traceID)
        let revoked = try await call.services.registries.registry(of: call.tenant).tokens[id] ?? token
        return Reply(.ok, revoked.json(tenant: call.tenant)).at(position)
    }
}

extension Token {
    /// Without its text, which exists once, and without the digest, which is nobody's business.
    func json(tenant: UUID) -> JSONValue {
        [
            "id": .string(id.lowercased), "tenant_id": .string(tenant.lowercased), "issuer": .string(issuer),
            "subject": .string(subject), "roles": .array(roles.map { .string($0.rawValue) }),
            "created_at": .string(createdAt.rfc3339), "expires_at": expiresAt.map { .string($0.rfc3339) } ?? .null,
            "revoked_at": revokedAt.map { .string($0.rfc3339) } ?? .null,
        ]
    }
}
