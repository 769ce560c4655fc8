import Synchronization

/// Engines by the groups of rules that are in them, each made when it is first needed.
///
/// There are as many as there are different combinations of log sources in the rules, whatever records say.
final class EngineSlots: Sendable {
    /// The slot without rules.
    static let empty = 0

    private struct State {
        var numbers: [[Int]: Int] = [[]: EngineSlots.empty]
        var groups: [[Int]] = [[]]
        var engines: [EventEngine?] = [nil]
    }

    private let state = Mutex(State())

    /// The slot of some groups of rules.
    func number(of groups: [Int]) -> Int {
        state.withLock { state in
            if let known = state.numbers[groups] { return known }
            state.numbers[groups] = state.groups.count
            state.groups.append(groups)
            state.engines.append(nil)
            return state.groups.count - 1
        }
    }

    /// The engine of a slot. Whoever needs it as well waits while it is made.
    func engine(_ slot: Int, make: ([Int]) -> EventEngine) -> EventEngine? {
        state.withLock { state in
            if slot == Self.empty { return nil }
            if let known = state.engines[slot] { return known }
            let made = make(state.groups[slot])
            state.engines[slot] = made
            return made
        }
    }
}
