package import Cases
package import EventLog
package import Events
package import JSON

package import struct Foundation.UUID

/// Reads the data of evidence that a case only cites back from where it lies: the event that the item names, and what
/// is kept apart from that.
package struct EvidenceStore: Sendable {
    /// Bytes of data that are read for one record at most. What is beyond stays cited: nothing that fills a parameter of
    /// a plan is as large.
    package static let bytesMaximum = 16 << 20

    private let log: EventLog

    package init(log: EventLog) { self.log = log }

    /// Data that is kept apart from an alert; `null` once it is erased.
    package func value(of apart: NormalizedAlert.Apart, tenant: UUID) async throws -> JSONValue {
        try await AlertParts.value(apart.digest, in: log, tenant: tenant)
    }

    /// The record with the data of the evidence that it cites: for whoever binds a plan. What was erased, or does not
    /// have its digest, stays `null`.
    package func filled(_ record: CaseRecord) async throws -> CaseRecord {
        var record = record
        var left = Self.bytesMaximum
        for index in record.evidence.indices {
            let item = record.evidence[index]
            guard let size = item.dataSize, size <= left, !record.expiredEvidence.contains(item.digest),
                let id = item.eventIDs.first, let event = try await log.event(id, tenant: record.tenant)
            else { continue }
            left -= size
            if let found = try await data(of: item, in: event, tenant: record.tenant) { record.evidence[index] = found }
        }
        return record
    }

    /// The item with the data that an event has for it.
    private func data(of item: EvidenceItem, in event: Event, tenant: UUID) async throws -> EvidenceItem? {
        switch event.kind {
        case .alertNormalized:
            guard let alert = try NormalizedAlert.read(event) else { return nil }
            for sent in alert.evidence where sent.kind == item.kind {
                let data =
                    if let apart = sent.apart { try await value(of: apart, tenant: tenant) } else { sent.data }
                if let found = item.holding(data) { return found }
            }
            return nil
        case .evidenceAdded: return event.data.at("/item/data").flatMap(item.holding)
        default: return nil
        }
    }
}

extension CaseStore {
    /// The record with the data of the evidence that it cites (`EvidenceStore.filled`).
    package func withEvidence(_ record: CaseRecord) async throws -> CaseRecord {
        try await EvidenceStore(log: log).filled(record)
    }
}
