import Cases
import EventLog
import Events
import Foundation
import Postgres

/// How much a fill takes at a time.
package struct FillLimits: Sendable {
    /// Events that are folded, and then written, together.
    package var chunkSize = 2_048
    /// Of the events behind the cases that are kept in memory.
    package var bytesMaximum = 24 << 20
    /// Parts in which cases are folded at the same time.
    package var shelfCount = 2

    package init() {}
}

/// Where a fill puts the rows of one projection.
protocol FillTarget: Sendable {
    var projection: any Projection { get }
    var set: TableSet { get }
    /// Runs a body in a transaction; `next` is shown as how far the fill is.
    func write(
        next: Int64, _ body: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> Void
    ) async throws(PostgresError)
}

extension FillLease: FillTarget {}

/// Folds a tenant's log from its beginning into empty tables, once for all the projections that are filled.
///
/// What a row is made of is known best at the end: cases are folded in memory and written when they have not been touched
/// for long, by COPY, instead of once a batch. Reading the next chunk, folding one and writing the last one go on at the
/// same time. Memory is bounded by two chunks and the shelves (`CaseShelf`), whatever the length of the log.
///
/// It is nothing but a fast way. In front of an event that cannot be folded, or read, it stops with everything before in
/// the tables; where the database refuses a row it gives the projection up. In both cases a worker goes on, one event at
/// a time, and says what is wrong with which.
struct LogFill: Sendable {
    /// How it ended.
    struct Outcome: Sendable {
        /// Everything before this position is in the tables.
        var next: Int64
        /// Projections whose rows the database refused, which have to be begun again by a worker.
        var refused: Set<String> = []
    }

    let source: any EventSource
    let tenant: UUID
    let targets: [any FillTarget]
    var limits = FillLimits()

    /// - Parameters:
    ///   - head: how many events to take in.
    ///   - progress: called with the next position after each chunk.
    /// - Throws: what the log or the database cannot do now, and `superseded`.
    func run(
        upTo head: Int64, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Outcome {
        let shelves = (0..<max(1, limits.shelfCount)).map { _ in CaseShelf(tenant: tenant, source: source) }
        return try await withThrowingTaskGroup(of: Set<String>.self) { writes in
            var outcome = Outcome(next: 0)
            var chunk = try await read(from: 0, upTo: head)
            while !chunk.isEmpty {
                let whole = chunk.count
                let end = outcome.next + Int64(whole)
                async let following = read(from: end, upTo: head)
                chunk = try await fold(chunk, shelves)
                outcome.next += Int64(chunk.count)
                let cases = try await wanted(of: shelves)
                let evicted = try await evict(shelves, to: limits.bytesMaximum)
                try await write(chunk, cases, evicted, &outcome, &writes)
                progress(outcome.next)
                guard chunk.count == whole else { break }
                chunk = try await following
            }
            while let rows = try await drain(shelves) { try await write([], [], rows, &outcome, &writes) }
            while let refused = try await writes.next() { outcome.refused.formUnion(refused) }
            return outcome
        }
    }

    /// Waits for the last write and begins this one.
    private func write(
        _ events: [Event], _ cases: [CaseRecord], _ evicted: [CaseRows], _ outcome: inout Outcome,
        _ writes: inout ThrowingTaskGroup<Set<String>, any Error>
    ) async throws {
        if let refused = try await writes.next() { outcome.refused.formUnion(refused) }
        let given = outcome.refused
        let active = targets.filter { !given.contains($0.projection.name) }
        let writing = FillWriting(
            tenant: tenant, events: events, cases: cases, evicted: evicted, next: outcome.next,
            derived: derived.map(\.name))
        writes.addTask { try await writing.write(to: active) }
    }

    private var derived: [any CaseDerivedProjection] {
        targets.compactMap { $0.projection as? any CaseDerivedProjection }
    }

    /// The next events; fewer, or none, where the log lacks one or holds one that cannot be read.
    private func read(from position: Int64, upTo head: Int64) async throws -> [Event] {
        var limit = Int(min(Int64(limits.chunkSize), head - position))
        while limit > 0 {
            let events: [Event]
            do throws(EventLogError) {
                events = try await source.feed(tenant: tenant, from: position, limit: limit, types: nil, caseID: nil)
            } catch {
                guard error.code == .corrupt else { throw error }
                limit /= 2
                continue
            }
            let isWhole = events.indices.allSatisfy { events[$0].position == position + Int64($0) }
            return isWhole ? events : []
        }
        return []
    }

    /// Folds the chunk on all shelves at once, or as much of it as folds; gives that much.
    private func fold(_ chunk: [Event], _ shelves: [CaseShelf]) async throws -> [Event] {
        guard targets.contains(where: \.projection.foldsCases) else { return chunk }
        var parts = Array(repeating: [Event](), count: shelves.count)
        for event in chunk where event.streamKind == StreamKind.case.rawValue {
            parts[Int(event.streamID.uuid.15) % shelves.count].append(event)
        }
        let poison = try await withThrowingTaskGroup(of: PoisonEvent?.self) { group in
            for (shelf, events) in zip(shelves, parts) {
                group.addTask {
                    do {
                        return try await shelf.take(events)
                    } catch let error as ProjectionError where error.code == .gap {
                        // No event is named: everything of this chunk is left to the worker.
                        return PoisonEvent(position: chunk[0].position, error)
                    }
                }
            }
            return try await group.reduce(nil as PoisonEvent?) { first, found in
                guard let found else { return first }
                return first.map { $0.position < found.position ? $0 : found } ?? found
            }
        }
        guard let poison else { return chunk }
        for shelf in shelves { try await shelf.restore(before: poison.position) }
        return Array(chunk.prefix(while: { $0.position < poison.position }))
    }

    /// Cases for projections that fold them and have no other way than `apply`.
    private func wanted(of shelves: [CaseShelf]) async throws -> [CaseRecord] {
        guard targets.contains(where: { $0.projection.foldsCases && !($0.projection is any CaseDerivedProjection) })
        else { return [] }
        var records: [CaseRecord] = []
        for shelf in shelves { records += await shelf.lastTouched() }
        return records
    }

    private func evict(
        _ shelves: [CaseShelf], to bytesMaximum: Int, limit: Int = .max
    ) async throws -> [CaseRows] {
        let projections = derived
        return try await withThrowingTaskGroup(of: CaseRows?.self) { group in
            for shelf in shelves {
                group.addTask {
                    try await shelf.evict(to: bytesMaximum / shelves.count, limit: limit, for: projections)
                }
            }
            return try await group.reduce(into: []) { all, rows in if let rows { all.append(rows) } }
        }
    }

    /// A slice of what is left, nil when nothing is.
    private func drain(_ shelves: [CaseShelf]) async throws -> [CaseRows]? {
        let rows = try await evict(shelves, to: -1, limit: 500)
        return rows.isEmpty ? nil : rows
    }
}

extension PoisonEvent {
    /// For a fault that is in front of a position and of no event that could be named.
    fileprivate init(position: Int64, _ error: ProjectionError) {
        self.position = position
        type = ""
        reason = error.message
    }
}
