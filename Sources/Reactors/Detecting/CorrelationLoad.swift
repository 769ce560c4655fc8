package import Detection
import Synchronization

import struct Foundation.UUID

/// What the correlations of a process hold, of all tenants together, and what bounds cost since it started.
///
/// An engine is made anew when rules change and after an erasure, and reads the last windows again; what is lost in that
/// counts again.
package final class CorrelationLoad: Sendable {
    private struct State {
        var latest: [UUID: CorrelationCounters] = [:]
        var dropped = CorrelationCounters()
    }

    private let state = Mutex(State())

    package init() {}

    func note(_ counters: CorrelationCounters, of tenant: UUID) {
        state.withLock { state in
            var before = state.latest[tenant] ?? CorrelationCounters()
            // Less than before: another engine, which began from nothing.
            if counters.entriesDropped < before.entriesDropped || counters.groupsDropped < before.groupsDropped
                || counters.combinationsDropped < before.combinationsDropped
            {
                before = CorrelationCounters()
            }
            state.dropped.entriesDropped += counters.entriesDropped - before.entriesDropped
            state.dropped.groupsDropped += counters.groupsDropped - before.groupsDropped
            state.dropped.combinationsDropped += counters.combinationsDropped - before.combinationsDropped
            state.latest[tenant] = counters
        }
    }

    /// What is held now, and what was dropped; `nil` in a process that tracks nothing.
    package var counters: CorrelationCounters? {
        state.withLock { state in
            guard !state.latest.isEmpty else { return nil }
            var sum = state.dropped
            sum.entriesHeld = state.latest.values.reduce(0) { $0 + $1.entriesHeld }
            sum.groupsHeld = state.latest.values.reduce(0) { $0 + $1.groupsHeld }
            return sum
        }
    }
}
