import Events
import Foundation
import Postgres

/// Writes one batch of one tenant and gives a verdict for each request, through lost connections and races for keys.
///
/// A lost connection at COMMIT leaves the outcome unknown; the same event ids sent again settle it, because the log
/// answers `duplicate` for what it has.
struct BatchWriter: Sendable {
    let database: Database
    let keys: TenantKeys
    let epoch: @Sendable (UUID) -> Int64
    let clock: @Sendable () -> Instant
    let limits: EventLog.Limits
    let appended: @Sendable (UUID, _ next: Int64) -> Void

    func write(_ batch: [PreparedRequest], tenant: UUID) async -> [Appender.Verdict] {
        let deadline = ContinuousClock.now + limits.writeTimeout
        var isUnknown = false
        var attempt = 1
        while true {
            do throws(PostgresError) {
                return try await send(batch, tenant).map { .success($0) }
            } catch {
                if error.code == .abandoned, let cause = error.cause as? EventLogError {
                    return batch.map { _ in .failure(cause) }
                }
                isUnknown = isUnknown || error.code == .commitUnknown
                if batch.count > 1 && Self.isDefect(error) {
                    // One request spoils the batch; alone, each of the others passes.
                    var verdicts: [Appender.Verdict] = []
                    for request in batch { verdicts += await write([request], tenant: tenant) }
                    return verdicts
                }
                guard Self.isTransient(error), ContinuousClock.now < deadline else {
                    let final = Self.translated(error, isUnknown: isUnknown)
                    return batch.map { _ in .failure(final) }
                }
                do {
                    try await Task.sleep(for: RetryPolicy.standard.pause(after: attempt))
                } catch {
                    // Nobody cancels this task; a pause less changes nothing.
                }
                attempt += 1
            }
        }
    }

    private func send(_ batch: [PreparedRequest], _ tenant: UUID) async throws(PostgresError) -> [AppendVerdict] {
        let entities = Set(batch.flatMap(\.drafts).flatMap(\.members).filter { !$0.hasOwnKey }.map(\.keyID))
        let stored = try await storedKeys(Array(entities), tenant)
        let call: AppendCall
        do {
            let key = batch.contains(where: \.hasSealedMembers) ? try keys.find(tenant) : nil
            call = try AppendCall(batch, tenant: tenant, key: key, stored: stored)
        } catch {
            throw .abandon(error)
        }
        let query = call.query(tenant: tenant, epoch: epoch(tenant), now: clock())
        let rows = try await database.write(query) { row throws(PostgresError) in try call.verdicts(row) }
        guard let verdicts = rows.first else { throw PostgresError(.noRow, "docket.append gave no verdict") }
        let last = verdicts.compactMap { verdict -> Int64? in
            if case .appended(let range) = verdict { range.lastPosition } else { nil }
        }.max()
        if let last { appended(tenant, last + 1) }
        return verdicts
    }

    /// Read anew for each batch: a key that was erased meanwhile must not come back from a cache.
    private func storedKeys(_ ids: [UUID], _ tenant: UUID) async throws(PostgresError) -> [UUID: [UInt8]] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await database.query(
            "SELECT key_id, wrapped_key FROM docket.subject_key WHERE tenant_id = \(tenant) AND key_id = ANY (\(ids))"
        ) { row throws(PostgresError) in (id: try row[0] as UUID, wrapped: try row[1] as [UInt8]) }
        return Dictionary(rows.map { ($0.id, $0.wrapped) }) { first, _ in first }
    }

    /// DK004 and what PostgreSQL itself says of values that it cannot store.
    private static func isDefect(_ error: PostgresError) -> Bool {
        guard error.code == .server, let state = error.sqlState else { return false }
        return state == "DK004" || state.hasPrefix("22") || state.hasPrefix("23") || state.hasPrefix("54")
    }

    /// What another attempt may settle: lost connections, a busy or restarting server, a lost race for a key (DK006).
    private static func isTransient(_ error: PostgresError) -> Bool {
        switch error.code {
        case .commitUnknown, .connectionLost, .connectionFailed, .timeout, .poolExhausted: true
        case .server:
            error.isRetryable
                || ["DK006", "55P03", "57014", "57P01", "57P02", "57P03", "53300"].contains(error.sqlState ?? "")
        default: false
        }
    }

    static func translated(_ error: PostgresError, isUnknown: Bool = false) -> EventLogError {
        if isUnknown || error.code == .commitUnknown {
            return EventLogError(.outcomeUnknown, "whether the events were recorded is unknown", cause: error)
        }
        return switch error.sqlState {
        case "DK001": EventLogError(.fenced, "the tenant is fenced: another place writes for it", cause: error)
        case "DK002": EventLogError(.clockBehind, "this clock is more than 5 s behind the last event", cause: error)
        case "DK007": EventLogError(.legalHold, "a legal hold forbids the erasure", cause: error)
        case "DK003": EventLogError(.unknownTenant, "unknown tenant", cause: error)
        default:
            isDefect(error)
                ? EventLogError(.malformed, "the log refuses the request", cause: error)
                : EventLogError(.unavailable, "the events were not recorded", cause: error)
        }
    }
}

extension RetryPolicy {
    /// Doubling pauses with chance in them, for a caller that counts attempts itself.
    fileprivate func pause(after attempt: Int) -> Duration {
        min(delayMaximum, firstDelay * (1 << min(attempt - 1, 10))) * Double.random(in: 0.5..<1)
    }
}
