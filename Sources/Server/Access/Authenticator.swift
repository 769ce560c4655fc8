import Cases
import EventLog
import Events
import Foundation
import Reactors

/// Recognizes the holder of a token by the registry of the tenant that the token names.
struct Authenticator: Sendable {
    let registries: RegistryStore
    let clock: @Sendable () -> Instant

    /// - Parameter authorization: the header's value.
    /// - Returns: `nil` unless it holds a token that is known, right, unexpired and not revoked. Why is nobody's business.
    func caller(authorization: String?) async throws -> Caller? {
        guard let text = Self.bearer(authorization).flatMap(TokenText.init),
            let token = try await token(text.id, tenant: text.tenant)
        else { return nil }
        let digest = Digest.sha256(text.secret)
        guard Self.areEqual(digest.bytes, token.secretDigest.bytes), token.isValid(at: clock()) else { return nil }
        return Self.caller(
            token, tenant: text.tenant, sealingKey: Digest.sha256(Array("docket sealing".utf8) + text.secret).bytes)
    }

    /// - Returns: `nil` once the token that the session was opened with is revoked or has run out.
    func caller(session: SessionStore.Session) async throws -> Caller? {
        guard let token = try await token(session.tokenID, tenant: session.tenant), token.isValid(at: clock()) else {
            return nil
        }
        return Self.caller(token, tenant: session.tenant, sealingKey: session.sealingKey)
    }

    private static func caller(_ token: Token, tenant: UUID, sealingKey: [UInt8]) -> Caller {
        let principal = Principal(
            tenant: tenant, identity: Identity(issuer: token.issuer, subject: token.subject), roles: Set(token.roles),
            tokenID: token.id)
        return Caller(principal: principal, token: token, sealingKey: sealingKey)
    }

    /// Whether a caller that was recognized some time ago still would be.
    func isStillValid(_ caller: Caller) async throws -> Bool {
        try await token(caller.token.id, tenant: caller.principal.tenant)?.isValid(at: clock()) ?? false
    }

    private func token(_ id: UUID, tenant: UUID) async throws -> Token? {
        do {
            return try await registries.registry(of: tenant).tokens[id]
        } catch let error as EventLogError where error.code == .unknownTenant {
            return nil
        }
    }

    /// RFC 6750 §2.1; the scheme's name has no case (RFC 9110 §11.1).
    private static func bearer(_ authorization: String?) -> String? {
        guard let authorization, let space = authorization.firstIndex(of: " "),
            authorization[..<space].lowercased() == "bearer"
        else { return nil }
        let rest = authorization[space...].drop { $0 == " " }
        return rest.isEmpty ? nil : String(rest)
    }

    /// In a time that does not tell how many bytes are right.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
