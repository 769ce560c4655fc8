/// Sums, averages and percentiles of the numbers in a window.
extension CorrelationGroup {
    func measured(
        _ ends: [Int64], span: Int64, _ statistic: SigmaCorrelation.Statistic, _ bounds: [SigmaCorrelation.Bound]
    ) -> [Window] {
        guard let last = ends.last, let first = ends.first else { return [] }
        let all = tracks[0].places(from: first - span, through: last)
        var meter = Meter(statistic, of: tracks[0][all])
        var held = all.lowerBound..<all.lowerBound
        var result: [Window] = []
        for end in ends {
            let places = tracks[0].places(from: end - span, through: end)
            for entry in tracks[0][held.upperBound..<places.upperBound] { meter.add(entry) }
            for entry in tracks[0][held.lowerBound..<places.lowerBound] { meter.remove(entry) }
            held = places
            guard let value = meter.value(bounds) else { continue }
            result.append(window(places, end: end, count: tracks[0].records(in: places), measured: value))
        }
        return result
    }

    /// The numbers of the entries that are in it.
    struct Meter {
        private let statistic: SigmaCorrelation.Statistic
        private var count = 0
        private var sum: Int128 = 0
        private var ranks: RankTree?

        /// - Parameter entries: all that will be added.
        init(_ statistic: SigmaCorrelation.Statistic, of entries: ArraySlice<CorrelationEntry>) {
            self.statistic = statistic
            guard case .percentile = statistic else { return }
            ranks = RankTree(entries.lazy.flatMap { $0.content.measures.map(\.number.millionths) })
        }

        mutating func add(_ entry: CorrelationEntry) { put(entry, times: entry.count) }

        mutating func remove(_ entry: CorrelationEntry) { put(entry, times: -entry.count) }

        /// A sum cannot leave 128 bits (`Quantity`), so wrapping is only there for what nobody computed.
        private mutating func put(_ entry: CorrelationEntry, times: Int) {
            for measure in entry.content.measures {
                count += times
                sum &+= measure.number.millionths &* Int128(times)
                ranks?.add(measure.number.millionths, times: times)
            }
        }

        /// What the bounds hold for; `nil` where they do not. Only a sum is a number where there is none.
        func value(_ bounds: [SigmaCorrelation.Bound]) -> Quantity? {
            switch statistic {
            case .sum:
                return bounds.allSatisfy { $0.holds(sum, among: 1) } ? Quantity(millionths: sum) : nil
            case .average:
                guard count > 0, bounds.allSatisfy({ $0.holds(sum, among: count) }) else { return nil }
                return Quantity(millionths: sum / Int128(count))
            case .percentile(let rank):
                guard count > 0, let ranks else { return nil }
                let hundred = Quantity(100).millionths
                let place = (rank.millionths * Int128(count) + hundred - 1) / hundred
                let number = ranks.number(at: max(1, min(count, Int(place))))
                return bounds.allSatisfy { $0.holds(number, among: 1) } ? Quantity(millionths: number) : nil
            }
        }
    }
}
