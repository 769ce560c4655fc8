package import struct Foundation.UUID

/// Which positions are being worked on, so that a checkpoint never passes unfinished work. No I/O: the follower asks.
///
/// Events of one key (a case) are handled one after the other, those of different keys may overlap.
package struct CompletionWindow: Sendable {
    private var unfinished: Set<Int64> = []
    private var queues: [UUID: [Int64]] = [:]
    /// The first position that has not been seen.
    package private(set) var next: Int64
    package let limit: Int

    package init(next: Int64, limit: Int) {
        self.next = next
        self.limit = limit
    }

    package var hasRoom: Bool { unfinished.count < limit }
    package var isIdle: Bool { unfinished.isEmpty }

    /// Everything before this is done: where to go on after a crash.
    package var checkpoint: Int64 { unfinished.min() ?? next }

    /// A position that needs no work.
    package mutating func skip(to position: Int64) {
        next = max(next, position)
    }

    /// - Returns: whether the work may start now; otherwise it waits for the one before it with the same key.
    package mutating func add(_ position: Int64, key: UUID) -> Bool {
        next = max(next, position + 1)
        unfinished.insert(position)
        queues[key, default: []].append(position)
        return queues[key]?.count == 1
    }

    /// A position before the checkpoint that is worked on again: it waits its turn, and the checkpoint does not wait for it.
    ///
    /// - Returns: whether the work may start now.
    package mutating func addAgain(_ position: Int64, key: UUID) -> Bool {
        queues[key, default: []].append(position)
        return queues[key]?.count == 1
    }

    /// - Returns: the position of the same key that may start now.
    package mutating func finish(_ position: Int64, key: UUID) -> Int64? {
        unfinished.remove(position)
        if let index = queues[key]?.firstIndex(of: position) { queues[key]?.remove(at: index) }
        if let following = queues[key]?.first { return following }
        queues[key] = nil
        return nil
    }
}
