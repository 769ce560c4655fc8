/// Sigma correlations held against a stream of records (correlation rules specification 2.1); it has no clock.
///
/// **Windows** slide over event time and have no fixed boundaries. One ends at each time at which there are events, and
/// reaches back by the timespan, both ends included: the first and the last of twelve events that lie exactly ten
/// minutes apart are within ten minutes. A correlation that holds in a window has a *hit* there. A record that comes late
/// is put where its event time belongs, and the windows that end later and have it inside are looked at again.
/// - `event_count` counts distinct records; a digest that comes again only makes the record be remembered for longer.
/// - `value_count` counts distinct values, compared exactly, of several fields the distinct combinations.
/// - `temporal` wants a match of every rule in the window; one record may be the match of several.
/// - `temporal_ordered` wants them in the order of the rules, each by another record. Of records of the same time each
///   may be the earlier one. A match of either kind names the latest records that will do, one for each rule.
///
/// **Groups**: a record without one of the group's fields does not count; one with several values belongs to one group
/// for each combination, the first sixteen of them. Values are compared exactly.
///
/// **Chains**: every hit, not only the one that is told, counts in the correlations that refer to it, at the time of its
/// last event, with its `group-by` names as fields.
///
/// **Episodes**: a hit is told when no window remembered of its group lies within a timespan of it; else it belongs to
/// the same episode, whichever of them came first. Twelve, thirteen or forty failures are one match. No match is taken
/// back: where a late record joins two episodes, both were told already.
///
/// **Memory** goes by arrival, not by event time: for an input that arrives at *a* counts what arrived (last) at
/// *a* − (timespan + lateness) or after. So a recording of last year that is read today gives what it would have given
/// then, records may come in any order as long as they are not later than the lateness, and an engine that is given the
/// inputs of `reach` goes on as one that was never stopped, bounds that were hit excepted (`CorrelationLimits`).
///
/// **Conditions that more events can make false** (`lt`, `lte`, `eq`, `neq`) are evaluated like the others when an input
/// arrives, with what is known then. What comes later takes nothing back, and nothing is told of events that stay out.
package struct CorrelationEngine: Sendable {
    private let correlations: CorrelationSet
    private let lateness: Int64
    private var states: [CorrelationState]
    /// What the input at hand brings for each correlation.
    private var deliveries: [[CorrelationState.Delivery]]
    private var now = Int64.min / 4

    /// - Parameter lateness: by how much later than others of its time a record may come, in microseconds.
    package init(
        _ set: CorrelationSet, lateness: Int64 = CorrelationSet.standardLateness,
        limits: CorrelationLimits = CorrelationLimits()
    ) {
        let lateness = Self.bounded(lateness: lateness)
        correlations = set
        self.lateness = lateness
        states = set.plans.map { CorrelationState($0, lateness: lateness, limits: limits) }
        deliveries = Array(repeating: [], count: set.plans.count)
    }

    /// How long an input must be kept for an engine made anew, in microseconds after its arrival (`CorrelationSet`).
    package var reach: Int64 { correlations.reach(lateness: lateness) }

    package var counters: CorrelationCounters { states.reduce(into: CorrelationCounters()) { $0 += $1.counters } }

    /// Takes the next record.
    /// - Returns: the matches that it completes and that are to be told: those of silenced correlations are not.
    package mutating func consume(_ input: CorrelationInput) -> [CorrelationMatch] {
        now = max(now, Self.bounded(time: input.arrivedAt))
        for place in states.indices { states[place].forget(at: now) }
        deliver(input)
        var matches: [CorrelationMatch] = []
        for place in states.indices where !deliveries[place].isEmpty {
            let hits = states[place].take(deliveries[place], now: now)
            deliveries[place].removeAll(keepingCapacity: true)
            let feeds = !states[place].plan.feeds.isEmpty
            for hit in hits {
                if hit.isNew { matches.append(CorrelationMatch(hit, of: states[place].plan.correlation)) }
                if feeds { feed(hit, from: place) }
            }
        }
        return matches
    }

    /// The records of one input, one for each rule that is told apart and each group.
    private mutating func deliver(_ input: CorrelationInput) {
        let time = Self.bounded(time: input.occurredAt)
        for rule in input.rules {
            for target in correlations.targets[rule] ?? correlations.targets[rule.lowercased()] ?? [] {
                let source = correlations.plans[target.plan].sources[target.source]
                let track = states[target.plan].track(of: target.source)
                let (groups, groupsDropped) = Self.combinations(source.groupBy.map { input.fields[$0] ?? [] })
                let (values, valuesDropped) = Self.combinations(source.values.map { input.fields[$0] ?? [] })
                states[target.plan].countDroppedCombinations(groupsDropped + valuesDropped)
                if values.isEmpty { continue }
                for group in groups {
                    var rules = [rule]
                    var texts = source.values.isEmpty ? [] : values.map { Self.text(of: $0) }
                    // A record for which two rules of one count hold is still one record.
                    let same = deliveries[target.plan].firstIndex { $0.track == track && $0.group == group }
                    if let same {
                        let other = deliveries[target.plan].remove(at: same).entry.content
                        rules += other.evidence.rules
                        texts += other.values.filter { !texts.contains($0) }
                    }
                    let content = CorrelationEntry.Content(
                        identity: input.digest, record: input.digest, values: texts,
                        evidence: CorrelationEvidence(.init(time: time, digest: input.digest), rules: rules))
                    let entry = CorrelationEntry(
                        time: time, arrival: now, count: min(max(1, input.count), 1 << 32), first: time,
                        content: content)
                    deliveries[target.plan].append(.init(group: group, track: track, entry: entry))
                }
            }
        }
    }

    private mutating func feed(_ hit: CorrelationState.Hit, from place: Int) {
        let names = correlations.plans[place].correlation.groupBy
        let evidence = CorrelationEvidence(of: hit.window.entries, limit: CorrelationMatch.chainedDigestLimit)
        // No digest begins like this, so a hit is never taken for a record.
        let identity = "\u{0}\(place) \(hit.window.end) \(Self.text(of: hit.group))"
        for target in correlations.plans[place].feeds {
            let source = correlations.plans[target.plan].sources[target.source]
            func values(_ fields: [String]) -> [String] {
                fields.compactMap { names.firstIndex(of: $0).map { hit.group[$0] } }
            }
            let counted = values(source.values)
            let content = CorrelationEntry.Content(
                identity: identity, record: hit.window.record, values: counted.isEmpty ? [] : [Self.text(of: counted)],
                evidence: evidence)
            let entry = CorrelationEntry(
                time: hit.window.end, arrival: now, count: 1, first: hit.window.first, content: content)
            deliveries[target.plan].append(
                .init(
                    group: values(source.groupBy), track: states[target.plan].track(of: target.source), entry: entry))
        }
    }

    /// One value of each field in every combination, the first sixteen, and how many there are beyond; none where a
    /// field has no value.
    private static func combinations(_ fields: [[String]]) -> (kept: [[String]], dropped: Int) {
        var kept: [[String]] = [[]]
        var all = 1
        for field in fields {
            var seen: Set<String> = []
            let values = field.filter { seen.insert($0).inserted }
            if values.isEmpty { return ([], 0) }
            let (product, isTooLarge) = all.multipliedReportingOverflow(by: values.count)
            all = isTooLarge ? 1 << 32 : min(product, 1 << 32)
            let extended = kept.lazy.flatMap { head in values.lazy.map { head + [$0] } }
            kept = Array(extended.prefix(CorrelationLimits.combinations))
        }
        return (kept, all - kept.count)
    }

    /// A text that no other list of as many texts has.
    private static func text(of values: [String]) -> String {
        values.count == 1 ? values[0] : values.map { "\($0.utf8.count):\($0)" }.joined()
    }

    /// So far from the ends of the numbers that timespans can be added.
    private static func bounded(time: Int64) -> Int64 { min(max(time, -(1 << 61)), 1 << 61) }

    static func bounded(lateness: Int64) -> Int64 { min(max(0, lateness), 1 << 55) }
}

extension CorrelationMatch {
    init(_ hit: CorrelationState.Hit, of correlation: SigmaCorrelation) {
        let evidence = CorrelationEvidence(of: hit.window.entries, limit: Self.digestLimit)
        var seen: Set<String> = []
        self.init(
            id: correlation.id, title: correlation.title, level: correlation.level, tags: correlation.tags,
            author: correlation.author, docket: correlation.docket,
            group: zip(correlation.groupBy, hit.group).map { GroupValue(name: $0, value: $1) },
            firstOccurredAt: hit.window.first, lastOccurredAt: hit.window.end, count: hit.window.count,
            digests: evidence.items.map(\.digest).filter { seen.insert($0).inserted }, rules: evidence.rules)
    }
}
