import Detection

/// Correlations as the text of the semantics has them: everything that ever came is kept, and each input is answered
/// from the whole of it, by trying all there is. Reads rules by their names (`id-` and the name is the id).
struct NaiveCorrelator {
    struct Fact {
        let group: [String]
        /// The rule's place where rules are told apart.
        let track: Int
        let identity: String
        let time: Int64
        let arrival: Int64
        let count: Int
        let record: String
        var values: Set<[String]>
        /// Numbers by the names of their fields.
        var numbers: [String: [Double]]
        let first: Int64
        let digests: Set<Dated>
        var rules: Set<String>
        /// Whether it, or the same before, came so soon that a silence after it can be told.
        var isOnTime = false
    }

    private struct Key: Hashable {
        let group: [String]
        let track: Int
        let identity: String
    }

    struct Dated: Hashable {
        let time: Int64
        let digest: String
    }

    struct Window {
        let group: [String]
        let start: Int64
        let end: Int64
        let count: Int
        var measured: Double?
        let record: String
        let first: Int64
        let digests: Set<Dated>
        let rules: Set<String>
    }

    private struct Told {
        let group: [String]
        let start: Int64
        let end: Int64
        let arrival: Int64
    }

    /// Each after those that it refers to.
    let correlations: [SigmaCorrelation]
    let lateness: Int64
    let activeSince: [String: Int64]
    private var now = Int64.min / 4
    private var facts: [[Fact]]
    private var told: [[Told]]
    /// How late what each counts may come.
    private var patience: [Int64] = []

    init(_ correlations: [SigmaCorrelation], lateness: Int64, activeSince: [String: Int64] = [:]) {
        self.correlations = correlations
        self.lateness = lateness
        self.activeSince = activeSince
        facts = correlations.map { _ in [] }
        told = correlations.map { _ in [] }
        // An absence below is only told when its window can no longer be filled.
        for correlation in correlations {
            patience.append(
                correlation.rules.reduce(correlation.docket?.latenessSeconds.map { Int64($0) * 1_000_000 } ?? lateness)
                {
                    late, rule in
                    guard let inner = correlations.firstIndex(where: { $0.id == rule }) else { return late }
                    return max(late, patience[inner] + (correlations[inner].isAbsence ? 1 : 0))
                })
        }
    }

    private func span(_ place: Int) -> Int64 { Int64(correlations[place].timespanSeconds) * 1_000_000 }

    private func memory(_ place: Int) -> Int64 {
        span(place) + patience[place] + (correlations[place].isAbsence ? 1 : 0)
    }

    private func isCount(_ place: Int) -> Bool {
        switch correlations[place].kind {
        case .eventCount, .valueCount, .measure: true
        case .temporal, .temporalOrdered: false
        }
    }

    private func isTold(_ id: String) -> Bool {
        let referring = correlations.filter { $0.rules.contains(id) }
        return referring.isEmpty || referring.contains(where: \.generate)
    }

    /// The new matches by the place of their correlation.
    mutating func consume(_ input: CorrelationInput) -> [(place: Int, window: Window)] {
        var result = advance(to: input.arrivedAt)
        var hits: [String: [Window]] = [:]
        for place in correlations.indices { result += take(place, input, at: input.arrivedAt, &hits) }
        return result
    }

    /// The matches of windows that are over by then and hold for what is not in them.
    mutating func advance(to instant: Int64) -> [(place: Int, window: Window)] {
        var result: [(Int, Window)] = []
        while let due = correlations.indices.flatMap({ dues($0) }).filter({ $0 > now && $0 <= instant }).min() {
            var hits: [String: [Window]] = [:]
            for place in correlations.indices {
                for window in silences(place, at: due) {
                    hits[correlations[place].id, default: []].append(window)
                    guard due >= activeSince[correlations[place].id] ?? .min else { continue }
                    if tell(window, place, at: due) { result.append((place, window)) }
                }
                result += take(place, nil, at: due, &hits)
            }
            now = due
        }
        now = max(now, instant)
        return result
    }

    private mutating func take(
        _ place: Int, _ input: CorrelationInput?, at now: Int64, _ hits: inout [String: [Window]]
    ) -> [(place: Int, window: Window)] {
        var new = newFacts(place, input, at: now, hits)
        for index in new.indices {
            let fact = new[index]
            let before = facts[place].last {
                $0.group == fact.group && $0.track == fact.track && $0.identity == fact.identity
            }
            new[index].isOnTime =
                fact.arrival <= fact.time + patience[place] || before?.time == fact.time && before?.isOnTime == true
        }
        facts[place] += new
        if correlations[place].isAbsence { return [] }
        var result: [(Int, Window)] = []
        for window in windows(place, at: now, touchedBy: new) {
            hits[correlations[place].id, default: []].append(window)
            if tell(window, place, at: now) { result.append((place, window)) }
        }
        return result
    }

    private mutating func tell(_ window: Window, _ place: Int, at now: Int64) -> Bool {
        guard isTold(correlations[place].id) else { return false }
        let isKnown = told[place].contains { other in
            other.group == window.group && now - other.arrival <= memory(place)
                && other.start <= window.end + span(place) && window.start <= other.end + span(place)
        }
        told[place].append(Told(group: window.group, start: window.start, end: window.end, arrival: now))
        return !isKnown
    }

    /// When windows after records, or after the beginning, are over.
    private func dues(_ place: Int) -> [Int64] {
        guard correlations[place].isAbsence else { return [] }
        let delay = span(place) + patience[place] + 1
        let open = facts[place].filter { $0.isOnTime && $0.time + delay > now }
        return open.map { $0.time + delay } + beginning(place).map { $0 + delay }
    }

    private func beginning(_ place: Int) -> [Int64] {
        guard correlations[place].groupBy.isEmpty else { return [] }
        return activeSince[correlations[place].id].map { [$0] } ?? []
    }

    private func silences(_ place: Int, at due: Int64) -> [Window] {
        guard correlations[place].isAbsence else { return [] }
        let start = due - span(place) - patience[place] - 1
        let alive = alive(place, at: due)
        var groups: [[String]] = beginning(place).contains(start) ? [[]] : []
        for fact in alive where fact.isOnTime && fact.time == start && !groups.contains(fact.group) {
            groups.append(fact.group)
        }
        return groups.compactMap { group in
            let own = alive.filter { $0.group == group }
            let inside = own.filter { start < $0.time && $0.time <= start + span(place) }
            let before = own.filter { $0.time == start }
            let (count, measured) = number(place, inside)
            guard let count, holds(place, count, measured, inside) else { return nil }
            return Window(
                group: group, start: start, end: start + span(place), count: count, measured: measured, record: "",
                first: (before + inside).map(\.first).min().map { min($0, start) } ?? start,
                digests: (before + inside).reduce(into: []) { $0.formUnion($1.digests) },
                rules: (before + inside).reduce(into: []) { $0.formUnion($1.rules) })
        }
    }

    /// What a condition compares with, where it is a count, and where it is measured what that is.
    private func number(_ place: Int, _ inside: [Fact]) -> (Int?, Double?) {
        let records = inside.reduce(0) { $0 + $1.count }
        switch correlations[place].kind {
        case .eventCount: return (records, nil)
        case .valueCount: return (inside.reduce(into: Set<[String]>()) { $0.formUnion($1.values) }.count, nil)
        case .temporal: return (Set(inside.map(\.track)).count, nil)
        case .temporalOrdered: return (nil, nil)
        case .measure(let statistic, _, _):
            let numbers = inside.flatMap { fact in
                Array(repeating: fact.numbers.values.flatMap { $0 }, count: fact.count).flatMap { $0 }
            }.sorted()
            switch statistic {
            case .sum: return (records, numbers.reduce(0, +))
            case .average: return (records, numbers.isEmpty ? nil : numbers.reduce(0, +) / Double(numbers.count))
            case .percentile(let rank):
                guard !numbers.isEmpty else { return (records, nil) }
                let share = Double(rank.description) ?? 0
                return (
                    records,
                    numbers.first { one in
                        Double(numbers.count { $0 <= one }) * 100 >= share * Double(numbers.count)
                    }
                )
            }
        }
    }

    private func holds(_ place: Int, _ count: Int, _ measured: Double?, _ inside: [Fact]) -> Bool {
        switch correlations[place].kind {
        case .eventCount(let bounds), .valueCount(_, let bounds): return bounds.allSatisfy { $0.holds(count) }
        case .temporal(let bounds):
            return bounds.isEmpty
                ? count == correlations[place].rules.count : bounds.allSatisfy { $0.holds(count) }
        case .temporalOrdered: return false
        case .measure(_, _, let bounds):
            guard let measured else { return false }
            return bounds.allSatisfy { bound in
                let limit = Double(bound.limit.description) ?? .nan
                return switch bound.comparison {
                case .gt: measured > limit
                case .gte: measured >= limit
                case .lt: measured < limit
                case .lte: measured <= limit
                case .eq: measured == limit
                case .neq: measured != limit
                }
            }
        }
    }

    /// All windows in which a correlation holds with everything known.
    func windows(_ place: Int, at now: Int64) -> [Window] {
        windows(place, at: now, touchedBy: facts[place])
    }

    private func newFacts(
        _ place: Int, _ input: CorrelationInput?, at now: Int64, _ hits: [String: [Window]]
    ) -> [Fact] {
        let correlation = correlations[place]
        var new: [Fact] = []
        for (index, rule) in correlation.rules.enumerated() {
            let track = isCount(place) ? 0 : index
            func name(_ field: String) -> String { correlation.aliases[field]?[rule] ?? field }
            var counted: [String] = []
            if case .valueCount(let fields, _) = correlation.kind { counted = fields }
            var measured: String?
            if case .measure(_, let field, _) = correlation.kind { measured = name(field) }
            func time(_ time: Int64) -> Int64 { correlation.isAbsence ? min(time, now) : time }
            if let input, input.rules.contains("id-\(rule)") {
                let values = combinations(counted.map { input.fields[name($0)] ?? [] })
                if values.isEmpty { continue }
                var numbers: [String: [Double]] = [:]
                if let measured {
                    numbers[measured] = (input.fields[measured] ?? []).compactMap { Double($0) }
                    if numbers[measured]?.isEmpty == true { continue }
                }
                for group in combinations(correlation.groupBy.map { input.fields[name($0)] ?? [] }) {
                    let dated = Dated(time: input.occurredAt, digest: input.digest)
                    var fact = Fact(
                        group: group, track: track, identity: input.digest, time: time(input.occurredAt),
                        arrival: now, count: input.count, record: input.digest, values: Set(values),
                        numbers: numbers, first: input.occurredAt, digests: [dated], rules: ["id-\(rule)"])
                    if let same = new.firstIndex(where: {
                        $0.group == group && $0.track == track && $0.identity == input.digest
                    }) {
                        let other = new.remove(at: same)
                        fact.values.formUnion(other.values)
                        fact.numbers.merge(other.numbers) { $1 }
                        fact.rules.formUnion(other.rules)
                    }
                    new.append(fact)
                }
            }
            for hit in hits[rule] ?? [] {
                let inner = correlations.first { $0.id == rule }
                func value(_ field: String) -> String {
                    hit.group[inner?.groupBy.firstIndex(of: name(field)) ?? 0]
                }
                var numbers: [String: [Double]] = [:]
                if let measured {
                    guard let field = measured.isEmpty ? nil : Double(value(measured)) else { continue }
                    numbers[measured] = [field]
                }
                new.append(
                    Fact(
                        group: correlation.groupBy.map(value), track: track,
                        identity: "hit of \(rule) \(hit.group) \(hit.end)", time: time(hit.end), arrival: now,
                        count: 1, record: hit.record, values: [counted.map(value)], numbers: numbers,
                        first: hit.first, digests: hit.digests, rules: hit.rules))
            }
        }
        return new
    }

    private func combinations(_ fields: [[String]]) -> [[String]] {
        fields.reduce([[]]) { heads, values in
            heads.flatMap { head in values.map { head + [$0] } }
        }
    }

    /// What has not been forgotten; of what came again only the last.
    private func alive(_ place: Int, at now: Int64) -> [Fact] {
        var latest: [Key: Fact] = [:]
        let memory = memory(place)
        for fact in facts[place] where now - fact.arrival <= memory {
            latest[Key(group: fact.group, track: fact.track, identity: fact.identity)] = fact
        }
        return Array(latest.values)
    }

    private func windows(_ place: Int, at now: Int64, touchedBy new: [Fact]) -> [Window] {
        let latest = alive(place, at: now)
        var groups: [[String]] = []
        for fact in new where !groups.contains(fact.group) { groups.append(fact.group) }
        return groups.flatMap { group in
            let alive = latest.filter { $0.group == group }
            let ends = Set(alive.map(\.time)).filter { end in
                new.contains { $0.group == group && $0.time <= end && end <= $0.time + span(place) }
            }
            return ends.sorted().compactMap { window(place, group, Array(alive), end: $0) }
        }
    }

    private func window(_ place: Int, _ group: [String], _ alive: [Fact], end: Int64) -> Window? {
        let correlation = correlations[place]
        let inside = alive.filter { end - span(place) <= $0.time && $0.time <= end }
        var ending = inside.filter { $0.time == end }
        var used = inside
        var (counted, measured) = number(place, inside)
        var start = inside.map(\.time).min() ?? end
        switch correlation.kind {
        case .eventCount, .valueCount, .measure: break
        case .temporal:
            used = correlation.rules.indices.compactMap { track in
                inside.filter { $0.track == track }.max { $0.time < $1.time }
            }
        case .temporalOrdered:
            let count = correlation.rules.count
            counted = count
            ending = ending.filter { $0.track == count - 1 }
            guard let best = best(inside, end: end, track: count - 1, after: []) else { return nil }
            used = best
            start = inside.filter { $0.track == 0 }.map(\.time).min() ?? end
        }
        guard let count = counted else { return nil }
        if correlation.kind != .temporalOrdered, !holds(place, count, measured, inside) { return nil }
        let records = Set(ending.map(\.record))
        return Window(
            group: group, start: start, end: end, count: count, measured: measured,
            record: isCount(place) && ending.count > 1 || records.count > 1 ? "" : records.first ?? "",
            first: used.map(\.first).min() ?? end, digests: used.reduce(into: []) { $0.formUnion($1.digests) },
            rules: used.reduce(into: []) { $0.formUnion($1.rules) })
    }

    /// Of all sequences that end at a time one that begins last.
    private func best(_ inside: [Fact], end: Int64, track: Int, after later: [Fact]) -> [Fact]? {
        if track < 0 { return later }
        var best: [Fact]?
        for fact in inside where fact.track == track {
            if let next = later.first {
                if fact.time > next.time { continue }
            } else if fact.time != end {
                continue
            }
            if !fact.record.isEmpty && later.contains(where: { $0.record == fact.record && $0.time == fact.time }) {
                continue
            }
            guard let found = self.best(inside, end: end, track: track - 1, after: [fact] + later) else { continue }
            if found[0].time > best?[0].time ?? .min { best = found }
        }
        return best
    }
}
