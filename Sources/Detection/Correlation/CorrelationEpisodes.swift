/// The windows of a group's hits, by which a further hit is known to belong to what was told already.
///
/// Windows are not melted into one: each is forgotten by its own arrival, so that what is remembered depends on nothing
/// but the inputs of a limited time. A chain of windows that touch is as good as one.
struct CorrelationEpisodes: Sendable {
    private struct Window: Sendable {
        let first: Int64
        let last: Int64
        let arrival: Int64
    }

    /// By their ends.
    private var windows = Timeline<Window>()
    var count: Int { windows.count }

    /// Whether a window lies within `span` of a remembered one.
    func touch(first: Int64, last: Int64, span: Int64) -> Bool {
        var place = windows.place { $0.last >= first - span }
        while place < windows.count, windows[place].last <= last + 2 * span {
            if windows[place].first <= last + span { return true }
            place += 1
        }
        return false
    }

    /// Remembers a window; those of the same end that it covers need not be kept any longer.
    mutating func add(first: Int64, last: Int64, arrival: Int64) {
        var place = windows.place { $0.last >= last }
        while place < windows.count, windows[place].last == last {
            if windows[place].first >= first { windows.remove(at: place) } else { place += 1 }
        }
        windows.insert(Window(first: first, last: last, arrival: arrival), at: place)
    }

    mutating func forget(last: Int64, arrivedThrough arrival: Int64) {
        var place = windows.place { $0.last >= last }
        while place < windows.count, windows[place].last == last {
            if windows[place].arrival <= arrival { windows.remove(at: place) } else { place += 1 }
        }
    }

    mutating func removeFirst() { windows.remove(at: 0) }
}
