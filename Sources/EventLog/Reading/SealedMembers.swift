import Crypto
import Events
import Foundation
import JSON
import Postgres

/// A sealed value as it is stored, with the key that opens it.
struct StoredMember: Sendable {
    let position: Int64
    let n: Int32
    let digest: [UInt8]
    let salt: [UInt8]?
    let nonce: [UInt8]?
    let ciphertext: [UInt8]?
    /// nil: the key is gone, and with it the value.
    let key: SymmetricKey?

    /// The value; `null` when it was erased. What does not match the digest that the proof binds is refused.
    func open(tenant: UUID, event: UUID, n: Int32) throws(EventLogError) -> JSONValue {
        guard let (_, value) = try opened(tenant: tenant, event: event, n: n) else { return .null }
        return try Body.parse(value, position: position)
    }

    /// Salt and canonical JSON, or `nil` when it was erased.
    func opened(tenant: UUID, event: UUID, n: Int32) throws(EventLogError) -> (salt: [UInt8], value: [UInt8])? {
        guard let key, let salt, let nonce, let ciphertext else { return nil }
        let value = try Seal.open(
            nonce: nonce, ciphertext: ciphertext, under: key,
            binding: Seal.binding(tenant: tenant, event: event, n: n))
        guard Array(SHA256.hash(data: salt + value)) == digest else {
            throw EventLogError(.corrupt, "the sealed member \(n) at position \(position) does not have its digest")
        }
        return (salt, value)
    }
}

/// By position, then by number.
typealias SealedMembers = [Int64: [Int32: StoredMember]]

extension EventLog {
    /// The sealed members of some positions, by position and number.
    func sealedMembers(of positions: [Int64], _ tenant: UUID) async throws(EventLogError) -> SealedMembers {
        guard !positions.isEmpty else { return [:] }
        return try await sealedMembers(
            tenant,
            """
            SELECT \(unescaped: Self.memberColumns)
              FROM docket.sealed AS s
              LEFT JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = s.subject_key_id
             WHERE s.tenant_id = \(tenant) AND s.position = ANY (\(positions))
            """)
    }

    /// All sealed members of a range of positions.
    func sealedMembers(in positions: Range<Int64>, _ tenant: UUID) async throws(EventLogError) -> SealedMembers {
        try await sealedMembers(
            tenant,
            """
            SELECT \(unescaped: Self.memberColumns)
              FROM docket.sealed AS s
              LEFT JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = s.subject_key_id
             WHERE s.tenant_id = \(tenant)
               AND s.position >= \(positions.lowerBound) AND s.position < \(positions.upperBound)
            """)
    }

    private static let memberColumns =
        "s.position, s.n, s.subject_key_id, s.digest, s.salt, s.nonce, s.ciphertext, k.wrapped_key"

    private func sealedMembers(_ tenant: UUID, _ query: Query) async throws(EventLogError) -> SealedMembers {
        struct Row: Sendable {
            let position: Int64
            let n: Int32
            let keyID: UUID
            let digest: [UInt8]
            let salt, nonce, ciphertext, wrapped: [UInt8]?
        }
        let rows = try await reading { () throws(PostgresError) in
            try await database.query(query) { row throws(PostgresError) in
                Row(
                    position: try row[0], n: try row[1], keyID: try row[2], digest: try row[3], salt: try row[4],
                    nonce: try row[5], ciphertext: try row[6], wrapped: try row[7])
            }
        }
        var opened: [UUID: SymmetricKey] = [:]
        var members: SealedMembers = [:]
        for row in rows {
            if opened[row.keyID] == nil, let wrapped = row.wrapped {
                opened[row.keyID] = try existingKey(tenant).unwrap(wrapped, id: row.keyID)
            }
            members[row.position, default: [:]][row.n] = StoredMember(
                position: row.position, n: row.n, digest: row.digest, salt: row.salt, nonce: row.nonce,
                ciphertext: row.ciphertext, key: opened[row.keyID])
        }
        return members
    }
}
