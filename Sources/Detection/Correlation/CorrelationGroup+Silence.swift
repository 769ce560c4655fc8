/// Windows that hold for what is not in them.
extension CorrelationGroup {
    /// When the next silence may begin: the time of the first entry after `time` that came on time.
    func nextOnTime(after time: Int64) -> Int64? { tracks.compactMap { $0.nextOnTime(after: time) }.min() }

    /// Whether a silence that began at a time still has an entry there: it may have gone, or have another time now.
    func hasOnTime(at time: Int64) -> Bool { nextOnTime(after: time - 1) == time }

    /// The window after a time, that time itself excluded, through its end, where the condition holds in it.
    ///
    /// What it tells begins with the entry that it comes after: that is when something was last there.
    func silence(_ correlation: SigmaCorrelation, after start: Int64, through end: Int64) -> Window? {
        let places = tracks.map { $0.places(from: start + 1, through: end) }
        let inside = zip(tracks, places).flatMap { $0[$1] }
        let count: Int
        var measured: Quantity?
        switch correlation.kind {
        case .eventCount: count = zip(tracks, places).reduce(0) { $0 + $1.0.records(in: $1.1) }
        case .valueCount: count = inside.reduce(into: Set<String>()) { $0.formUnion($1.content.values) }.count
        case .temporal: count = places.count { !$0.isEmpty }
        case .measure(let statistic, _, let bounds):
            var meter = Meter(statistic, of: inside[...])
            for entry in inside { meter.add(entry) }
            measured = meter.value(bounds)
            if measured == nil { return nil }
            count = zip(tracks, places).reduce(0) { $0 + $1.0.records(in: $1.1) }
        case .temporalOrdered: return nil
        }
        guard measured != nil || correlation.bounds.allSatisfy({ $0.holds(count) }) else { return nil }
        let before = tracks.flatMap { $0[$0.places(from: start, through: start)] }
        let entries = (before + inside).sorted { $0.isBefore($1.time, $1.content.identity) }
        return Window(
            start: start, end: end, count: count, measured: measured,
            first: entries.reduce(start) { min($0, $1.first) },
            record: "", entries: entries[...])
    }
}
