import Cases
import Events
import Foundation
import JSON

/// Which cases are open and what they are about, folded from the tenant's log: what case matching looks at.
///
/// The overlap of an alert with a case is the weight of the strong entities that they share, divided by the smaller of
/// their two total weights: 1 when one is contained in the other, 0 when nothing is shared. An entity weighs 1 as actor
/// or target and ½ where it is only related, so that an account which every alert of a cloud names does not draw them
/// all together. Weak entities (data of the policy: processes, namespaces, vulnerabilities, other) weigh nothing, so
/// they alone never join.
struct OpenCases: Sendable {
    struct Entry: Sendable {
        var id: UUID
        var openedAt: Instant
        var firstAt: Instant
        var lastAt: Instant
        var alertCount: Int
        var entities: [EntityKey: Double]
        var isOpen: Bool
        /// Closed without a person: a new alert opens it again.
        var isClosedByItself = false

        var takesAlerts: Bool { isOpen || isClosedByItself }
    }

    struct Match: Sendable {
        var caseID: UUID
        var score: Double
        var shared: [EntityKey]
    }

    private struct Seen: Sendable {
        var occurredAt: Instant
        var entities: [EntityKey: Double]
    }

    private var cases: [UUID: Entry] = [:]
    private var byEntity: [EntityKey: Set<UUID>] = [:]
    private var linked: [UUID: UUID] = [:]
    /// Alerts without a case, which a later case may take along.
    private var loose: [UUID: Seen] = [:]

    func caseID(ofAlert id: UUID) -> UUID? { linked[id] }

    mutating func noteLoose(_ alert: NormalizedAlert, policy: Policy) {
        loose[alert.alertID] = Seen(occurredAt: alert.occurredAt, entities: Self.strong(alert, policy))
    }

    mutating func forgetLoose(before instant: Instant) {
        loose = loose.filter { $0.value.occurredAt >= instant }
    }

    /// Loose alerts that belong to a case just opened by this one.
    func looseAlerts(near alert: NormalizedAlert, policy: Policy) -> [(id: UUID, score: Double, shared: [EntityKey])] {
        let own = Self.strong(alert, policy)
        return loose.compactMap { id, seen in
            guard id != alert.alertID, Self.distance(seen.occurredAt, alert.occurredAt) <= policy.correlation.windowMs
            else { return nil }
            let overlap = Self.overlap(seen.entities, own)
            guard !overlap.shared.isEmpty, overlap.score >= policy.correlation.minimumOverlap else { return nil }
            return (id, overlap.score, overlap.shared)
        }.sorted { $0.id.uuidString < $1.id.uuidString }
    }

    /// The open case, or the one closed without a person, that the alert joins: the highest overlap, then the most recent.
    func match(_ alert: NormalizedAlert, policy: Policy) -> Match? {
        let own = Self.strong(alert, policy)
        let candidates = own.keys.reduce(into: Set<UUID>()) { $0.formUnion(byEntity[$1] ?? []) }
        return candidates.compactMap { id -> (Match, Instant)? in
            guard let entry = cases[id], entry.takesAlerts, entry.alertCount < policy.correlation.maxAlerts,
                alert.occurredAt.milliseconds(since: entry.lastAt) <= policy.correlation.windowMs,
                entry.firstAt.milliseconds(since: alert.occurredAt) <= policy.correlation.windowMs,
                alert.occurredAt.milliseconds(since: entry.firstAt) <= policy.correlation.maxAgeMs
            else { return nil }
            let overlap = Self.overlap(own, entry.entities)
            guard overlap.score >= policy.correlation.minimumOverlap else { return nil }
            return (Match(caseID: id, score: overlap.score, shared: overlap.shared), entry.lastAt)
        }
        .max { ($0.0.score, $0.1, $0.0.caseID.uuidString) < ($1.0.score, $1.1, $1.0.caseID.uuidString) }?.0
    }

    mutating func opened(_ id: UUID, by alert: NormalizedAlert, at now: Instant, policy: Policy) {
        guard cases[id] == nil else { return }
        cases[id] = Entry(
            id: id, openedAt: now, firstAt: alert.occurredAt, lastAt: alert.occurredAt, alertCount: 0, entities: [:],
            isOpen: true)
        linkedAlert(alert, to: id, policy: policy)
    }

    mutating func linkedAlert(_ alert: NormalizedAlert, to id: UUID, policy: Policy) {
        guard linked[alert.alertID] != id, var entry = cases[id] else { return }
        linked[alert.alertID] = id
        loose[alert.alertID] = nil
        entry.alertCount += 1
        entry.firstAt = min(entry.firstAt, alert.occurredAt)
        entry.lastAt = max(entry.lastAt, alert.occurredAt)
        let keys = Self.strong(alert, policy)
        entry.entities.merge(keys, uniquingKeysWith: max)
        cases[id] = entry
        for key in keys.keys { byEntity[key, default: []].insert(id) }
    }

    /// The source's alerts belong to the target from now on.
    mutating func merged(_ source: UUID, into target: UUID) {
        guard let from = cases[source], var entry = cases[target] else { return }
        entry.alertCount += from.alertCount
        entry.firstAt = min(entry.firstAt, from.firstAt)
        entry.lastAt = max(entry.lastAt, from.lastAt)
        entry.entities.merge(from.entities, uniquingKeysWith: max)
        cases[target] = entry
        for key in from.entities.keys { byEntity[key, default: []].insert(target) }
        for (alert, id) in linked where id == source { linked[alert] = target }
        closed(source)
    }

    /// Forgets cases that no alert can join any more, so that memory follows the open work and not the years.
    mutating func forgetCases(before instant: Instant) {
        let gone = Set(cases.values.filter { $0.lastAt < instant }.map(\.id))
        guard !gone.isEmpty else { return }
        for id in gone { cases[id] = nil }
        linked = linked.filter { !gone.contains($0.value) }
        byEntity = byEntity.compactMapValues { ids in
            let left = ids.subtracting(gone)
            return left.isEmpty ? nil : left
        }
    }

    mutating func closed(_ id: UUID, byItself: Bool = false) {
        cases[id]?.isOpen = false
        cases[id]?.isClosedByItself = byItself
    }

    mutating func reopened(_ id: UUID) {
        cases[id]?.isOpen = true
        cases[id]?.isClosedByItself = false
    }

    private static func strong(_ alert: NormalizedAlert, _ policy: Policy) -> [EntityKey: Double] {
        let strong = alert.entities.filter { policy.isStrong($0.type) && !$0.value.isEmpty }
        return Dictionary(strong.map { ($0.key, $0.role == .related ? 0.5 : 1) }, uniquingKeysWith: max)
    }

    private static func overlap(
        _ left: [EntityKey: Double], _ right: [EntityKey: Double]
    ) -> (score: Double, shared: [EntityKey]) {
        let shared = left.keys.filter { right[$0] != nil }.sorted()
        let weight = shared.reduce(0) { $0 + min(left[$1] ?? 0, right[$1] ?? 0) }
        let smaller = min(left.values.reduce(0, +), right.values.reduce(0, +))
        return (smaller == 0 ? 0 : weight / smaller, shared)
    }

    private static func distance(_ left: Instant, _ right: Instant) -> Int64 {
        left < right ? right.milliseconds(since: left) : left.milliseconds(since: right)
    }
}
