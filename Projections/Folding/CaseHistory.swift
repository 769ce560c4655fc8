import Cases
import Events
import JSON
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

    /// A record, and about how many bytes its events hold: alerts bring evidence of any size.
    fileprivate struct Weighed {
        var record: CaseRecord
        var bytes: Int
    }

    private struct Memory {
        var records: [Key: (weighed: Weighed, usedAt: UInt64)] = [:]
        var bytes = 0
        var uses: UInt64 = 0
    }

    private let source: any EventSource
    private let bytesMaximum: Int
    private let memory = Mutex(Memory())
    private static let pageSize = 500

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
        var records: [UUID: Weighed] = [:]
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
    private func before(_ event: Event, _ key: Key) async throws -> Weighed {
        var key = key
        key.version = event.version - 1
        if let found = recall(key) { return found }
        var weighed = Weighed(record: CaseRecord(id: key.caseID, tenant: key.tenant), bytes: 0)
        while weighed.record.version < key.version {
            let page: [Event]
            do {
                page = try await source.read(
                    stream: key.caseID, tenant: key.tenant, after: weighed.record.version, upTo: event.position - 1,
                    limit: Self.pageSize)
            } catch {
                throw ProjectionError(.log, "the stream of case \(key.caseID.lowercased) cannot be read", cause: error)
            }
            guard !page.isEmpty else {
                let missing = weighed.record.version + 1
                throw ProjectionError(
                    .gap, "case \(key.caseID.lowercased) lacks version \(missing) before event \(event.position)")
            }
            for earlier in page { try weighed.apply(earlier) }
        }
        return weighed
    }

    private func recall(_ key: Key) -> Weighed? {
        memory.withLock { memory in
            guard let found = memory.records[key] else { return nil }
            memory.uses += 1
            memory.records[key]?.usedAt = memory.uses
            return found.weighed
        }
    }

    private func remember(_ folded: [Weighed], tenant: UUID, erasures: Int64) {
        memory.withLock { memory in
            for weighed in folded {
                let record = weighed.record
                let key = Key(tenant: tenant, caseID: record.id, version: record.version, erasures: erasures)
                memory.uses += 1
                let earlier = memory.records.updateValue((weighed, memory.uses), forKey: key)
                memory.bytes += weighed.bytes - (earlier?.weighed.bytes ?? 0)
            }
            guard memory.bytes > bytesMaximum else { return }
            // Down to half at once, so that sorting is paid once in many batches.
            for (key, oldest) in memory.records.sorted(by: { $0.value.usedAt < $1.value.usedAt }) {
                guard memory.bytes > bytesMaximum / 2 else { return }
                memory.records[key] = nil
                memory.bytes -= oldest.weighed.bytes
            }
        }
    }
}

extension CaseHistory.Weighed {
    fileprivate mutating func apply(_ event: Event) throws {
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
        bytes += 256 + event.data.byteEstimate
    }
}

extension JSONValue {
    /// About what the value takes in memory: text as it is, and some bytes for each node.
    fileprivate var byteEstimate: Int {
        switch self {
        case .string(let text): 16 + text.utf8.count
        case .array(let elements): elements.reduce(16) { $0 + $1.byteEstimate }
        case .object(let members): members.reduce(16) { $0 + 16 + $1.key.utf8.count + $1.value.byteEstimate }
        default: 16
        }
    }
}
