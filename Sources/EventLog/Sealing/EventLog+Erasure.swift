import Events
package import Foundation
package import Postgres

/// What an erasure made unreadable.
package struct Erasure: Sendable, Hashable {
    package var keys: Int64
    package var sealedMembers: Int64
    package var evidenceItems: Int64
}

extension EventLog {
    /// Erases by deleting keys, in one transaction with the event that says so and with whatever `clear` does to the
    /// projections' plaintext. Proofs still verify: the leaves bind salted digests, which stay.
    ///
    /// Works under the role `docket_eraser`, which the connection's login must be allowed to take. The event must say
    /// what was erased without saying what it was. Throws `legalHold`, and then nothing is recorded or erased. When the
    /// event is known already, the erasure is done again, which is harmless.
    ///
    /// - Parameter keys: from `subjectKeyID(type:value:tenant:)`, or of single items from `docket.sealed`.
    package func erase(
        keys ids: [UUID], recording request: AppendRequest,
        clear: @Sendable (borrowing Transaction) throws(PostgresError) -> Void = { _ in }
    ) async throws(EventLogError) -> (verdict: AppendVerdict, erasure: Erasure) {
        let tenant = request.tenant
        let tenantKey = PreparedRequest.needsKey(request, catalogue) ? try await key(tenant) : nil
        let prepared = try PreparedRequest(request, catalogue, key: tenantKey)
        let (epoch, now) = (epoch(tenant), clock())
        do {
            let (verdict, erasure) = try await database.transaction { tx throws(PostgresError) in
                try tx.execute("SET LOCAL ROLE docket_eraser")
                let erasure = try tx.first(
                    "SELECT keys, sealed_members, evidence_items FROM docket.erase(\(tenant), \(epoch), \(ids))"
                ) { row throws(PostgresError) in
                    Erasure(keys: try row[0], sealedMembers: try row[1], evidenceItems: try row[2])
                }
                // After the erasure, so that the event cannot be sealed under a key that is just going.
                let verdict = try Self.append(prepared, tenant, tenantKey, epoch, now, in: tx)
                switch verdict {
                case .appended, .duplicate: break
                case .mismatch, .conflict:
                    let error = EventLogError(.malformed, "the event of the erasure was not recorded: \(verdict)")
                    throw PostgresError.abandon(error)
                }
                try clear(tx)
                return (verdict, erasure ?? Erasure(keys: 0, sealedMembers: 0, evidenceItems: 0))
            }
            if case .appended(let range) = verdict { watch.publish(tenant, next: range.lastPosition + 1) }
            return (verdict, erasure)
        } catch {
            throw error.cause as? EventLogError ?? BatchWriter.translated(error)
        }
    }

    /// Sets or lifts the hold that forbids the erasure of keys; gives how many of them there are.
    package func setLegalHold(_ isHeld: Bool, keys ids: [UUID], tenant: UUID) async throws(EventLogError) -> Int64 {
        do {
            return try await database.write("SELECT docket.set_legal_hold(\(tenant), \(ids), \(isHeld))") {
                row throws(PostgresError) in try row[0] as Int64
            }.first ?? 0
        } catch {
            throw BatchWriter.translated(error)
        }
    }

    private static func append(
        _ request: PreparedRequest, _ tenant: UUID, _ key: TenantKey?, _ epoch: Int64, _ now: Instant,
        in tx: borrowing Transaction
    ) throws(PostgresError) -> AppendVerdict {
        let entities = request.drafts.flatMap(\.members).filter { !$0.hasOwnKey }.map(\.keyID)
        let stored = try tx.query(
            "SELECT key_id, wrapped_key FROM docket.subject_key WHERE tenant_id = \(tenant) AND key_id = ANY (\(entities))"
        ) { row throws(PostgresError) in (id: try row[0] as UUID, wrapped: try row[1] as [UInt8]) }
        let call: AppendCall
        do {
            let keys = Dictionary(stored.map { ($0.id, $0.wrapped) }) { first, _ in first }
            call = try AppendCall([request], tenant: tenant, key: key, stored: keys)
        } catch {
            throw .abandon(error)
        }
        let query = call.query(tenant: tenant, epoch: epoch, now: now)
        let verdicts = try tx.first(query) { row throws(PostgresError) in try call.verdicts(row) }
        guard let verdict = verdicts?.first else { throw PostgresError(.noRow, "docket.append gave no verdict") }
        return verdict
    }
}
