import Crypto
import Events
import Foundation
import Postgres

/// Opens what a tenant has sealed, inside a transaction: for an erasure, which must have seen everything before it commits.
struct SealedContent: Sendable {
    struct Member: Sendable {
        let position: Int64
        let n: Int32
        let keyID: UUID
        /// Canonical JSON.
        let value: [UInt8]
    }

    struct Item: Sendable {
        let firstPosition: Int64
        let digest: [UInt8]
        let keyID: UUID
        let bytes: [UInt8]
    }

    private struct StoredItem {
        let firstPosition: Int64
        let digest: [UInt8]
        let keyID: UUID
        let nonce, ciphertext, wrapped: [UInt8]
    }

    private struct StoredRow {
        let eventID: UUID
        let position: Int64
        let n: Int32
        let keyID: UUID
        let digest: [UInt8]
        let salt, nonce, ciphertext: [UInt8]?
        let wrapped: [UInt8]
    }

    let tenant: UUID
    let key: TenantKey

    /// The members of some positions that are not erased, in order, after one of them; at most `limit`.
    func members(
        in positions: Range<Int64>, after last: (position: Int64, n: Int32)?, limit: Int,
        _ tx: borrowing Transaction
    ) throws(PostgresError) -> [Member] {
        let (position, n) = last ?? (positions.lowerBound, -1)
        let rows = try tx.query(
            """
            SELECT e.event_id, s.position, s.n, s.subject_key_id, s.digest, s.salt, s.nonce, s.ciphertext, k.wrapped_key
              FROM docket.sealed AS s
              JOIN docket.event AS e ON e.tenant_id = \(tenant) AND e.position = s.position
              JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = s.subject_key_id
             WHERE s.tenant_id = \(tenant) AND s.position >= \(positions.lowerBound)
               AND s.position < \(positions.upperBound) AND (s.position, s.n) > (\(position), \(n))
               AND s.ciphertext IS NOT NULL
             ORDER BY s.position, s.n LIMIT \(limit)
            """
        ) { row throws(PostgresError) in
            StoredRow(
                eventID: try row[0], position: try row[1], n: try row[2], keyID: try row[3], digest: try row[4],
                salt: try row[5], nonce: try row[6], ciphertext: try row[7], wrapped: try row[8])
        }
        return try opened(rows)
    }

    /// The members of single positions.
    func members(of positions: [Int64], _ tx: borrowing Transaction) throws(PostgresError) -> [Member] {
        let rows = try tx.query(
            """
            SELECT e.event_id, s.position, s.n, s.subject_key_id, s.digest, s.salt, s.nonce, s.ciphertext, k.wrapped_key
              FROM docket.sealed AS s
              JOIN docket.event AS e ON e.tenant_id = \(tenant) AND e.position = s.position
              JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = s.subject_key_id
             WHERE s.tenant_id = \(tenant) AND s.position = ANY (\(positions)) AND s.ciphertext IS NOT NULL
             ORDER BY s.position, s.n
            """
        ) { row throws(PostgresError) in
            StoredRow(
                eventID: try row[0], position: try row[1], n: try row[2], keyID: try row[3], digest: try row[4],
                salt: try row[5], nonce: try row[6], ciphertext: try row[7], wrapped: try row[8])
        }
        return try opened(rows)
    }

    /// Raw input that some positions brought, in the order of position and digest, after one of them; at most `limit`.
    func evidence(
        in positions: Range<Int64>, after last: (position: Int64, digest: [UInt8])?, limit: Int,
        _ tx: borrowing Transaction
    ) throws(PostgresError) -> [Item] {
        let (position, digest) = last ?? (positions.lowerBound, [])
        let rows = try tx.query(
            """
            SELECT d.first_position, d.digest, d.subject_key_id, d.nonce, d.ciphertext, k.wrapped_key
              FROM docket.evidence AS d
              JOIN docket.subject_key AS k ON k.tenant_id = \(tenant) AND k.key_id = d.subject_key_id
             WHERE d.tenant_id = \(tenant) AND d.first_position >= \(positions.lowerBound)
               AND d.first_position < \(positions.upperBound)
               AND (d.first_position, d.digest) > (\(position), \(digest))
             ORDER BY d.first_position, d.digest LIMIT \(limit)
            """
        ) { row throws(PostgresError) in
            StoredItem(
                firstPosition: try row[0], digest: try row[1], keyID: try row[2], nonce: try row[3],
                ciphertext: try row[4], wrapped: try row[5])
        }
        var items: [Item] = []
        for row in rows {
            do throws(EventLogError) {
                let bytes = try Seal.open(
                    nonce: row.nonce, ciphertext: row.ciphertext, under: try key.unwrap(row.wrapped, id: row.keyID),
                    binding: tenant.bytes + row.digest)
                items.append(
                    Item(firstPosition: row.firstPosition, digest: row.digest, keyID: row.keyID, bytes: bytes))
            } catch {
                throw PostgresError.abandon(error)
            }
        }
        return items
    }

    private func opened(_ rows: [StoredRow]) throws(PostgresError) -> [Member] {
        var keys: [UUID: SymmetricKey] = [:]
        var members: [Member] = []
        for row in rows {
            do throws(EventLogError) {
                let dataKey: SymmetricKey
                if let known = keys[row.keyID] {
                    dataKey = known
                } else {
                    dataKey = try key.unwrap(row.wrapped, id: row.keyID)
                }
                keys[row.keyID] = dataKey
                let stored = StoredMember(
                    position: row.position, n: row.n, digest: row.digest, salt: row.salt, nonce: row.nonce,
                    ciphertext: row.ciphertext, key: dataKey)
                guard let value = try stored.opened(tenant: tenant, event: row.eventID, n: row.n)?.value else {
                    continue
                }
                members.append(Member(position: row.position, n: row.n, keyID: row.keyID, value: value))
            } catch {
                throw PostgresError.abandon(error)
            }
        }
        return members
    }
}
