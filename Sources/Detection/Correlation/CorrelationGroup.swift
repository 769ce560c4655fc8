/// What one correlation remembers of the records whose fields agree, and the windows in which it holds.
struct CorrelationGroup: Sendable {
    /// The values of `group-by`.
    let key: [String]
    /// One for each rule where the rules are to be told apart, otherwise one.
    var tracks: [CorrelationTrack]
    var episodes = CorrelationEpisodes()
    /// After which time its next silence may begin, while a timer runs for it.
    var awaited: Int64?
    /// Tells when something was last added.
    var stamp = 0

    var entryCount: Int { tracks.reduce(0) { $0 + $1.count } }
    var isEmpty: Bool { entryCount == 0 && episodes.count == 0 }

    /// Takes away the entry of the earliest event time.
    mutating func removeOldest() {
        let oldest = tracks.indices.min { (tracks[$0].first?.time ?? .max) < (tracks[$1].first?.time ?? .max) }
        if let oldest { tracks[oldest].removeFirst() }
    }

    /// A window in which a correlation holds.
    struct Window {
        /// Time of the earliest entry that can belong to it. Where not all entries are told, it is not the earliest of
        /// those: a record that comes late may make a window longer, never shorter.
        let start: Int64
        /// Time of its last entry.
        let end: Int64
        let count: Int
        var measured: Quantity?
        /// Event time of the earliest record at the bottom of the window.
        let first: Int64
        /// Digest of the record that ends it; empty where several do.
        let record: String
        let entries: ArraySlice<CorrelationEntry>
    }

    /// The windows that hold and end where they may hold because of entries that came at `arrived`.
    ///
    /// An entry is part of the windows that end with it or up to a timespan later, so all of these are looked at, in
    /// the order of time. Entries of one time end one window.
    func windows(_ correlation: SigmaCorrelation, span: Int64, arrived: [Int64]) -> [Window] {
        var ends: Set<Int64> = []
        for time in arrived {
            for track in correlation.kind == .temporalOrdered ? tracks.suffix(1) : tracks[...] {
                ends.formUnion(track.times(from: time, through: time + span))
            }
        }
        let sorted = ends.sorted()
        switch correlation.kind {
        case .eventCount(let bounds): return counted(sorted, span: span, bounds)
        case .valueCount(_, let bounds): return valued(sorted, span: span, bounds)
        case .measure(let statistic, _, let bounds): return measured(sorted, span: span, statistic, bounds)
        case .temporal(let bounds): return sorted.compactMap { near($0, span: span, bounds) }
        case .temporalOrdered: return sorted.compactMap { ordered($0, span: span) }
        }
    }

    private func counted(_ ends: [Int64], span: Int64, _ bounds: [SigmaCorrelation.Bound]) -> [Window] {
        ends.compactMap { end in
            let places = tracks[0].places(from: end - span, through: end)
            let count = tracks[0].records(in: places)
            return bounds.allSatisfy { $0.holds(count) } ? window(places, end: end, count: count) : nil
        }
    }

    private func valued(_ ends: [Int64], span: Int64, _ bounds: [SigmaCorrelation.Bound]) -> [Window] {
        var counts: [String: Int] = [:]
        var held = 0..<0
        var result: [Window] = []
        for end in ends {
            let places = tracks[0].places(from: end - span, through: end)
            for entry in tracks[0][max(held.upperBound, places.lowerBound)..<places.upperBound] {
                for value in entry.content.values { counts[value, default: 0] += 1 }
            }
            for entry in tracks[0][held.lowerBound..<min(held.upperBound, max(held.lowerBound, places.lowerBound))] {
                for value in entry.content.values {
                    counts[value, default: 0] -= 1
                    if counts[value] == 0 { counts[value] = nil }
                }
            }
            held = places
            let count = counts.count
            if bounds.allSatisfy({ $0.holds(count) }) { result.append(window(places, end: end, count: count)) }
        }
        return result
    }

    func window(_ places: Range<Int>, end: Int64, count: Int, measured: Quantity? = nil) -> Window {
        let entries = tracks[0][places]
        return Window(
            start: entries.first?.time ?? end, end: end, count: count, measured: measured,
            first: entries.reduce(end) { min($0, $1.first) }, record: recordAlone(at: end, in: tracks[...]),
            entries: entries)
    }

    /// Rules within the timespan: of each rule the latest entry up to the end is as good as any.
    private func near(_ end: Int64, span: Int64, _ bounds: [SigmaCorrelation.Bound]) -> Window? {
        var chosen: [CorrelationEntry] = []
        for track in tracks {
            guard let place = track.places(from: end - span, through: end).last else { continue }
            chosen.append(track[place])
        }
        guard bounds.isEmpty ? chosen.count == tracks.count : bounds.allSatisfy({ $0.holds(chosen.count) }) else {
            return nil
        }
        return window(chosen.sorted { $0.time < $1.time }, end: end, span: span, begun: tracks[...], ended: tracks[...])
    }

    private func ordered(_ end: Int64, span: Int64) -> Window? {
        CorrelationSteps.latest(tracks, end: end, span: span)
            .map { window($0, end: end, span: span, begun: tracks.prefix(1), ended: tracks.suffix(1)) }
    }

    private func window(
        _ entries: [CorrelationEntry], end: Int64, span: Int64, begun: ArraySlice<CorrelationTrack>,
        ended: ArraySlice<CorrelationTrack>
    ) -> Window {
        let start = begun.reduce(end) { start, track in
            track.places(from: end - span, through: end).first.map { min(start, track[$0].time) } ?? start
        }
        return Window(
            start: start, end: end, count: entries.count, first: entries.reduce(end) { min($0, $1.first) },
            record: recordAlone(at: end, in: ended), entries: entries[...])
    }

    private func recordAlone(at time: Int64, in tracks: ArraySlice<CorrelationTrack>) -> String {
        var record: String?
        for track in tracks {
            for entry in track[track.places(from: time, through: time)].prefix(2) {
                if let record, record != entry.content.record { return "" }
                record = entry.content.record
            }
        }
        return record ?? ""
    }
}
