import Cases
import Events

import struct Foundation.UUID

/// Which cases are open and what they are about, folded from the tenant's log: what case matching looks at
/// (Documentation/Correlation.md has the rules in words).
///
/// A value without I/O. It forgets by the log's clock: a case to which no alert came for `reachMs` takes none any more,
/// so whether it is still here changes no answer. What it costs to forget is in proportion to what is forgotten.
struct OpenCases: Sendable {
    /// An alert, as far as matching needs it.
    struct Seen: Sendable {
        var id: UUID
        /// As its source says, held within what is plausible: a clock that was never set opens no endless window.
        var occurredAt: Instant
        /// When the log took it in.
        var arrivedAt: Instant
        var weights: EntityWeights
        var caseID: UUID?
    }

    struct Entry: Sendable {
        var alerts: Set<UUID> = []
        var tally = EntityTally()
        var firstAt: Instant = .init(microseconds: .max)
        var lastAt: Instant = .init(microseconds: .min)
        var firstArrival: Instant = .init(microseconds: .max)
        var lastArrival: Instant = .init(microseconds: .min)
        var isOpen = true
        /// Closed without a person: a new alert opens it again.
        var isClosedByItself = false
        /// An alert of it came before everything that is remembered: it is as old as a case may get.
        var isOlder = false

        var takesAlerts: Bool { isOpen || isClosedByItself }

        mutating func cover(_ seen: Seen) {
            firstAt = min(firstAt, seen.occurredAt)
            lastAt = max(lastAt, seen.occurredAt)
            firstArrival = min(firstArrival, seen.arrivedAt)
            lastArrival = max(lastArrival, seen.arrivedAt)
        }
    }

    let rules: Policy.Correlation
    private(set) var alerts: [UUID: Seen] = [:]
    private(set) var cases: [UUID: Entry] = [:]
    /// Cases that take alerts, by what they are about.
    private(set) var casesByEntity: [EntityKey: Set<UUID>] = [:]
    /// Alerts without a case, which a later one may take along.
    private(set) var looseByEntity: [EntityKey: Set<UUID>] = [:]
    /// When the newest alert that was decided on came in.
    private(set) var now = Instant(microseconds: .min)
    private var arrivedAlerts = ArrivalQueue()
    private var touchedCases = ArrivalQueue()

    private let common: Set<EntityKey>

    init(_ rules: Policy.Correlation) {
        self.rules = rules
        common = Set((rules.commonEntities ?? []).map(\.key))
    }

    func caseID(ofAlert id: UUID) -> UUID? { alerts[id]?.caseID }

    /// An alert came, or came again with other bytes: then it stays where it is, with what it says now.
    mutating func note(_ alert: NormalizedAlert, arrivedAt: Instant) {
        let weights = EntityWeights(of: alert, rules, common: common)
        if let known = alerts[alert.alertID] {
            if let caseID = known.caseID {
                withdraw(known, from: caseID)
                alerts[alert.alertID]?.occurredAt = alert.occurredAt.plausible(receivedAt: arrivedAt)
                alerts[alert.alertID]?.weights = weights
                if let changed = alerts[alert.alertID] { contribute(changed, to: caseID) }
                return
            }
            setLoose(known, false)
        }
        let seen = Seen(
            id: alert.alertID, occurredAt: alert.occurredAt.plausible(receivedAt: arrivedAt), arrivedAt: arrivedAt,
            weights: weights, caseID: nil)
        alerts[seen.id] = seen
        setLoose(seen, true)
        arrivedAlerts.append(seen.id, at: arrivedAt)
    }

    /// It was decided what becomes of an alert; what is too old for those that follow is forgotten.
    mutating func decided(_ alert: UUID) {
        guard let arrivedAt = alerts[alert]?.arrivedAt, arrivedAt > now else { return }
        now = arrivedAt
        let oldest = now.adding(milliseconds: -rules.reachMs)
        while let id = touchedCases.next(before: oldest) {
            if let entry = cases[id], entry.lastArrival < oldest { forget(id) }
        }
        while let id = arrivedAlerts.next(before: oldest) {
            guard let seen = alerts[id], seen.arrivedAt < oldest, seen.caseID.flatMap({ cases[$0] }) == nil else {
                continue
            }
            setLoose(seen, false)
            alerts[id] = nil
        }
    }

    mutating func opened(_ id: UUID, by alert: UUID) {
        guard cases[id] == nil, alerts[alert] != nil else { return }
        cases[id] = Entry()
        link(alert, to: id)
    }

    mutating func link(_ alert: UUID, to id: UUID) {
        guard let seen = alerts[alert] else {
            cases[id]?.isOlder = true
            return
        }
        if seen.caseID == nil { setLoose(seen, false) }
        alerts[alert]?.caseID = id
        guard cases[id]?.alerts.contains(alert) == false else { return }
        contribute(seen, to: id)
    }

    /// The source's alerts belong to the target from now on. The source keeps them as well, in case it is opened again.
    mutating func merged(_ source: UUID, into target: UUID) {
        if cases[target] != nil {
            for alert in cases[source]?.alerts ?? [] { link(alert, to: target) }
            if cases[source]?.isOlder == true { cases[target]?.isOlder = true }
        }
        closed(source)
    }

    /// Some alerts leave for a case of their own, and take along what only they were about.
    mutating func split(_ source: UUID, _ moved: [UUID], to new: UUID) {
        for id in moved {
            guard let seen = alerts[id] else { continue }
            withdraw(seen, from: source)
            if cases[new] == nil { cases[new] = Entry() }
            link(id, to: new)
        }
        if cases[new] != nil, moved.contains(where: { alerts[$0] == nil }) { cases[new]?.isOlder = true }
    }

    /// An alert belongs to nobody again.
    mutating func unlinked(_ alert: UUID, from id: UUID) {
        guard let seen = alerts[alert], seen.caseID == id else { return }
        withdraw(seen, from: id)
        alerts[alert]?.caseID = nil
        setLoose(seen, true)
        arrivedAlerts.append(alert, at: seen.arrivedAt)
    }

    mutating func closed(_ id: UUID, byItself: Bool = false) {
        cases[id]?.isOpen = false
        cases[id]?.isClosedByItself = byItself
        if !byItself, let keys = cases[id]?.tally.keys { for key in keys { unlist(id, under: key) } }
    }

    mutating func reopened(_ id: UUID) {
        cases[id]?.isOpen = true
        cases[id]?.isClosedByItself = false
        if let keys = cases[id]?.tally.keys { for key in keys { casesByEntity[key, default: []].insert(id) } }
    }

    private mutating func contribute(_ seen: Seen, to id: UUID) {
        guard cases[id] != nil else { return }
        cases[id]?.alerts.insert(seen.id)
        cases[id]?.cover(seen)
        touchedCases.append(id, at: seen.arrivedAt)
        let new = cases[id]?.tally.add(seen.weights) ?? []
        guard cases[id]?.takesAlerts == true else { return }
        for key in new { casesByEntity[key, default: []].insert(id) }
    }

    private mutating func withdraw(_ seen: Seen, from id: UUID) {
        guard cases[id]?.alerts.remove(seen.id) != nil else { return }
        for key in cases[id]?.tally.remove(seen.weights) ?? [] { unlist(id, under: key) }
        guard var entry = cases[id] else { return }
        (entry.firstAt, entry.lastAt) = (.init(microseconds: .max), .init(microseconds: .min))
        (entry.firstArrival, entry.lastArrival) = (.init(microseconds: .max), .init(microseconds: .min))
        for alert in entry.alerts { if let left = alerts[alert] { entry.cover(left) } }
        cases[id] = entry
        touchedCases.append(id, at: entry.lastArrival)
    }

    private mutating func forget(_ id: UUID) {
        guard let entry = cases.removeValue(forKey: id) else { return }
        for key in entry.tally.keys { unlist(id, under: key) }
        for alert in entry.alerts where alerts[alert]?.caseID == id { alerts[alert] = nil }
    }

    private mutating func unlist(_ id: UUID, under key: EntityKey) {
        casesByEntity[key]?.remove(id)
        if casesByEntity[key]?.isEmpty == true { casesByEntity[key] = nil }
    }

    private mutating func setLoose(_ seen: Seen, _ isLoose: Bool) {
        for item in seen.weights.items {
            if isLoose {
                looseByEntity[item.key, default: []].insert(seen.id)
            } else {
                looseByEntity[item.key]?.remove(seen.id)
                if looseByEntity[item.key]?.isEmpty == true { looseByEntity[item.key] = nil }
            }
        }
    }
}
