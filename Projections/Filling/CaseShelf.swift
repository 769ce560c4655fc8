import Cases
import Events
import Foundation
import Postgres

/// A part of a tenant's cases while its log is folded from the beginning: those that were touched last, up to a bound.
///
/// What goes over the bound is written and forgotten. A case that is touched after that is folded from its stream again,
/// and its rows are written anew. Several shelves, each with the cases of some ids, keep several cores busy.
actor CaseShelf {
    private struct Entry {
        var folded: FoldedCase
        /// The chunk that touched it last.
        var chunk: Int
        /// Some of its rows may be in the tables.
        var isWritten: Bool
    }

    private let tenant: UUID
    private let source: any EventSource
    private var entries: [UUID: Entry] = [:]
    private var bytes = 0
    private var chunk = 0
    private var touched: Set<UUID> = []

    init(tenant: UUID, source: any EventSource) {
        self.tenant = tenant
        self.source = source
    }

    /// Folds a chunk's events of this shelf's cases, in order.
    ///
    /// - Returns: the event that does not fold, if there is one. Then `restore` must follow.
    func take(_ events: [Event]) async throws -> PoisonEvent? {
        chunk += 1
        touched = []
        for event in events {
            do {
                try await take(event)
            } catch let poison as PoisonEvent {
                return poison
            }
        }
        return nil
    }

    private func take(_ event: Event) async throws {
        let id = event.streamID
        touched.insert(id)
        if entries[id] == nil {
            var folded = FoldedCase(id: id, tenant: tenant)
            // Only what was written before is not here, for every stream begins in this log.
            let isWritten = event.version > 1
            try await folded.advance(to: event.version - 1, before: event.position, from: source)
            entries[id] = Entry(folded: folded, chunk: chunk, isWritten: isWritten)
            bytes += folded.bytes
        }
        let before = entries[id]?.folded.bytes ?? 0
        entries[id]?.chunk = chunk
        try entries[id]?.folded.apply(event)
        bytes += (entries[id]?.folded.bytes ?? 0) - before
    }

    /// Goes back to how the last chunk's cases stood before a position.
    func restore(before position: Int64) async throws {
        for id in touched {
            guard let entry = entries.removeValue(forKey: id) else { continue }
            bytes -= entry.folded.bytes
            var folded = FoldedCase(id: id, tenant: tenant)
            while true {
                let page = try await source.read(
                    stream: id, tenant: tenant, after: folded.record.version, upTo: position - 1, limit: 500)
                for event in page { try folded.apply(event) }
                if page.count < 500 { break }
            }
            guard folded.record.version > 0 else { continue }
            entries[id] = Entry(folded: folded, chunk: chunk, isWritten: entry.isWritten)
            bytes += folded.bytes
        }
    }

    /// The cases that the last chunk touched, for projections that want them after each.
    func lastTouched() -> [CaseRecord] { touched.compactMap { entries[$0]?.folded.record } }

    /// Takes out those that were touched longest ago, until the rest is within the bound, as rows.
    func evict(
        to bytesMaximum: Int, limit: Int = .max, for projections: [any CaseDerivedProjection]
    ) throws(PostgresError) -> CaseRows? {
        guard bytes > bytesMaximum, !entries.isEmpty else { return nil }
        var rows = CaseRows(projections)
        for (id, entry) in entries.sorted(by: { $0.value.chunk < $1.value.chunk }).prefix(limit) {
            guard bytes > bytesMaximum else { break }
            try rows.append(entry.folded.record, isRewritten: entry.isWritten, projections)
            entries[id] = nil
            bytes -= entry.folded.bytes
        }
        return rows
    }
}

/// Rows of some cases, for every projection that is derived from cases.
struct CaseRows: Sendable {
    /// By projection, then by table.
    private(set) var rows: [[CopyRows]]
    private(set) var rewritten: [UUID] = []

    init(_ projections: [any CaseDerivedProjection]) {
        rows = projections.map { Array(repeating: CopyRows(), count: $0.copied.count) }
    }

    fileprivate mutating func append(
        _ record: CaseRecord, isRewritten: Bool, _ projections: [any CaseDerivedProjection]
    ) throws(PostgresError) {
        if isRewritten { rewritten.append(record.id) }
        for (index, projection) in projections.enumerated() { try projection.append(record, to: &rows[index]) }
    }
}
