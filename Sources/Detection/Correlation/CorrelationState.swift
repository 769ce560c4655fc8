/// The memory of one correlation: its groups, and the order in which what is in them came.
///
/// Nothing here is scanned for an input but the group that it belongs to, and of that only the windows it can be in.
struct CorrelationState: Sendable {
    /// An entry on its way into a group.
    struct Delivery: Sendable {
        let group: [String]
        let track: Int
        var entry: CorrelationEntry
    }

    /// A window that holds, and whether it is news.
    struct Hit {
        let group: [String]
        let window: CorrelationGroup.Window
        let isNew: Bool
    }

    /// Something to be forgotten when its time has come, unless it came again.
    private enum Remembered: Sendable {
        case entry(group: Int, track: Int, identity: String)
        case window(group: Int, last: Int64)
    }

    let plan: CorrelationSet.Plan
    private let patience: CorrelationSet.Patience
    private let limits: CorrelationLimits
    private let trackCount: Int
    private var places: [[String]: Int] = [:]
    private var groups: [CorrelationGroup?] = []
    private var free: [Int] = []
    private var remembered = Timeline<(arrival: Int64, what: Remembered)>()
    /// Groups by when something was added; what was overtaken by a later addition stays until it is met.
    private var touched = Timeline<(group: Int, stamp: Int)>()
    private var stamp = 0
    private var timers = CorrelationTimers()
    /// Before this instant nothing that time alone completes is told.
    private let activeSince: Int64
    private let isAbsence: Bool
    private(set) var counters = CorrelationCounters()

    /// - Parameters:
    ///   - activeSince: when the correlation began to hold; `nil` where that was never.
    ///   - knownSince: from when on inputs are given.
    init(
        _ plan: CorrelationSet.Plan, patience: CorrelationSet.Patience, limits: CorrelationLimits, activeSince: Int64?,
        knownSince: Int64
    ) {
        self.plan = plan
        self.limits = limits
        self.patience = patience
        self.activeSince = activeSince ?? .min
        isAbsence = plan.isAbsence
        switch plan.correlation.kind {
        case .eventCount, .valueCount, .measure: trackCount = 1
        case .temporal, .temporalOrdered: trackCount = plan.sources.count
        }
        // Where nothing is grouped, there is one group, and it is there from the beginning.
        if isAbsence, plan.correlation.groupBy.isEmpty, let activeSince, activeSince >= knownSince {
            timers.add(.init(due: due(after: activeSince), group: Self.beginning, start: activeSince))
        }
    }

    /// Stands for the one group that is there before its first record.
    private static let beginning = -1

    /// The first instant at which a record of the window after a time is late.
    private func due(after time: Int64) -> Int64 { time + plan.span + patience.lateness + 1 }

    /// When the next window is over that may hold for what is not in it.
    var nextDue: Int64? { timers.next }

    /// Which track takes the entries of a source.
    func track(of source: Int) -> Int { trackCount == 1 ? 0 : source }

    mutating func countDroppedCombinations(_ count: Int) { counters.combinationsDropped += count }

    /// Forgets what came too long before `now`.
    mutating func forget(at now: Int64) {
        let arrival = now - patience.memory - 1
        while remembered.count > 0, remembered[0].arrival <= arrival {
            switch remembered[0].what {
            case .entry(let group, let track, let identity):
                if groups[group]?.tracks[track].forget(identity, arrivedThrough: arrival) == true {
                    counters.entriesHeld -= 1
                }
                removeIfEmpty(group)
            case .window(let group, let last):
                groups[group]?.episodes.forget(last: last, arrivedThrough: arrival)
                removeIfEmpty(group)
            }
            remembered.remove(at: 0)
        }
    }

    /// Takes all that one input brings, and then looks at what holds now: group by group in the order of the first
    /// delivery, in each in the order of time.
    mutating func take(_ deliveries: [Delivery], now: Int64) -> [Hit] {
        var order: [Int] = []
        var arrived: [Int: [Int64]] = [:]
        for delivery in deliveries {
            let place = place(of: delivery.group)
            insert(delivery, into: place)
            if arrived[place] == nil { order.append(place) }
            arrived[place, default: []].append(delivery.entry.time)
        }
        return order.flatMap { hits(in: $0, arrived: arrived[$0] ?? [], now: now) }
    }

    private mutating func hits(in place: Int, arrived: [Int64], now: Int64) -> [Hit] {
        // What holds for too little is not told by one more.
        if isAbsence { return [] }
        // A group may have gone again for another one of the same input.
        guard let key = groups[place]?.key,
            let windows = groups[place]?.windows(plan.correlation, span: plan.span, arrived: arrived)
        else { return [] }
        return windows.map { window in
            Hit(group: key, window: window, isNew: plan.alerts && tell(window, of: place, now: now))
        }
    }

    /// Looks at the windows that are over now.
    mutating func judge(at now: Int64) -> [Hit] {
        var hits: [Hit] = []
        while let timer = timers.pop(at: now) {
            if timer.group == Self.beginning {
                let group = places[[]].flatMap { groups[$0] } ?? emptyGroup(key: [])
                if let window = silence(timer, in: group) { hits.append(hit(window, in: place(of: []), now: now)) }
            } else if let group = groups[timer.group], group.awaited == timer.start {
                let window = group.hasOnTime(at: timer.start) ? silence(timer, in: group) : nil
                groups[timer.group]?.awaited = nil
                if let window { hits.append(hit(window, in: timer.group, now: now)) }
                schedule(timer.group, after: timer.start)
            }
        }
        return hits
    }

    private func silence(_ timer: CorrelationTimers.Timer, in group: CorrelationGroup) -> CorrelationGroup.Window? {
        group.silence(plan.correlation, after: timer.start, through: timer.start + plan.span)
    }

    private mutating func hit(_ window: CorrelationGroup.Window, in place: Int, now: Int64) -> Hit {
        // What was over before the correlation began to hold is neither told nor the beginning of an episode.
        let isNew = plan.alerts && now >= activeSince && tell(window, of: place, now: now)
        return Hit(group: groups[place]?.key ?? [], window: window, isNew: isNew)
    }

    /// Sets the timer of a group to the first silence that may begin after a time, unless an earlier one is awaited.
    private mutating func schedule(_ place: Int, after time: Int64) {
        guard let group = groups[place], let start = group.nextOnTime(after: time),
            start < group.awaited ?? .max
        else { return }
        groups[place]?.awaited = start
        timers.add(.init(due: due(after: start), group: place, start: start))
        guard timers.count > 2 * groups.count + 64 else { return }
        timers.keep { timer in timer.group == Self.beginning || groups[timer.group]?.awaited == timer.start }
    }

    /// Whether a window belongs to no episode that was told; it is remembered either way.
    private mutating func tell(_ window: CorrelationGroup.Window, of place: Int, now: Int64) -> Bool {
        let isKnown =
            groups[place]?.episodes.touch(first: window.start, last: window.end, span: plan.span) ?? false
        groups[place]?.episodes.add(first: window.start, last: window.end, arrival: now)
        remembered.append((now, .window(group: place, last: window.end)))
        if let count = groups[place]?.episodes.count, count > limits.entriesPerGroup {
            groups[place]?.episodes.removeFirst()
            counters.entriesDropped += 1
        }
        return !isKnown
    }

    private mutating func insert(_ delivery: Delivery, into place: Int) {
        let identity = delivery.entry.content.identity
        var entry = delivery.entry
        entry.isOnTime = isAbsence && entry.arrival <= entry.time + patience.lateness
        if groups[place]?.tracks[delivery.track].put(entry) == true { counters.entriesHeld += 1 }
        if entry.isOnTime { schedule(place, after: entry.time - 1) }
        remembered.append((delivery.entry.arrival, .entry(group: place, track: delivery.track, identity: identity)))
        guard let count = groups[place]?.entryCount, count > limits.entriesPerGroup else { return }
        groups[place]?.removeOldest()
        counters.entriesHeld -= 1
        counters.entriesDropped += 1
    }

    private mutating func place(of key: [String]) -> Int {
        stamp += 1
        let place: Int
        if let known = places[key] {
            place = known
        } else {
            if places.count >= limits.groupsPerCorrelation { dropLeastRecent() }
            let group = emptyGroup(key: key)
            if let hole = free.popLast() {
                groups[hole] = group
                place = hole
            } else {
                groups.append(group)
                place = groups.count - 1
            }
            places[key] = place
            counters.groupsHeld += 1
        }
        groups[place]?.stamp = stamp
        touched.append((place, stamp))
        if touched.count > 2 * groups.count + 64 { compactTouched() }
        return place
    }

    private func emptyGroup(key: [String]) -> CorrelationGroup {
        CorrelationGroup(key: key, tracks: Array(repeating: CorrelationTrack(), count: trackCount))
    }

    private mutating func dropLeastRecent() {
        while !touched.isEmpty {
            let oldest = touched[0]
            touched.remove(at: 0)
            guard let group = groups[oldest.group], group.stamp == oldest.stamp else { continue }
            counters.groupsDropped += 1
            counters.entriesDropped += group.entryCount + group.episodes.count
            counters.entriesHeld -= group.entryCount
            return removeGroup(oldest.group)
        }
    }

    private mutating func compactTouched() {
        var kept = Timeline<(group: Int, stamp: Int)>()
        for item in touched[0..<touched.count] where groups[item.group]?.stamp == item.stamp { kept.append(item) }
        touched = kept
    }

    private mutating func removeIfEmpty(_ place: Int) {
        if groups[place]?.isEmpty == true { removeGroup(place) }
    }

    private mutating func removeGroup(_ place: Int) {
        guard let group = groups[place] else { return }
        places[group.key] = nil
        groups[place] = nil
        free.append(place)
        counters.groupsHeld -= 1
    }
}
