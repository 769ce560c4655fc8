import Synchronization

/// How many of something costly are under way: event streams, large bodies. There is an end to them.
final class Slots: Sendable {
    let maximum: Int
    private let taken = Mutex(0)

    init(maximum: Int) {
        self.maximum = maximum
    }

    var open: Int { taken.withLock { $0 } }

    /// - Returns: a place, given back when it is let go; `nil` when all are taken.
    func enter() -> Slot? {
        taken.withLock { taken in
            guard taken < maximum else { return nil }
            taken += 1
            return Slot(of: self)
        }
    }

    fileprivate func leave() { taken.withLock { $0 -= 1 } }
}

/// A place among them. Lives as long as the answer that holds it, written or not.
final class Slot: Sendable {
    private let slots: Slots

    fileprivate init(of slots: Slots) { self.slots = slots }

    deinit { slots.leave() }
}
