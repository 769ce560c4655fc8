import EventLog
import Events
import Synchronization

import struct Foundation.UUID

/// Cases that the timer could not handle, and when each is tried again.
final class TimerFailures: Sendable {
    private let marks = Mutex<[Timekeeper.Candidate: ReactorMark]>([:])

    func mark(of candidate: Timekeeper.Candidate) -> ReactorMark? { marks.withLock { $0[candidate] } }

    func put(_ mark: ReactorMark, of candidate: Timekeeper.Candidate, dueAt: Instant) {
        var mark = mark
        mark.dueAt = dueAt
        marks.withLock { [mark] in $0[candidate] = mark }
    }

    func remove(_ candidate: Timekeeper.Candidate) { marks.withLock { $0[candidate] = nil } }

    /// Those whose time has come.
    func due(at now: Instant) -> [Timekeeper.Candidate] {
        marks.withLock { $0.filter { $0.value.dueAt <= now }.map(\.key) }
    }

    /// Those that wait on.
    func waitingCases(at now: Instant) -> [Timekeeper.Candidate] {
        marks.withLock { $0.filter { $0.value.dueAt > now }.map(\.key) }
    }

    func waiting(at now: Instant) -> [UUID] { waitingCases(at: now).map(\.caseID) }

    var nextDue: Instant? { marks.withLock { $0.values.map(\.dueAt).min() } }
}
