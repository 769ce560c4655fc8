import Cases
import Events
import HTTPTypes
import JSON
import Projections

/// Who I am, and how up to date what I read is.
enum SelfRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/me", ReadSelf.self) { call in
                let token = call.caller.token
                return Reply(
                    .ok,
                    [
                        "tenant_id": .string(call.tenant.lowercased), "issuer": .string(token.issuer),
                        "subject": .string(token.subject), "roles": .array(token.roles.map { .string($0.rawValue) }),
                        "expires_at": token.expiresAt.map { .string($0.rfc3339) } ?? .null,
                    ])
            },
            .get("/v1/projections", ReadConfiguration.self) { call in
                let statuses = try await call.services.projections.list(tenant: call.tenant)
                return .list(
                    try statuses.map { try JSONValue(encoding: $0) },
                    asOf: try await call.services.lastPosition(of: call.tenant))
            },
        ]
    }
}
