import Synchronization

/// Engines by the groups of rules that are in them, each made when it is first needed.
///
/// There are as many as there are different combinations of log sources in the rules, whatever records say.
final class EngineSlots: Sendable {
    /// The slot without rules.
    static let empty = 0

    /// One engine, with a lock of its own: whoever needs it as well waits while it is made, and nobody else does.
    private final class Slot: Sendable {
        let groups: [Int]
        let engine = Mutex<EventEngine?>(nil)

        init(_ groups: [Int]) { self.groups = groups }
    }

    private struct State {
        var numbers: [[Int]: Int] = [[]: EngineSlots.empty]
        var slots = [Slot([])]
    }

    private let state = Mutex(State())

    /// The slot of some groups of rules.
    func number(of groups: [Int]) -> Int {
        state.withLock { state in
            if let known = state.numbers[groups] { return known }
            state.numbers[groups] = state.slots.count
            state.slots.append(Slot(groups))
            return state.slots.count - 1
        }
    }

    /// The engine of a slot; `nil` where there are no rules.
    func engine(_ number: Int, make: ([Int]) -> EventEngine) -> EventEngine? {
        if number == Self.empty { return nil }
        let slot = state.withLock { $0.slots[number] }
        return slot.engine.withLock { engine in
            if engine == nil { engine = make(slot.groups) }
            return engine
        }
    }
}
