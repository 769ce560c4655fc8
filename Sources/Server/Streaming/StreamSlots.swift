import Synchronization

/// How many event streams are open. Each holds a task and a connection, so there is an end to them.
final class StreamSlots: Sendable {
    let maximum: Int
    private let taken = Mutex(0)

    init(maximum: Int) {
        self.maximum = maximum
    }

    var open: Int { taken.withLock { $0 } }

    /// - Returns: a place, given back when it is let go; `nil` when all are taken.
    func enter() -> StreamSlot? {
        taken.withLock { taken in
            guard taken < maximum else { return nil }
            taken += 1
            return StreamSlot(of: self)
        }
    }

    fileprivate func leave() { taken.withLock { $0 -= 1 } }
}

/// A place among the open streams. Lives as long as the answer that holds it, written or not.
final class StreamSlot: Sendable {
    private let slots: StreamSlots

    fileprivate init(of slots: StreamSlots) { self.slots = slots }

    deinit { slots.leave() }
}
