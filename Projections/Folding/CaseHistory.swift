import Cases
import Events
import Synchronization

import struct Foundation.UUID

/// The cases that a batch of events touches, as they stand after it: each folded from its own stream in the log.
///
/// The record before the batch comes from memory or, when it is not there, from the stream, never from another
/// projection: so every projection can be rebuilt alone. A record at a version is a pure function of the log, so what
/// is remembered is right for every projection, whether or not the transaction that asked for it commits; in a quiet
/// hour the first projection folds and the others find. Only an erasure changes what the log gives back, so the last
/// one is part of what a record is remembered under.
package final class CaseHistory: Sendable {
    private struct Key: Hashable {
        var tenant: UUID
        var caseID: UUID
        var version: Int64
        var erasures: Int64
    }

    private struct Memory {
        var records: [Key: (folded: FoldedCase, usedAt: UInt64)] = [:]
        var bytes = 0
        var uses: UInt64 = 0
    }

    private let source: any EventSource
    private let bytesMaximum: Int
    private let memory = Mutex(Memory())

    /// - Parameter bytesMaximum: of all remembered records together, by the size of their events.
    package init(_ source: any EventSource, bytesMaximum: Int = 64 << 20) {
        self.source = source
        self.bytesMaximum = bytesMaximum
    }

    /// - Parameters:
    ///   - events: contiguous events of the tenant's feed.
    ///   - erasures: position of the tenant's last `subject.erased`, -1 when there is none.
    /// - Returns: in the order of first appearance.
    /// - Throws: `PoisonEvent` for an event that does not fold, `ProjectionError` when the log cannot be read.
    func fold(_ events: [Event], tenant: UUID, erasures: Int64) async throws -> [CaseRecord] {
        let events = events.filter { $0.streamKind == StreamKind.case.rawValue }
        let last = Dictionary(events.map { ($0.streamID, $0.version) }, uniquingKeysWith: { _, later in later })
        var order: [UUID] = []
        var known: Set<UUID> = []
        var records: [UUID: FoldedCase] = [:]
        // In the feed's order, so that the first event that does not fold is the one that is named.
        for event in events where !known.contains(event.streamID) {
            let id = event.streamID
            if records[id] == nil {
                order.append(id)
                let after = Key(tenant: tenant, caseID: id, version: last[id] ?? event.version, erasures: erasures)
                if let found = recall(after) {
                    records[id] = found
                    known.insert(id)
                    continue
                }
                records[id] = try await before(event, after)
            }
            try records[id]?.apply(event)
        }
        remember(order.filter { !known.contains($0) }.compactMap { records[$0] }, tenant: tenant, erasures: erasures)
        return order.compactMap { records[$0]?.record }
    }

    /// The case as it stood before an event.
    private func before(_ event: Event, _ key: Key) async throws -> FoldedCase {
        var key = key
        key.version = event.version - 1
        if let found = recall(key) { return found }
        var folded = FoldedCase(id: key.caseID, tenant: key.tenant)
        try await folded.advance(to: key.version, before: event.position, from: source)
        return folded
    }

    private func recall(_ key: Key) -> FoldedCase? {
        memory.withLock { memory in
            guard let found = memory.records[key] else { return nil }
            memory.uses += 1
            memory.records[key]?.usedAt = memory.uses
            return found.folded
        }
    }

    private func remember(_ folded: [FoldedCase], tenant: UUID, erasures: Int64) {
        memory.withLock { memory in
            for one in folded {
                let record = one.record
                let key = Key(tenant: tenant, caseID: record.id, version: record.version, erasures: erasures)
                memory.uses += 1
                let earlier = memory.records.updateValue((one, memory.uses), forKey: key)
                memory.bytes += one.bytes - (earlier?.folded.bytes ?? 0)
            }
            guard memory.bytes > bytesMaximum else { return }
            // Down to half at once, so that sorting is paid once in many batches.
            for (key, oldest) in memory.records.sorted(by: { $0.value.usedAt < $1.value.usedAt }) {
                guard memory.bytes > bytesMaximum / 2 else { return }
                memory.records[key] = nil
                memory.bytes -= oldest.folded.bytes
            }
        }
    }
}
