import Synchronization

import struct Foundation.UUID

/// Flushes of telemetry that this process took in lately, with the alerts that came of each: a collector that sends the
/// same again is answered from memory, as a request with the same `Idempotency-Key` would be.
///
/// Two generations, so that memory is bounded: at least the last `limit` flushes are known.
final class RecentFlushes: Sendable {
    private struct State {
        var young: [UUID: Int] = [:]
        var old: [UUID: Int] = [:]
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = max(1, limit) }

    /// How many alerts a flush has; `nil` where it is not known.
    func alerts(of flush: UUID) -> Int? { state.withLock { $0.young[flush] ?? $0.old[flush] } }

    /// Notes a flush, once everything of it is durable.
    func note(_ flush: UUID, alerts: Int) {
        state.withLock { state in
            state.young[flush] = alerts
            guard state.young.count >= limit else { return }
            state.old = state.young
            state.young = [:]
        }
    }
}
