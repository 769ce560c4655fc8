/// The entries of one group that came from one rule of a correlation over time, or from any rule of one that counts.
struct CorrelationTrack: Sendable {
    private var entries = Timeline<CorrelationEntry>()
    /// Event time by identity: finds an entry that comes again.
    private var times: [String: Int64] = [:]
    /// Records that entries stand for beyond one each.
    private var surplus = 0

    var count: Int { entries.count }
    var first: CorrelationEntry? { entries.isEmpty ? nil : entries[0] }
    subscript(range: Range<Int>) -> ArraySlice<CorrelationEntry> { entries[range] }
    subscript(index: Int) -> CorrelationEntry { entries[index] }

    /// Places of the entries in a stretch of time, both ends included.
    func places(from start: Int64, through end: Int64) -> Range<Int> {
        let low = entries.place { $0.time >= start }
        return low..<max(low, entries.place { $0.time > end })
    }

    func records(in places: Range<Int>) -> Int {
        surplus == 0 ? places.count : entries[places].reduce(0) { $0 + $1.count }
    }

    /// The different times of entries in a stretch of time.
    func times(from start: Int64, through end: Int64) -> [Int64] {
        var result: [Int64] = []
        for entry in entries[places(from: start, through: end)] where entry.time != result.last {
            result.append(entry.time)
        }
        return result
    }

    /// Adds an entry; one of the same identity goes.
    /// - Returns: whether there was none.
    mutating func put(_ entry: CorrelationEntry) -> Bool {
        var entry = entry
        var isNew = true
        if let place = place(of: entry.content.identity) {
            isNew = false
            // What was on time stays so when it is sent again.
            if entries[place].time == entry.time, entries[place].isOnTime { entry.isOnTime = true }
            remove(at: place)
        }
        let place = entries.place { !$0.isBefore(entry.time, entry.content.identity) }
        entries.insert(entry, at: place)
        times[entry.content.identity] = entry.time
        surplus += entry.count - 1
        return isNew
    }

    /// Takes away an entry that did not come again after `arrival`.
    mutating func forget(_ identity: String, arrivedThrough arrival: Int64) -> Bool {
        guard let place = place(of: identity), entries[place].arrival <= arrival else { return false }
        remove(at: place)
        return true
    }

    mutating func removeFirst() { remove(at: 0) }

    /// The time of the first entry after `time` that was on time.
    func nextOnTime(after time: Int64) -> Int64? {
        var place = entries.place { $0.time > time }
        while place < entries.count {
            if entries[place].isOnTime { return entries[place].time }
            place += 1
        }
        return nil
    }

    private func place(of identity: String) -> Int? {
        times[identity].map { time in entries.place { !$0.isBefore(time, identity) } }
    }

    private mutating func remove(at place: Int) {
        let entry = entries[place]
        surplus -= entry.count - 1
        times[entry.content.identity] = nil
        entries.remove(at: place)
    }
}
