import Cases
import Events
package import struct Foundation.UUID
import Synchronization

/// The cases that a batch of events touches, as they stand after it: each folded from its own stream in the log.
///
/// The record before the batch comes from memory or, when it is not there, from the stream, never from another
/// projection: so every projection can be rebuilt alone. A record at a version is a pure function of the log, so what
/// is remembered stays right whether or not the transaction that asked for it commits. Only an erasure changes what the
/// log gives back; `erasures` names the last one, and records from before it are forgotten.
package final class CaseHistory: Sendable {
    private struct Key: Hashable {
        var projection: String
        var tenant: UUID
        var caseID: UUID
    }

    private struct Remembered {
        var record: CaseRecord
        var erasures: Int64
        var usedAt: UInt64
    }

    private struct Memory {
        var records: [Key: Remembered] = [:]
        var uses: UInt64 = 0
    }

    private let source: any EventSource
    private let capacity: Int
    private let memory = Mutex(Memory())
    private static let pageSize = 500

    /// - Parameter capacity: how many records are remembered, over all tenants and projections.
    package init(_ source: any EventSource, capacity: Int = 4_000) {
        self.source = source
        self.capacity = capacity
    }

    /// - Parameters:
    ///   - events: contiguous events of the tenant's feed.
    ///   - projection: each goes forward at its own pace and is remembered apart.
    ///   - erasures: position of the tenant's last `subject.erased`, -1 when there is none.
    /// - Returns: in the order of first appearance.
    /// - Throws: `PoisonEvent` for an event that does not fold, `ProjectionError` when the log cannot be read.
    func fold(
        _ events: [Event], tenant: UUID, for projection: String, erasures: Int64
    ) async throws -> [CaseRecord] {
        var order: [UUID] = []
        var records: [UUID: CaseRecord] = [:]
        // In the feed's order, so that the first event that does not fold is the one that is named.
        for event in events where event.streamKind == StreamKind.case.rawValue {
            let id = event.streamID
            var record: CaseRecord
            if let known = records[id] {
                record = known
            } else {
                order.append(id)
                let key = Key(projection: projection, tenant: tenant, caseID: id)
                record = try await before(event, key, erasures)
            }
            try apply(event, to: &record)
            records[id] = record
        }
        let folded = order.compactMap { records[$0] }
        remember(folded, tenant: tenant, projection: projection, erasures: erasures)
        return folded
    }

    private func before(_ event: Event, _ key: Key, _ erasures: Int64) async throws -> CaseRecord {
        let wanted = event.version - 1
        var record = CaseRecord(id: key.caseID, tenant: key.tenant)
        if let known = memory.withLock({ $0.records[key] }), known.erasures == erasures, known.record.version <= wanted {
            record = known.record
        }
        while record.version < wanted {
            let page: [Event]
            do {
                page = try await source.read(
                    stream: key.caseID, tenant: key.tenant, after: record.version, upTo: event.position - 1,
                    limit: Self.pageSize)
            } catch {
                throw ProjectionError(.log, "the stream of case \(key.caseID.lowercased) cannot be read", cause: error)
            }
            guard !page.isEmpty else {
                throw ProjectionError(
                    .gap, "case \(key.caseID.lowercased) lacks version \(record.version + 1) before event \(event.position)")
            }
            for earlier in page { try apply(earlier, to: &record) }
        }
        return record
    }

    private func apply(_ event: Event, to record: inout CaseRecord) throws {
        guard event.version == record.version + 1 else {
            throw ProjectionError(
                .gap, "case \(record.id.lowercased) has version \(event.version) after \(record.version)")
        }
        guard event.version > 1 || event.kind == .caseOpened else {
            throw PoisonEvent(event, "a case's stream begins with case.opened")
        }
        do {
            try record.apply(event)
        } catch {
            throw PoisonEvent(event, "\(error)")
        }
    }

    private func remember(_ records: [CaseRecord], tenant: UUID, projection: String, erasures: Int64) {
        memory.withLock { memory in
            for record in records {
                memory.uses += 1
                memory.records[Key(projection: projection, tenant: tenant, caseID: record.id)] = Remembered(
                    record: record, erasures: erasures, usedAt: memory.uses)
            }
            guard memory.records.count > capacity else { return }
            // Half of them at once, so that sorting is paid once in many batches.
            let oldest = memory.records.sorted { $0.value.usedAt < $1.value.usedAt }.prefix(memory.records.count / 2)
            for (key, _) in oldest { memory.records[key] = nil }
        }
    }
}
