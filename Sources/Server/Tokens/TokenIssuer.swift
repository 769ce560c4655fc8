package import Cases
import Crypto
package import Events
package import Foundation

/// Makes tokens. The text is given out once; what goes into the log is the digest of its secret.
package enum TokenIssuer {
    package struct Issued: Sendable {
        /// To be shown once, to the one who asked.
        package var text: String
        /// To be appended as `token.created`.
        package var token: Token
    }

    package static func create(
        tenant: UUID, subject: String, roles: [Role], issuer: String = "docket", expiresAt: Instant?, at now: Instant
    ) -> Issued {
        let secret = unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Array($0) }
        let text = TokenText(tenant: tenant, id: UUID.v7(at: now), secret: secret)
        return Issued(
            text: text.text,
            token: Token(
                id: text.id, issuer: issuer, subject: subject,
                roles: Set(roles).sorted { $0.rawValue < $1.rawValue }, createdAt: now, expiresAt: expiresAt,
                secretDigest: Digest.sha256(secret)))
    }

    /// The stream of a token's life.
    package static func stream(of token: UUID, tenant: UUID) -> UUID {
        UUID.v5(namespace: tenant, name: "token/\(token.lowercased)")
    }
}
