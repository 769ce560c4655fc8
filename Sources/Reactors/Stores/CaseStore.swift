package import Cases
package import EventLog
import Events
import JSON
import Synchronization

package import struct Foundation.UUID

/// Loads cases by folding their streams, and appends what was decided on them, at the version that was looked at.
///
/// Never reads a projection: what is decided here rests on the log alone. Folded records are kept, and only newer
/// events are read again; after an erasure, which leaves an event in each case that it changed, all of them are.
package final class CaseStore: Sendable {
    /// What came of appending decisions to a case.
    package struct Written: Sendable {
        package var record: CaseRecord
        /// The last position appended, `nil` when there was nothing to append.
        package var position: Int64?
    }

    package let log: EventLog
    private let cache = Mutex<[CacheKey: CaseRecord]>([:])
    private static let cacheLimit = 5_000
    private static let conflictRetries = 50

    private struct CacheKey: Hashable {
        var tenant: UUID
        var id: UUID
    }

    package init(log: EventLog) {
        self.log = log
    }

    /// - Parameter position: read up to this position only, for a look into the past.
    /// - Returns: `nil` when there is no such case, or none yet.
    package func load(_ id: UUID, tenant: UUID, upTo position: Int64? = nil) async throws -> CaseRecord? {
        let key = CacheKey(tenant: tenant, id: id)
        var record = position == nil ? cache.withLock { $0[key] } : nil
        var isRemembered = record != nil
        while true {
            let events = try await log.read(
                stream: id, tenant: tenant, after: record?.version ?? 0, upTo: position, limit: 1_000)
            if isRemembered, events.contains(where: { $0.kind == .subjectErased }) {
                // What was folded before holds what the log no longer says.
                cache.withLock { $0[key] = nil }
                record = nil
                isRemembered = false
                continue
            }
            if record == nil {
                guard events.first?.kind == .caseOpened else { return nil }
                record = CaseRecord(id: id, tenant: tenant)
            }
            for event in events { try record?.apply(event) }
            if events.count < 1_000 { break }
        }
        if position == nil, let record { keep(record, key) }
        return record
    }

    private func keep(_ record: CaseRecord, _ key: CacheKey) {
        cache.withLock { cache in
            if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
            if (cache[key]?.version ?? 0) < record.version { cache[key] = record }
        }
    }

    /// Opens a case: its stream must be new.
    package func open(_ id: UUID, tenant: UUID, decisions: [Decision], cause: Cause) async throws {
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.case.rawValue, streamID: id, caseID: id, expected: .exactly(0),
                events: cause.events(for: decisions, stream: id), evidence: []))
        switch verdict {
        // The case is there: the first answer stands, whoever gave it.
        case .appended, .duplicate, .mismatch, .conflict: return
        }
    }

    /// Decides on a case and appends, again and again until nobody was faster.
    ///
    /// - Parameters:
    ///   - salt: tells several updates of one cause apart.
    ///   - decide: what is to happen, given the record; nothing is appended when it returns nothing.
    /// - Throws: `Rejection.notFound` when there is no such case, what `decide` throws, and the log's errors.
    package func update(
        _ id: UUID, tenant: UUID, cause: Cause, salt: String = "", ifVersion: Int64? = nil,
        _ decide: (CaseRecord) async throws -> [Decision]
    ) async throws -> Written {
        for attempt in 0..<Self.conflictRetries {
            // First what is remembered, without a look at the log: the append says whether it was the newest. What
            // comes to nothing, or is refused, is decided again on what the log says now.
            let remembered = attempt == 0 ? known(id, tenant) : nil
            let isCertain = remembered == nil
            let found = if let remembered { remembered } else { try await load(id, tenant: tenant) }
            guard let record = found else { throw Rejection.notFound }
            if let ifVersion, record.version != ifVersion {
                guard isCertain else { continue }
                throw StaleVersion(current: record.version)
            }
            let decisions: [Decision]
            do {
                decisions = try await decide(record)
            } catch  where !isCertain && !(error is CancellationError) {
                continue
            }
            guard !decisions.isEmpty else {
                guard isCertain else { continue }
                return Written(record: record, position: nil)
            }
            let events = cause.events(for: decisions, salt: salt, stream: id)
            let verdict = try await log.append(
                AppendRequest(
                    tenant: tenant, streamKind: StreamKind.case.rawValue, streamID: id, caseID: id,
                    expected: .exactly(record.version), events: events, evidence: []))
            switch verdict {
            case .appended(let range):
                return Written(record: try folded(record, events, range), position: range.lastPosition)
            case .duplicate(let range):
                return Written(record: try await load(id, tenant: tenant) ?? record, position: range.lastPosition)
            case .mismatch:
                // An earlier attempt of the same cause was written; the first answer stands.
                return Written(record: try await load(id, tenant: tenant) ?? record, position: nil)
            case .conflict: continue
            }
        }
        throw Contention(caseID: id)
    }

    private func known(_ id: UUID, _ tenant: UUID) -> CaseRecord? {
        cache.withLock { $0[CacheKey(tenant: tenant, id: id)] }
    }

    /// The record after events that were appended right behind it, as the log will give them back.
    private func folded(_ record: CaseRecord, _ events: [NewEvent], _ range: AppendedRange) throws -> CaseRecord {
        var record = record
        for (index, new) in events.enumerated() {
            let behind = Int64(events.count - 1 - index)
            // Numbers in particular are read back in their canonical form.
            let data = try JSONValue.parse(
                new.data.canonicalBytes(), limits: JSONLimits(depth: 256, members: .max))
            try record.apply(
                Event(
                    position: range.lastPosition - behind, eventID: new.eventID, type: new.type,
                    schemaVersion: new.schemaVersion, streamKind: StreamKind.case.rawValue, streamID: record.id,
                    version: range.lastVersion - behind, caseID: record.id,
                    recordedAt: Instant(microseconds: range.recordedAt.microseconds - behind),
                    occurredAt: new.occurredAt, actor: new.actor, causedBy: new.causedBy,
                    correlationID: new.correlationID, traceID: new.traceID, data: data))
        }
        keep(record, CacheKey(tenant: record.tenant, id: record.id))
        return record
    }
}

/// The case moved on since the version that the caller saw (`If-Match`).
package struct StaleVersion: Error, Sendable {
    package var current: Int64

    package init(current: Int64) { self.current = current }
}

/// Others were faster, fifty times over.
package struct Contention: Error, Sendable, CustomStringConvertible {
    package var caseID: UUID
    package var description: String { "case \(caseID.lowercased) is changed too often to be changed" }
}
