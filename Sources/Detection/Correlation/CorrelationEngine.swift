/// Sigma correlations held against a stream of records (correlation rules specification 2.1); it has no clock.
///
/// **Windows** slide over event time and have no fixed boundaries. One ends at each time at which there are events, and
/// reaches back by the timespan, both ends included: the first and the last of twelve events that lie exactly ten
/// minutes apart are within ten minutes. A correlation that holds in a window has a *hit* there. A record that comes late
/// is put where its event time belongs, and the windows that end later and have it inside are looked at again.
/// - `event_count` counts distinct records; a digest that comes again only makes the record be remembered for longer.
/// - `value_count` counts distinct values, compared exactly, of several fields the distinct combinations.
/// - `value_sum`, `value_avg` and `value_percentile` are of all numbers in a field (`Quantity`), of a field with several
///   numbers each of them; a record without a number does not count. A percentile is the number at the nearest rank.
/// - `temporal` wants a match of every rule in the window, or of as many as its condition says; one record may be the
///   match of several.
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
/// arrives, with what is known then, and what comes later takes nothing back; unless they hold for no event at all.
///
/// **What does not happen**: such a correlation (`SigmaCorrelation.isAbsence`) is judged by time. Its windows are those
/// that begin after a record, itself not counted, and reach forward by the timespan: any stretch in which there is too
/// little lies over one in which there is no more. A window is judged when nothing on time can come into it any more, so
/// a timespan and the lateness after the record; only a record that itself came on time begins one. For a group there is
/// nothing to tell before its first record; where nothing is grouped, the first window begins when the correlation began
/// to hold (`activeSince`). A record from the future is taken to be of its arrival.
package struct CorrelationEngine: Sendable {
    private let correlations: CorrelationSet
    private let lateness: Int64
    private let hasAbsences: Bool
    private var states: [CorrelationState]
    /// What the input at hand brings for each correlation.
    private var deliveries: [[CorrelationState.Delivery]]
    private var now = Int64.min / 4

    /// - Parameters:
    ///   - lateness: by how much later than others of its time a record may come, in microseconds.
    ///   - activeSince: when correlations began to hold, by id: what was over before is not told, and where nothing is
    ///     grouped the first silence begins there. Microseconds since 1970.
    ///   - knownSince: from when on inputs are given: nothing is said about what was before.
    package init(
        _ set: CorrelationSet, lateness: Int64 = CorrelationSet.standardLateness,
        limits: CorrelationLimits = CorrelationLimits(), activeSince: [String: Int64] = [:],
        knownSince: Int64 = .min
    ) {
        let lateness = Self.bounded(lateness: lateness)
        correlations = set
        self.lateness = lateness
        hasAbsences = set.hasAbsences
        states = zip(set.plans, set.patience(lateness: lateness)).map { plan, patience in
            CorrelationState(
                plan, patience: patience, limits: limits,
                activeSince: activeSince[plan.correlation.id].map(Self.bounded(time:)), knownSince: knownSince)
        }
        deliveries = Array(repeating: [], count: set.plans.count)
    }

    /// How long an input must be kept for an engine made anew, in microseconds after its arrival (`CorrelationSet`).
    package var reach: Int64 { correlations.reach(lateness: lateness) }

    package var counters: CorrelationCounters { states.reduce(into: CorrelationCounters()) { $0 += $1.counters } }

    /// Takes the next record.
    /// - Returns: the matches that are to be told: those that were over before it came, and those that it completes.
    ///   Those of silenced correlations are not told.
    package mutating func consume(_ input: CorrelationInput) -> [CorrelationMatch] {
        var matches = advance(to: input.arrivedAt)
        deliver(input)
        for place in states.indices { matches += take(place) }
        return matches
    }

    /// When the next window is over in which something may not have happened, in microseconds; `nil` when no correlation
    /// waits for one.
    package var nextDue: Int64? { hasAbsences ? states.compactMap(\.nextDue).min() : nil }

    /// Lets time pass: everything that arrived before `instant` has been given. Windows that may hold for what is not
    /// in them are judged when they are over, one after the other as if it had been then.
    /// - Parameter instant: by arrival, microseconds since 1970.
    /// - Returns: the matches that are to be told.
    package mutating func advance(to instant: Int64) -> [CorrelationMatch] {
        let end = Self.bounded(time: instant)
        var matches: [CorrelationMatch] = []
        while let due = nextDue, due <= end {
            now = max(now, due)
            for place in states.indices { states[place].forget(at: now) }
            for place in states.indices {
                matches += tell(states[place].judge(at: now), of: place, judgedAt: now)
                matches += take(place)
            }
        }
        now = max(now, end)
        for place in states.indices { states[place].forget(at: now) }
        return matches
    }

    /// What was brought for a correlation.
    private mutating func take(_ place: Int) -> [CorrelationMatch] {
        if deliveries[place].isEmpty { return [] }
        let hits = states[place].take(deliveries[place], now: now)
        deliveries[place].removeAll(keepingCapacity: true)
        return tell(hits, of: place)
    }

    private mutating func tell(
        _ hits: [CorrelationState.Hit], of place: Int, judgedAt instant: Int64? = nil
    ) -> [CorrelationMatch] {
        let feeds = !states[place].plan.feeds.isEmpty
        var matches: [CorrelationMatch] = []
        for hit in hits {
            if hit.isNew {
                matches.append(CorrelationMatch(hit, of: states[place].plan.correlation, judgedAt: instant))
            }
            if feeds { feed(hit, from: place) }
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
                let isMeasured = correlations.plans[target.plan].isMeasured
                let (groups, groupsDropped) = Self.combinations(source.groupBy.map { input.fields[$0] ?? [] })
                let (numbers, numbersDropped) = Self.measures(of: input, isMeasured ? source.values.first : nil)
                let (values, valuesDropped) =
                    isMeasured
                    ? ([], numbersDropped) : Self.combinations(source.values.map { input.fields[$0] ?? [] })
                states[target.plan].countDroppedCombinations(groupsDropped + valuesDropped)
                if isMeasured ? numbers.isEmpty : values.isEmpty { continue }
                // Nobody can tell of what has not happened: for silence a record is not newer than its arrival.
                let counted = correlations.plans[target.plan].isAbsence ? min(time, now) : time
                for group in groups {
                    var rules = [rule]
                    var texts = source.values.isEmpty ? [] : values.map { Self.text(of: $0) }
                    var measures = numbers
                    // A record for which two rules of one count hold is still one record.
                    let same = deliveries[target.plan].firstIndex { $0.track == track && $0.group == group }
                    if let same {
                        let other = deliveries[target.plan].remove(at: same).entry.content
                        rules += other.evidence.rules
                        texts += other.values.filter { !texts.contains($0) }
                        measures =
                            other.measures
                            + numbers.filter { number in
                                !other.measures.contains { $0.field == number.field }
                            }
                    }
                    let content = CorrelationEntry.Content(
                        identity: input.digest, record: input.digest, values: texts, measures: measures,
                        evidence: CorrelationEvidence(.init(time: time, digest: input.digest), rules: rules))
                    let entry = CorrelationEntry(
                        time: counted, arrival: now, count: min(max(1, input.count), 1 << 32), first: time,
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
            let isAbsence = correlations.plans[target.plan].isAbsence
            var measures: [CorrelationEntry.Measure] = []
            if correlations.plans[target.plan].isMeasured {
                measures = zip(source.values, counted).compactMap { field, text in
                    Quantity(text).map { CorrelationEntry.Measure(field: field, number: $0) }
                }
                if measures.isEmpty { continue }
            }
            let content = CorrelationEntry.Content(
                identity: identity, record: hit.window.record, values: counted.isEmpty ? [] : [Self.text(of: counted)],
                measures: measures, evidence: evidence)
            let entry = CorrelationEntry(
                time: isAbsence ? min(hit.window.end, now) : hit.window.end, arrival: now, count: 1,
                first: hit.window.first, content: content)
            deliveries[target.plan].append(
                .init(
                    group: values(source.groupBy), track: states[target.plan].track(of: target.source), entry: entry))
        }
    }

    /// The numbers of a record that are measured, the first sixteen, and how many there are beyond; what is no number does
    /// not count.
    private static func measures(
        of input: CorrelationInput, _ field: String?
    ) -> (kept: [CorrelationEntry.Measure], dropped: Int) {
        guard let field else { return ([], 0) }
        let numbers = (input.fields[field] ?? []).compactMap { Quantity($0) }
        let kept = numbers.prefix(CorrelationLimits.combinations).map {
            CorrelationEntry.Measure(field: field, number: $0)
        }
        return (kept, numbers.count - kept.count)
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
    init(_ hit: CorrelationState.Hit, of correlation: SigmaCorrelation, judgedAt: Int64?) {
        let evidence = CorrelationEvidence(of: hit.window.entries, limit: Self.digestLimit)
        var seen: Set<String> = []
        self.init(
            id: correlation.id, title: correlation.title, level: correlation.level, tags: correlation.tags,
            author: correlation.author, docket: correlation.docket,
            group: zip(correlation.groupBy, hit.group).map { GroupValue(name: $0, value: $1) },
            firstOccurredAt: hit.window.first, lastOccurredAt: hit.window.end, count: hit.window.count,
            measured: hit.window.measured, judgedAt: judgedAt,
            digests: evidence.items.map(\.digest).filter { seen.insert($0).inserted }, rules: evidence.rules)
    }
}
