import Cases
import Events
import Foundation

/// The rules of Documentation/Correlation.md once more, by lists and loops: everything is looked at each time, nothing is
/// kept up to date, and nothing is forgotten.
struct NaiveCorrelation {
    struct Alert {
        var index: Int
        var occurredAt: Instant
        var arrivedAt: Instant
        var severity: Severity
        var entities: [Entity]
    }

    /// What became of an alert: the alert that opened its case, the score and what brought it there.
    struct Fate: Hashable, CustomStringConvertible {
        var opener: Int?
        var score: Double?
        var by: String?
        var full: String?
        var others: [Double] = []
        var description: String {
            "\(opener.map(String.init) ?? "-") \(score ?? -1) \(by ?? "-") \(full ?? "-") \(others)"
        }
    }

    let rules: Policy.Correlation
    var alerts: [Alert] = []
    /// Members of each case, the opener first.
    var cases: [[Int]] = []
    var fates: [Fate] = []

    mutating func take(_ alert: Alert) {
        alerts.append(alert)
        fates.append(Fate())
        let now = alert.index
        let fits = cases.indices.compactMap { number -> (number: Int, score: Double, last: Instant, limit: String?)? in
            guard let score = score(now, cases[number]) else { return nil }
            let last = cases[number].map { alerts[$0].occurredAt }.max() ?? alert.occurredAt
            return (number, score, last, limit(now, cases[number]))
        }.sorted { ($0.score, $0.last) > ($1.score, $1.last) }
        let free = fits.filter { $0.limit == nil }
        if let best = free.first {
            cases[best.number].append(now)
            fates[now] = Fate(
                opener: cases[best.number][0], score: best.score, by: "overlap", others: free.dropFirst().map(\.score))
            gather(best.number, around: now)
        } else if alert.severity.rank >= rules.minimumSeverity.rank {
            cases.append([now])
            fates[now] = Fate(opener: now, full: fits.first?.limit)
            gather(cases.count - 1, around: now)
        }
    }

    private mutating func gather(_ number: Int, around index: Int) {
        let arrival = alerts[alerts.count - 1].arrivedAt
        var newest = [index]
        while let next = newest.popLast() {
            let waiting = alerts.indices.filter { other in
                fates[other].opener == nil && arrival.milliseconds(since: alerts[other].arrivedAt) <= rules.reachMs
                    && !strong(alerts[other]).filter { strong(alerts[next])[$0.key] != nil }.isEmpty
            }
            for other in waiting.sorted(by: { alerts[$0].occurredAt < alerts[$1].occurredAt }) {
                guard let score = score(other, cases[number]), limit(other, cases[number]) == nil else { continue }
                cases[number].append(other)
                fates[other] = Fate(opener: cases[number][0], score: score, by: "tagged")
                newest.append(other)
            }
        }
    }

    private func strong(_ alert: Alert) -> [EntityKey: Double] {
        var weights: [EntityKey: Double] = [:]
        for entity in alert.entities where ![.process, .namespace, .vulnerability, .other].contains(entity.type) {
            weights[entity.key] = max(weights[entity.key] ?? 0, entity.role == .related ? 0.5 : 1)
        }
        return weights
    }

    private func score(_ index: Int, _ members: [Int]) -> Double? {
        let alert = alerts[index]
        let times = members.map { alerts[$0].occurredAt }
        let arrivals = members.map { alerts[$0].arrivedAt }
        guard let first = times.min(), let last = times.max(), let lastArrival = arrivals.max(),
            alert.arrivedAt.milliseconds(since: lastArrival) <= rules.reachMs,
            alert.occurredAt.milliseconds(since: last) <= rules.windowMs,
            first.milliseconds(since: alert.occurredAt) <= rules.windowMs
        else { return nil }
        let own = strong(alert)
        let theirs = members.reduce(into: [EntityKey: Double]()) { $0.merge(strong(alerts[$1]), uniquingKeysWith: max) }
        let shared = own.reduce(0) { $0 + min($1.value, theirs[$1.key] ?? 0) }
        func total(_ side: [EntityKey: Double], _ other: [EntityKey: Double]) -> Double {
            side.filter { $0.value == 1 || other[$0.key] != nil }.values.reduce(0, +)
        }
        let smaller = min(total(own, theirs), total(theirs, own))
        guard shared > 0, shared / smaller >= rules.minimumOverlap else { return nil }
        return shared / smaller
    }

    private func limit(_ index: Int, _ members: [Int]) -> String? {
        if members.count >= rules.maxAlerts { return "max_alerts" }
        let times = (members + [index]).map { alerts[$0].occurredAt }
        let arrivals = members.map { alerts[$0].arrivedAt }
        guard let first = times.min(), let last = times.max(), let firstArrival = arrivals.min() else { return nil }
        let isOld =
            last.milliseconds(since: first) > rules.maxAgeMs
            || alerts[index].arrivedAt.milliseconds(since: firstArrival) > rules.maxAgeMs
        return isOld ? "max_age_ms" : nil
    }
}
