/// When windows that may hold for what is not in them are over: at most one time for each group that counts, so that a
/// flood of records into one group is no flood of timers.
struct CorrelationTimers: Sendable {
    /// A group and the time after which its silence may have begun.
    struct Timer: Sendable {
        let due: Int64
        let group: Int
        let start: Int64
    }

    /// By `due`; what was overtaken by an earlier one, or whose group is gone, stays until it is met.
    private var queue = Timeline<Timer>()

    var next: Int64? { queue.isEmpty ? nil : queue[0].due }
    var count: Int { queue.count }

    mutating func add(_ timer: Timer) {
        queue.insert(timer, at: queue.place { $0.due > timer.due })
    }

    /// Takes the first one out if it is due at a time.
    mutating func pop(at due: Int64) -> Timer? {
        guard let first = queue.isEmpty ? nil : queue[0], first.due <= due else { return nil }
        queue.remove(at: 0)
        return first
    }

    mutating func keep(where isValid: (Timer) -> Bool) {
        var kept = Timeline<Timer>()
        for timer in queue[0..<queue.count] where isValid(timer) { kept.append(timer) }
        queue = kept
    }
}
