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
        let first: Int64
        let digests: Set<Dated>
        var rules: Set<String>
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
    private var facts: [[Fact]]
    private var told: [[Told]]

    init(_ correlations: [SigmaCorrelation], lateness: Int64) {
        self.correlations = correlations
        self.lateness = lateness
        facts = correlations.map { _ in [] }
        told = correlations.map { _ in [] }
    }

    private func span(_ place: Int) -> Int64 { Int64(correlations[place].timespanSeconds) * 1_000_000 }

    private func isCount(_ place: Int) -> Bool {
        switch correlations[place].kind {
        case .eventCount, .valueCount: true
        case .temporal, .temporalOrdered: false
        }
    }

    private func isTold(_ id: String) -> Bool {
        let referring = correlations.filter { $0.rules.contains(id) }
        return referring.isEmpty || referring.contains(where: \.generate)
    }

    /// The new matches by the place of their correlation.
    mutating func consume(_ input: CorrelationInput) -> [(place: Int, window: Window)] {
        var result: [(Int, Window)] = []
        var hits: [String: [Window]] = [:]
        for place in correlations.indices {
            let new = newFacts(place, input, hits)
            facts[place] += new
            for window in windows(place, at: input.arrivedAt, touchedBy: new) {
                hits[correlations[place].id, default: []].append(window)
                guard isTold(correlations[place].id) else { continue }
                let isKnown = told[place].contains { other in
                    other.group == window.group
                        && input.arrivedAt - other.arrival <= span(place) + lateness
                        && other.start <= window.end + span(place) && window.start <= other.end + span(place)
                }
                if !isKnown { result.append((place, window)) }
                told[place].append(
                    Told(group: window.group, start: window.start, end: window.end, arrival: input.arrivedAt))
            }
        }
        return result
    }

    /// All windows in which a correlation holds with everything known.
    func windows(_ place: Int, at now: Int64) -> [Window] {
        windows(place, at: now, touchedBy: facts[place])
    }

    private func newFacts(_ place: Int, _ input: CorrelationInput, _ hits: [String: [Window]]) -> [Fact] {
        let correlation = correlations[place]
        var new: [Fact] = []
        for (index, rule) in correlation.rules.enumerated() {
            let track = isCount(place) ? 0 : index
            func name(_ field: String) -> String { correlation.aliases[field]?[rule] ?? field }
            var counted: [String] = []
            if case .valueCount(let fields, _) = correlation.kind { counted = fields }
            if input.rules.contains("id-\(rule)") {
                let values = combinations(counted.map { input.fields[name($0)] ?? [] })
                if values.isEmpty { continue }
                for group in combinations(correlation.groupBy.map { input.fields[name($0)] ?? [] }) {
                    let dated = Dated(time: input.occurredAt, digest: input.digest)
                    var fact = Fact(
                        group: group, track: track, identity: input.digest, time: input.occurredAt,
                        arrival: input.arrivedAt, count: input.count, record: input.digest, values: Set(values),
                        first: input.occurredAt, digests: [dated], rules: ["id-\(rule)"])
                    if let same = new.firstIndex(where: {
                        $0.group == group && $0.track == track && $0.identity == input.digest
                    }) {
                        let other = new.remove(at: same)
                        fact.values.formUnion(other.values)
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
                new.append(
                    Fact(
                        group: correlation.groupBy.map(value), track: track,
                        identity: "hit of \(rule) \(hit.group) \(hit.end)", time: hit.end, arrival: input.arrivedAt,
                        count: 1, record: hit.record, values: [counted.map(value)], first: hit.first,
                        digests: hit.digests, rules: hit.rules))
            }
        }
        return new
    }

    private func combinations(_ fields: [[String]]) -> [[String]] {
        fields.reduce([[]]) { heads, values in
            heads.flatMap { head in values.map { head + [$0] } }
        }
    }

    private func windows(_ place: Int, at now: Int64, touchedBy new: [Fact]) -> [Window] {
        var latest: [String: Fact] = [:]
        for fact in facts[place] where now - fact.arrival <= span(place) + lateness {
            latest["\(fact.group) \(fact.track) \(fact.identity)"] = fact
        }
        var groups: [[String]] = []
        for fact in new where !groups.contains(fact.group) { groups.append(fact.group) }
        return groups.flatMap { group in
            let alive = latest.values.filter { $0.group == group }
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
        let count: Int
        let bounds: [SigmaCorrelation.Bound]
        var start = inside.map(\.time).min() ?? end
        switch correlation.kind {
        case .eventCount(let given):
            bounds = given
            count = inside.reduce(0) { $0 + $1.count }
        case .valueCount(_, let given):
            bounds = given
            count = inside.reduce(into: Set<[String]>()) { $0.formUnion($1.values) }.count
        case .temporal:
            bounds = []
            count = correlation.rules.count
            used = []
            for track in correlation.rules.indices {
                guard let last = inside.filter({ $0.track == track }).max(by: { $0.time < $1.time }) else { return nil }
                used.append(last)
            }
        case .temporalOrdered:
            bounds = []
            count = correlation.rules.count
            ending = ending.filter { $0.track == count - 1 }
            guard let best = best(inside, end: end, track: count - 1, after: []) else { return nil }
            used = best
            start = inside.filter { $0.track == 0 }.map(\.time).min() ?? end
        }
        guard bounds.allSatisfy({ $0.holds(count) }) else { return nil }
        let records = Set(ending.map(\.record))
        return Window(
            group: group, start: start, end: end, count: count,
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
