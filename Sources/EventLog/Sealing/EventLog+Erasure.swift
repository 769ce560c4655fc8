package import Events
package import Foundation
package import Postgres

/// What an erasure made unreadable.
package struct Erasure: Sendable, Hashable {
    package var keys: Int64
    package var sealedMembers: Int64
    package var evidenceItems: Int64
}

/// Clears, in an erasure's transaction, what was derived from the log: the plaintext of projections, kept answers.
package struct ErasureClearing: Sendable {
    package let clear: @Sendable (_ tenant: UUID, borrowing Transaction) throws(PostgresError) -> Void

    package init(_ clear: @escaping @Sendable (_ tenant: UUID, borrowing Transaction) throws(PostgresError) -> Void) {
        self.clear = clear
    }
}

/// What came of an erasure.
package enum ErasureOutcome: Sendable, Hashable {
    /// - Parameter range: where the events of the erasure lie: the first request's first, the last one's last.
    case erased(SubjectMentions, Erasure, positions: ClosedRange<Int64>)
    /// These cases hold what would have gone: nothing was erased, nothing recorded.
    case held([UUID])
}

extension EventLog {
    /// Where a subject is mentioned, up to the present head. Reads a page at a time, each in a transaction of its own.
    ///
    /// - Parameter derived: looks only at events that follow from events before this position, from it on.
    package func mentions(
        _ search: SubjectSearch, derivedFromBefore derived: Int64? = nil
    ) async throws(EventLogError) -> SubjectMentions {
        let end = try await head(tenant: search.tenant)
        let key = try await erasureKey(search.tenant)
        var found = SubjectMentions()
        found.next = derived ?? 0
        var descendants = derived.map { Descendants(ofEventsBefore: $0) }
        while found.next < end {
            let before = (found, descendants)
            do {
                (found, descendants) = try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                    try search.step(before.0, before: end, key: key, descendants: before.1, tx)
                }
            } catch {
                throw error.cause as? EventLogError ?? BatchWriter.translated(error)
            }
        }
        return found
    }

    /// The first event that has something sealed under a key; nil when there is none, or none any more.
    package func event(sealedUnder keyID: UUID, tenant: UUID) async throws(EventLogError) -> Event? {
        let position = try await reading { () throws(PostgresError) in
            try await database.first(
                """
                SELECT position FROM docket.sealed
                 WHERE tenant_id = \(tenant) AND subject_key_id = \(keyID) AND ciphertext IS NOT NULL
                 ORDER BY subject_key_id, position LIMIT 1
                """
            ) { row throws(PostgresError) in try row[0] as Int64 }
        }
        guard let position else { return nil }
        return try await feed(tenant: tenant, from: position, limit: 1).first
    }

    /// The cases under legal hold that hold any of some keys, as of now.
    package func cases(
        holding keys: Set<UUID>, _ catalogue: HoldCatalogue, tenant: UUID
    ) async throws(EventLogError) -> [UUID] {
        let key = try await erasureKey(tenant)
        do {
            return try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                try tx.run(script: "SET LOCAL statement_timeout = 0")
                return try LegalHold(tenant: tenant, catalogue: catalogue, key: key).cases(holding: keys, tx)
            }.sorted { $0.uuidString < $1.uuidString }
        } catch {
            throw error.cause as? EventLogError ?? BatchWriter.translated(error)
        }
    }

    /// Erases what mentions a subject, in one transaction with the events that say so and with what `clearing` does.
    /// Proofs still verify: the leaves bind salted digests, which stay.
    ///
    /// It takes the tenant's turn to write, looks at what was appended since the search, asks the cases under legal hold,
    /// and only then deletes keys: no append and no hold can come in between. Works under the role `docket_eraser`, which
    /// the connection's login must be allowed to take. Throws `legalHold` when a key itself is held, and then nothing is
    /// recorded or erased; `outcomeUnknown` when the connection breaks at COMMIT: do it again, which is harmless.
    ///
    /// - Parameters:
    ///   - found: what `mentions` gave for the same search.
    ///   - recording: the events that say what was erased without saying what it was, at most one request a stream.
    package func erase(
        _ found: SubjectMentions, of search: SubjectSearch, clearing: ErasureClearing,
        recording: @escaping @Sendable (SubjectMentions, Erasure) -> [AppendRequest]
    ) async throws(EventLogError) -> ErasureOutcome {
        let tenant = search.tenant
        // The event that says so is sealed in part, so the key is made when there is none.
        let key = try await key(tenant)
        let epoch = epoch(tenant)
        do {
            let outcome = try await database.transaction { tx throws(PostgresError) in
                try tx.run(script: "SET LOCAL ROLE docket_eraser; SET LOCAL statement_timeout = 0")
                // Deletes nothing, but takes the turn and compares the epoch.
                _ = try Self.erase([], tenant, epoch, in: tx)
                let head: Int64 = try tx.value(
                    "SELECT next_position FROM docket.tenant_head WHERE tenant_id = \(tenant)")
                var all = found
                while all.next < head { all = try search.step(all, before: head, key: key, tx).found }
                let holders = try LegalHold(tenant: tenant, catalogue: search.holds, key: key)
                    .cases(holding: all.keys, tx)
                guard holders.isEmpty else {
                    return ErasureOutcome.held(holders.sorted { $0.uuidString < $1.uuidString })
                }
                let erasure = try Self.erase(Array(all.keys), tenant, epoch, in: tx)
                let positions = try self.record(recording(all, erasure), tenant, key, epoch, in: tx)
                if !all.keys.isEmpty { try clearing.clear(tenant, tx) }
                return .erased(all, erasure, positions: positions)
            }
            if case .erased(_, _, let positions) = outcome {
                RecordingWitness.current?.note()
                watch.publish(tenant, next: positions.upperBound + 1)
            }
            return outcome
        } catch {
            throw error.cause as? EventLogError ?? BatchWriter.translated(error)
        }
    }

    /// Erases by deleting keys that are known, in one transaction with the event that says so and with whatever `clear`
    /// does to the projections' plaintext. Asks no case; a hold on a key itself forbids it (`legalHold`). When the event
    /// is known already, the erasure is done again, which is harmless.
    ///
    /// - Parameter keys: from `subjectKeyID(type:value:tenant:)`, or of single items from `docket.sealed`.
    package func erase(
        keys ids: [UUID], recording request: AppendRequest,
        clear: @Sendable (borrowing Transaction) throws(PostgresError) -> Void = { _ in }
    ) async throws(EventLogError) -> (verdict: AppendVerdict, erasure: Erasure) {
        let tenant = request.tenant
        let tenantKey = PreparedRequest.needsKey(request, catalogue) ? try await key(tenant) : nil
        let prepared = try PreparedRequest(request, catalogue, checks, key: tenantKey)
        let (epoch, now) = (epoch(tenant), clock())
        do {
            let (verdict, erasure) = try await database.transaction { tx throws(PostgresError) in
                try tx.execute("SET LOCAL ROLE docket_eraser")
                let erasure = try Self.erase(ids, tenant, epoch, in: tx)
                // After the erasure, so that the event cannot be sealed under a key that is just going.
                let verdict = try Self.append([prepared], tenant, tenantKey, epoch, now, in: tx)[0]
                switch verdict {
                case .appended, .duplicate: break
                case .mismatch, .conflict: throw Self.unrecorded(verdict)
                }
                try clear(tx)
                return (verdict, erasure)
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

    /// Of a tenant that has sealed anything. A lost key file is an error: nobody may believe that nothing was there.
    private func erasureKey(_ tenant: UUID) async throws(EventLogError) -> TenantKey? {
        if let key = try keys.find(tenant) { return key }
        let hasSealed = try await reading { () throws(PostgresError) in
            try await database.value(
                "SELECT EXISTS (SELECT FROM docket.subject_key WHERE tenant_id = \(tenant))", as: Bool.self)
        }
        return hasSealed ? try existingKey(tenant) : nil
    }

    private static func erase(
        _ ids: [UUID], _ tenant: UUID, _ epoch: Int64, in tx: borrowing Transaction
    ) throws(PostgresError) -> Erasure {
        let erasure = try tx.first(
            "SELECT keys, sealed_members, evidence_items FROM docket.erase(\(tenant), \(epoch), \(ids))"
        ) { row throws(PostgresError) in
            Erasure(keys: try row[0], sealedMembers: try row[1], evidenceItems: try row[2])
        }
        guard let erasure else { throw PostgresError(.noRow, "docket.erase gave no row") }
        return erasure
    }

    /// Appends requests of any number, a call's worth at a time.
    private func record(
        _ requests: [AppendRequest], _ tenant: UUID, _ key: TenantKey, _ epoch: Int64,
        in tx: borrowing Transaction
    ) throws(PostgresError) -> ClosedRange<Int64> {
        var ranges: [AppendedRange] = []
        for start in stride(from: 0, to: requests.count, by: 500) {
            var prepared: [PreparedRequest] = []
            for request in requests[start..<min(start + 500, requests.count)] {
                do {
                    prepared.append(try PreparedRequest(request, catalogue, checks, key: key))
                } catch {
                    throw PostgresError.abandon(error)
                }
            }
            for verdict in try Self.append(prepared, tenant, key, epoch, clock(), in: tx) {
                guard case .appended(let range) = verdict else { throw Self.unrecorded(verdict) }
                ranges.append(range)
            }
        }
        guard let first = ranges.first?.firstPosition, let last = ranges.last?.lastPosition else {
            throw PostgresError.abandon(EventLogError(.malformed, "an erasure must be recorded"))
        }
        return first...last
    }

    private static func unrecorded(_ verdict: AppendVerdict) -> PostgresError {
        .abandon(EventLogError(.malformed, "the event of the erasure was not recorded: \(verdict)"))
    }

    private static func append(
        _ requests: [PreparedRequest], _ tenant: UUID, _ key: TenantKey?, _ epoch: Int64, _ now: Instant,
        in tx: borrowing Transaction
    ) throws(PostgresError) -> [AppendVerdict] {
        let entities = requests.flatMap(\.drafts).flatMap(\.members).filter { !$0.hasOwnKey }.map(\.keyID)
        let stored = try tx.query(
            "SELECT key_id, wrapped_key FROM docket.subject_key WHERE tenant_id = \(tenant) AND key_id = ANY (\(entities))"
        ) { row throws(PostgresError) in (id: try row[0] as UUID, wrapped: try row[1] as [UInt8]) }
        let call: AppendCall
        do {
            let keys = Dictionary(stored.map { ($0.id, $0.wrapped) }) { first, _ in first }
            call = try AppendCall(requests, tenant: tenant, key: key, stored: keys)
        } catch {
            throw .abandon(error)
        }
        let query = call.query(tenant: tenant, epoch: epoch, now: now)
        guard let verdicts = try tx.first(query, { row throws(PostgresError) in try call.verdicts(row) }),
            verdicts.count == requests.count
        else { throw PostgresError(.noRow, "docket.append gave too few verdicts") }
        return verdicts
    }
}
