import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Postgres

/// Answers to requests that carried an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), for a day.
///
/// An answer can hold personal data and, once, a token; the log seals such things and this table must not undo that. So
/// answers are sealed under a key that is made from the caller's own token, which is kept nowhere.
struct IdempotencyStore: Sendable {
    struct Key: Sendable {
        var tenant: UUID
        /// The token: another token of the same person could not open the answer.
        var token: UUID
        var route: String
        var text: String
        var requestDigest: Digest

        /// The request itself, however often it comes.
        var repetition: UUID { UUID.v5(namespace: token, name: "\(route)\n\(text)\n\(requestDigest.text)") }
    }

    enum Start: Sendable {
        case run
        case replay(status: Int, sealed: [UInt8])
        case running
        case reused
    }

    private static let lifetimeMs: Int64 = 86_400_000
    /// A request that has not ended after this long died with its process.
    private static let patienceMs: Int64 = 120_000

    let database: Database

    /// Claims the key, or says what became of the request that did.
    func begin(_ key: Key, at now: Instant) async throws -> Start {
        let created = PostgresTimestamp(microseconds: now.microseconds)
        let expired = PostgresTimestamp(microseconds: now.adding(milliseconds: -Self.lifetimeMs).microseconds)
        let abandoned = PostgresTimestamp(microseconds: now.adding(milliseconds: -Self.patienceMs).microseconds)
        return try await database.transaction { tx throws(PostgresError) in
            try tx.execute(
                """
                DELETE FROM docket.idempotency_key
                 WHERE tenant_id = \(key.tenant) AND principal = \(key.token.lowercased) AND route = \(key.route)
                   AND key = \(key.text)
                   AND (created_at < \(expired) OR (status IS NULL AND created_at < \(abandoned)))
                """)
            let claimed = try tx.execute(
                """
                INSERT INTO docket.idempotency_key (tenant_id, principal, route, key, request_digest, created_at)
                VALUES (\(key.tenant), \(key.token.lowercased), \(key.route), \(key.text), \(key.requestDigest.bytes),
                        \(created))
                ON CONFLICT (tenant_id, principal, route, key) DO NOTHING
                """)
            if claimed == 1 { return .run }
            let earlier = try tx.first(
                """
                SELECT request_digest, status, response FROM docket.idempotency_key
                 WHERE tenant_id = \(key.tenant) AND principal = \(key.token.lowercased) AND route = \(key.route)
                   AND key = \(key.text)
                """
            ) { row throws(PostgresError) in
                (digest: try row[0] as [UInt8], status: try row[1] as Int16?, response: try row[2] as [UInt8]?)
            }
            guard let earlier else { return .running }
            guard earlier.digest == key.requestDigest.bytes else { return .reused }
            guard let status = earlier.status, let response = earlier.response else { return .running }
            return .replay(status: Int(status), sealed: response)
        }
    }

    /// - Parameter namesNobody: the answer holds nothing personal. Any other one is kept without its text when somebody
    ///   was erased since the request came: it may rest on what was read before.
    func finish(_ key: Key, status: Int, sealed: [UInt8], namesNobody: Bool) async throws {
        try await database.execute(
            """
            UPDATE docket.idempotency_key AS i
               SET status = \(Int16(status)),
                   response = CASE WHEN NOT \(namesNobody) AND EXISTS (
                                            SELECT FROM docket.event AS e
                                             WHERE e.tenant_id = \(key.tenant) AND e.type = 'subject.erased'
                                               AND e.recorded_at >= i.created_at)
                                   THEN ''::bytea ELSE \(sealed) END
             WHERE tenant_id = \(key.tenant) AND principal = \(key.token.lowercased) AND route = \(key.route)
               AND key = \(key.text) AND status IS NULL
            """)
    }

    /// Empties every answer that is kept, in the transaction of an erasure. They are sealed under tokens, so nobody can
    /// look into them. What became of the requests stays known, so none is done twice.
    static func empty(tenant: UUID, in tx: borrowing Transaction) throws(PostgresError) {
        try tx.execute(
            """
            UPDATE docket.idempotency_key SET response = ''::bytea
             WHERE tenant_id = \(tenant) AND status IS NOT NULL AND response <> ''::bytea
            """)
    }

    /// Gives the key back: nothing was done, and the request may be repeated.
    func release(_ key: Key) async throws {
        try await database.execute(
            """
            DELETE FROM docket.idempotency_key
             WHERE tenant_id = \(key.tenant) AND principal = \(key.token.lowercased) AND route = \(key.route)
               AND key = \(key.text) AND status IS NULL
            """)
    }

    func sweep(tenant: UUID, now: Instant) async throws(PostgresError) {
        let expired = PostgresTimestamp(microseconds: now.adding(milliseconds: -Self.lifetimeMs).microseconds)
        try await database.execute(
            "DELETE FROM docket.idempotency_key WHERE tenant_id = \(tenant) AND created_at < \(expired)")
    }
}
