import EventLog
import Events

import struct Foundation.UUID

/// A reactor's marks in memory: what it has to react to again, and which streams wait. No I/O; the follower writes down
/// what changes here.
struct MarkBook {
    private(set) var marks: [Int64: ReactorMark] = [:]
    /// Streams that are set aside: up to where events were passed over.
    private(set) var aside: [UUID: Int64] = [:]
    /// Marks that are being worked on.
    private(set) var busy: Set<Int64> = []

    /// - Parameter next: everything before it was passed over, where a stream is set aside.
    init(_ stored: [ReactorMark], next: Int64) {
        for mark in stored {
            marks[mark.position] = mark
            if mark.setsAside { aside[mark.streamID] = next - 1 }
        }
    }

    /// Marks that tell of streams that are stuck.
    var failures: Int { aside.count }

    /// When the next mark that nobody works on becomes due.
    var nextDue: Instant? { marks.values.filter { !busy.contains($0.position) }.map(\.dueAt).min() }

    /// What is due, the oldest first; of a stream that is set aside only its first event.
    func due(at now: Instant) -> [ReactorMark] {
        marks.values.filter { $0.dueAt <= now && !busy.contains($0.position) }.sorted { $0.position < $1.position }
    }

    func mark(at position: Int64) -> ReactorMark? { marks[position] }

    /// The mark with which a stream asks to be looked at again.
    func waiting(in stream: UUID) -> ReactorMark? {
        marks.values.first { $0.streamID == stream && !$0.setsAside }
    }

    func isAside(_ stream: UUID) -> Bool { aside[stream] != nil }

    /// An event of a stream that is set aside was passed over.
    mutating func passOver(_ event: Event) {
        guard let last = aside[event.streamID] else { return }
        aside[event.streamID] = max(last, event.position)
    }

    mutating func put(_ mark: ReactorMark) {
        marks[mark.position] = mark
        if mark.setsAside { aside[mark.streamID] = max(aside[mark.streamID] ?? -1, mark.position) }
    }

    mutating func remove(_ position: Int64) {
        busy.remove(position)
        guard let mark = marks.removeValue(forKey: position), mark.setsAside,
            !marks.values.contains(where: { $0.setsAside && $0.streamID == mark.streamID })
        else { return }
        aside[mark.streamID] = nil
    }

    mutating func begin(_ position: Int64) { busy.insert(position) }
    mutating func end(_ position: Int64) { busy.remove(position) }

    /// After a new process has begun to lead, it tries at once what the last one could not.
    mutating func retryFailures(at now: Instant) {
        for (position, mark) in marks where mark.reason != nil { marks[position]?.dueAt = min(mark.dueAt, now) }
    }
}
