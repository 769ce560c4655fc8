import Cases
import Events

import struct Foundation.UUID

/// What follows when people merge or split cases.
extension AlertCorrelator {
    /// A case was merged into another: its alerts join that one, or the one that it was merged into meanwhile.
    func takeOver(_ event: Event) async throws {
        guard let source = event.caseID, let into = CaseMemory.id("into", event) else { return }
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        let target: UUID
        switch try await end(of: into) {
        case .open(let id): target = id
        case .closed: return
        case .circle:
            // Two people merged two cases into each other in the same moment: the first merge stands.
            _ = try await bench.cases.update(into, tenant: bench.tenant, cause: cause, salt: "reopen") { record in
                record.reopenedByCircle()
            }
            target = into
        }
        guard target != source else { return }
        let ids = CaseMemory.ids("alert_ids", event)
        let found = try await bench.alerts.load(ids, tenant: bench.tenant)
        for id in ids {
            guard let alert = found[id]?.alert else { continue }
            let written = try await bench.cases.update(target, tenant: bench.tenant, cause: cause, salt: id.lowercased)
            {
                $0.link(alert, overlapScore: 1, shared: [], by: .merge)
            }
            if written.record.alerts.contains(where: { $0.alertID == id }) { memory { $0.link(id, to: target) } }
        }
    }

    private enum End {
        case open(UUID)
        /// Somebody has given a verdict.
        case closed
        case circle
    }

    /// Where merging leads from a case.
    private func end(of id: UUID) async throws -> End {
        var seen: Set<UUID> = []
        var current = id
        while seen.insert(current).inserted {
            guard let record = try await bench.cases.load(current, tenant: bench.tenant) else { return .closed }
            if !record.state.isClosed { return .open(current) }
            guard let next = record.mergedInto else { return .closed }
            current = next
        }
        return .circle
    }

    /// Some of a case's alerts become a case of their own. Whoever asked for it opens that case at once; this makes sure
    /// that it is opened.
    func openSplit(_ event: Event) async throws {
        guard let source = event.caseID, let newID = CaseMemory.id("new_case_id", event),
            let record = try await bench.cases.load(source, tenant: bench.tenant)
        else { return }
        let ids = CaseMemory.ids("alert_ids", event)
        let found = try await bench.alerts.load(ids, tenant: bench.tenant)
        let alerts = ids.compactMap { found[$0]?.alert }
        guard let first = alerts.first else { return }
        let cause = Cause(reactor: Self.name, reactingTo: event, at: bench.clock())
        try await bench.cases.open(
            newID, tenant: bench.tenant,
            decisions: [
                CaseRecord.open(
                    first, ingestedAt: event.recordedAt, tier: record.tier, queue: record.queue, splitFrom: source)
            ], cause: cause)
        for alert in alerts.dropFirst() {
            _ = try await bench.cases.update(newID, tenant: bench.tenant, cause: cause, salt: alert.alertID.lowercased)
            {
                $0.link(alert, overlapScore: 1, shared: [], by: .split)
            }
        }
    }
}
