import Cases
import Events

import struct Foundation.UUID

extension OpenCases {
    /// A case that an alert fits, and why.
    struct Fit: Sendable {
        var caseID: UUID
        var score: Double
        var shared: [EntityKey]
        var lastAt: Instant
        /// The limit that the case has reached: it takes no more.
        var limit: CaseOpened.Continuation.Reason?
    }

    /// Where an alert belongs.
    struct Placement: Sendable {
        /// The case that it joins.
        var best: Fit?
        /// Others that it would have joined, the best first.
        var others: [Fit] = []
        /// Where it belongs and cannot go, when there is no other.
        var full: Fit?
    }

    /// The greatest overlap wins, then the case whose last alert is the most recent by its own time, then the greater id.
    func placement(of id: UUID) -> Placement {
        guard let seen = alerts[id] else { return Placement() }
        let candidates = seen.weights.items.reduce(into: Set<UUID>()) { $0.formUnion(casesByEntity[$1.key] ?? []) }
        let fits = candidates.compactMap { fit(seen, $0) }.sorted {
            ($0.score, $0.lastAt, $0.caseID.uuidString) > ($1.score, $1.lastAt, $1.caseID.uuidString)
        }
        let free = fits.filter { $0.limit == nil }
        return Placement(best: free.first, others: Array(free.dropFirst()), full: free.isEmpty ? fits.first : nil)
    }

    /// Alerts without a case that fit a case now that this alert is part of it, the oldest first.
    func companions(of caseID: UUID, along id: UUID) -> [UUID] {
        guard let newest = alerts[id] else { return [] }
        let loose = newest.weights.items.reduce(into: Set<UUID>()) { $0.formUnion(looseByEntity[$1.key] ?? []) }
        return loose.compactMap { alerts[$0] }
            .filter { now.milliseconds(since: $0.arrivedAt) <= rules.reachMs }
            .sorted { ($0.occurredAt, $0.id.uuidString) < ($1.occurredAt, $1.id.uuidString) }
            .map(\.id)
    }

    /// Whether a waiting alert fits a case, which may have changed since it was found.
    func fit(companion id: UUID, _ caseID: UUID) -> Fit? {
        guard let seen = alerts[id], seen.caseID == nil, let fit = fit(seen, caseID), fit.limit == nil else {
            return nil
        }
        return fit
    }

    private func fit(_ seen: Seen, _ caseID: UUID) -> Fit? {
        guard let entry = cases[caseID], entry.takesAlerts, !entry.alerts.isEmpty else { return nil }
        guard seen.arrivedAt.milliseconds(since: entry.lastArrival) <= rules.reachMs,
            seen.occurredAt.milliseconds(since: entry.lastAt) <= rules.windowMs,
            entry.firstAt.milliseconds(since: seen.occurredAt) <= rules.windowMs
        else { return nil }
        let score = entry.tally.overlap(with: seen.weights)
        guard score > 0, score >= rules.minimumOverlap else { return nil }
        return Fit(
            caseID: caseID, score: score, shared: entry.tally.shared(with: seen.weights), lastAt: entry.lastAt,
            limit: limit(of: entry, with: seen))
    }

    private func limit(of entry: Entry, with seen: Seen) -> CaseOpened.Continuation.Reason? {
        if entry.alerts.count >= rules.maxAlerts { return .maxAlerts }
        let span = max(entry.lastAt, seen.occurredAt).milliseconds(since: min(entry.firstAt, seen.occurredAt))
        let age = seen.arrivedAt.milliseconds(since: entry.firstArrival)
        return entry.isOlder || span > rules.maxAgeMs || age > rules.maxAgeMs ? .maxAge : nil
    }
}
