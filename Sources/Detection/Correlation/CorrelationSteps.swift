/// The search of `temporal_ordered`: one entry of each rule in the order of the rules, each another record.
enum CorrelationSteps {
    /// The sequence that ends at a time and begins as late as can be; `nil` where none fits into the timespan.
    ///
    /// As a beginning any earlier entry of the first rule would do as well. Backwards each rule takes its latest entry. Only entries of one time can be the same record, so at each time as
    /// many rules as possible are given records of their own: what is settled there need not be found before.
    static func latest(_ tracks: [CorrelationTrack], end: Int64, span: Int64) -> [CorrelationEntry]? {
        var steps: [CorrelationEntry] = []
        var bound = end
        var left = tracks.count
        while left > 0 {
            let track = tracks[left - 1]
            guard let place = track.places(from: end - span, through: bound).last else { return nil }
            let time = track[place].time
            if steps.isEmpty && time != end { return nil }
            var moment = Moment()
            while left > 0, moment.add(candidates(tracks[left - 1], at: time, atMost: tracks.count)) { left -= 1 }
            steps += moment.chosen
            bound = time - 1
        }
        return steps.reversed()
    }

    /// Entries of one time, each for another record. As many as there are rules are enough: one of them is always left.
    private static func candidates(
        _ track: CorrelationTrack, at time: Int64, atMost limit: Int
    ) -> [CorrelationEntry] {
        var seen: Set<String> = []
        var result: [CorrelationEntry] = []
        for entry in track[track.places(from: time, through: time)] where result.count < limit {
            if entry.content.record.isEmpty || seen.insert(entry.content.record).inserted { result.append(entry) }
        }
        return result
    }

    /// Rules that are to have records of their own at one time: a matching in a bipartite graph, by augmenting paths.
    private struct Moment {
        private var candidates: [[CorrelationEntry]] = []
        private var choice: [Int] = []

        var chosen: [CorrelationEntry] { zip(candidates, choice).map { $0[$1] } }

        /// Gives a further rule a record, moving others to other records where that helps.
        mutating func add(_ entries: [CorrelationEntry]) -> Bool {
            candidates.append(entries)
            choice.append(-1)
            var seen: Set<String> = []
            if place(candidates.count - 1, &seen) { return true }
            candidates.removeLast()
            choice.removeLast()
            return false
        }

        private mutating func place(_ rule: Int, _ seen: inout Set<String>) -> Bool {
            for (index, entry) in candidates[rule].enumerated() {
                let record = entry.content.record
                if !record.isEmpty {
                    guard seen.insert(record).inserted else { continue }
                    if let holder = holder(of: record), !place(holder, &seen) { continue }
                }
                choice[rule] = index
                return true
            }
            return false
        }

        private func holder(of record: String) -> Int? {
            choice.indices.first { choice[$0] >= 0 && candidates[$0][choice[$0]].content.record == record }
        }
    }
}
