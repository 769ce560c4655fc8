import Cases
import EventLog
import Events

import struct Foundation.UUID

extension AlertCorrelator {
    /// Joins, opens or tags.
    func place(_ alert: NormalizedAlert, cause event: Event) async throws {
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        while true {
            let placement = memory { $0.cases.placement(of: alert.alertID) } ?? .init()
            guard let fit = placement.best else {
                return try await begin(alert, continuing: placement.full, cause: event)
            }
            if let home = try await join(alert, fit, others: placement.others, cause: cause) {
                return try await gather(around: [alert.alertID], in: home, cause: event)
            }
            // It was closed while we looked: perhaps another one fits.
            memory { $0.found(closed: fit.caseID) }
        }
    }

    /// - Returns: the case that the alert is in now; `nil` when the case is closed and stays so.
    private func join(
        _ alert: NormalizedAlert, _ fit: OpenCases.Fit, others: [OpenCases.Fit], cause: Cause
    ) async throws -> UUID? {
        var target = fit.caseID
        var seen: Set<UUID> = []
        while seen.insert(target).inserted {
            // Only a case that turns out to be closed is asked whether it may be opened again: most are not.
            var written = try await link(alert, fit, to: target, others: others, cause: cause)
            if target == fit.caseID, written.record.state.isClosed, !written.record.reopenedByAlert().isEmpty {
                _ = try await bench.cases.update(target, tenant: bench.tenant, cause: cause, salt: "reopen") {
                    $0.reopenedByAlert()
                }
                written = try await link(alert, fit, to: target, others: others, cause: cause)
            }
            if written.record.alerts.contains(where: { $0.alertID == alert.alertID }) {
                memory { $0.link(alert.alertID, to: target) }
                return target
            }
            // Merged meanwhile: what fits it goes where its alerts went.
            guard written.record.state.isClosed, let into = written.record.mergedInto else { return nil }
            target = into
        }
        return nil
    }

    private func link(
        _ alert: NormalizedAlert, _ fit: OpenCases.Fit, to target: UUID, others: [OpenCases.Fit], cause: Cause
    ) async throws -> CaseStore.Written {
        try await bench.cases.update(target, tenant: bench.tenant, cause: cause) { record in
            record.link(
                alert, overlapScore: fit.score, shared: fit.shared, by: .overlap,
                alsoFits: others.prefix(10).map { .init(caseID: $0.caseID, overlapScore: $0.score) })
        }
    }

    /// No open case has room for it: it opens one, or waits.
    private func begin(_ alert: NormalizedAlert, continuing full: OpenCases.Fit?, cause event: Event) async throws {
        let minimum = memory { $0.cases.rules.minimumSeverity } ?? .medium
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        guard alert.isCorrelation || alert.severity.rank >= minimum.rank else {
            return try await tag(alert, below: minimum, cause: cause)
        }
        let caseID = UUID.v5(namespace: event.eventID, name: "case")
        let continues = full.flatMap { full in
            full.limit.map { CaseOpened.Continuation(caseID: full.caseID, reason: $0) }
        }
        try await bench.cases.open(
            caseID, tenant: bench.tenant,
            decisions: [CaseRecord.open(alert, ingestedAt: event.recordedAt, continues: continues)], cause: cause)
        memory { $0.open(caseID, by: alert.alertID) }
        try await gather(around: [alert.alertID], in: caseID, cause: event)
    }

    private func tag(_ alert: NormalizedAlert, below minimum: Severity, cause: Cause) async throws {
        let decision = Decision(
            AlertDisposition(
                alertID: alert.alertID, disposition: .tagged,
                reason: "severity \(alert.severity.rawValue) is below \(minimum.rawValue)"))
        _ = try await bench.cases.log.append(
            .init(
                tenant: bench.tenant, streamKind: StreamKind.alert.rawValue, streamID: alert.alertID, caseID: nil,
                expected: .any, events: cause.events(for: [decision]), evidence: []))
        memory { $0.leave(alert.alertID) }
    }

    /// Takes along tagged alerts that fit the case now, and those that fit because of them.
    func gather(around alerts: [UUID], in caseID: UUID, cause event: Event) async throws {
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        var newest = alerts
        while let next = newest.popLast() {
            let waiting = memory { $0.cases.companions(of: caseID, along: next) } ?? []
            guard !waiting.isEmpty else { continue }
            let found = try await bench.alerts.load(waiting, tenant: bench.tenant)
            for id in waiting {
                guard let alert = found[id]?.alert, let fit = memory({ $0.cases.fit(companion: id, caseID) }) else {
                    continue
                }
                let written = try await bench.cases.update(
                    caseID, tenant: bench.tenant, cause: cause, salt: id.lowercased
                ) { $0.link(alert, overlapScore: fit.score, shared: fit.shared, by: .tagged) }
                guard written.record.alerts.contains(where: { $0.alertID == id }) else { continue }
                memory { $0.link(id, to: caseID) }
                newest.append(id)
            }
        }
    }
}
