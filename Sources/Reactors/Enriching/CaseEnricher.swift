package import Cases
import EventLog
package import Events

import struct Foundation.UUID

/// Attaches what is known about the case's entities: assets, owners, environment, evidence; what is unknown is named.
package struct CaseEnricher: Reactor {
    package static let name = "enrich"
    package static let interests: Set<EventType> = [
        .caseOpened, .caseAlertLinked, .caseSplit, .runCompleted, .runFailed, .runCancelled, .rollbackCompleted,
        .rollbackIncomplete,
    ]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        try await bench.update(for: event, as: Self.name) { record in
            guard record.needsEnrichment else { return [] }
            let gone = try await evidenceSplitOff(record)
            // A request that was made between the joining and now rests on what was known before it.
            return [try await enrichment(of: record)] + record.expire(gone)
                + record.invalidatingApproval(cause: "evidence_changed")
        }
        return .done
    }

    /// Everything known about the case's entities as of now.
    ///
    /// Reads the alerts that are new to the case, a few at a time; what earlier ones said, the record has. When one of
    /// those came again with other bytes, all of them are read anew.
    func enrichment(of record: CaseRecord) async throws -> Decision {
        let registry = try await bench.registry()
        var new = record.alerts.filter(\.isPending).map(\.alertID)
        let isAnew = try await hasChanged(record)
        if isAnew { new = record.alerts.map(\.alertID) }
        let evidence = EvidenceStore(log: bench.cases.log)
        var context = CaseContext(record, registry: registry, isAnew: isAnew)
        for ids in AlertStore.parts(of: new) {
            let alerts = try await bench.alerts.load(ids, tenant: bench.tenant)
            for found in ids.compactMap({ alerts[$0] }) {
                try await context.add(found) { try await evidence.value(of: $0, tenant: bench.tenant) }
            }
        }
        return try context.decision(at: bench.clock())
    }

    /// Whether an alert that the case knows has come again since, or what it knows cannot be told from the record.
    private func hasChanged(_ record: CaseRecord) async throws -> Bool {
        let known = record.alerts.filter { !$0.isPending }.map(\.alertID)
        // After a split nothing counts as known: what the case was told rested on what has left as well.
        guard !known.isEmpty else { return true }
        let told = try await bench.cases.log.latest(
            of: [EventType.caseEnriched.rawValue], streams: [record.id], tenant: bench.tenant)
        guard let position = told[record.id]?.position else { return true }
        for ids in AlertStore.parts(of: known) {
            let newer = try await bench.cases.log.latest(
                of: [EventType.alertNormalized.rawValue], streams: ids, tenant: bench.tenant, after: position)
            if !newer.isEmpty { return true }
        }
        return false
    }

    /// Evidence that came with alerts of another case now.
    private func evidenceSplitOff(_ record: CaseRecord) async throws -> [EvidenceItem] {
        guard let split = record.alertsSplitOff, !split.isEmpty else { return [] }
        var events: Set<UUID> = []
        for ids in AlertStore.parts(of: split) {
            events.formUnion(try await bench.alerts.load(ids, tenant: bench.tenant).values.map(\.eventID))
        }
        return record.evidence.filter { !$0.eventIDs.isEmpty && events.isSuperset(of: $0.eventIDs) }
    }
}
