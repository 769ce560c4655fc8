import Cases
import Events
import Foundation
import Postgres

/// What a fill has folded and not written yet: a chunk of events, and cases that left the shelves.
struct FillWriting: Sendable {
    let tenant: UUID
    let events: [Event]
    /// The cases that the events touch, for projections that have no other way than `apply`.
    let cases: [CaseRecord]
    let evicted: [CaseRows]
    /// Everything before this position was folded.
    let next: Int64
    /// The projections in the order of the rows in `evicted`.
    let derived: [String]

    /// Writes to all targets at once, each in a transaction of its own.
    ///
    /// - Returns: the projections of which the database refused something.
    func write(to targets: [any FillTarget]) async throws -> Set<String> {
        try await withThrowingTaskGroup(of: String?.self) { group in
            for target in targets {
                group.addTask {
                    do {
                        try await write(to: target)
                        return nil
                    } catch let error as PostgresError {
                        let name = target.projection.name
                        if let lost = error.cause as? ProjectionError, lost.code == .superseded { throw lost }
                        guard error.isRefusal else {
                            throw ProjectionError(.database, "\(name) cannot be written", cause: error)
                        }
                        return name
                    }
                }
            }
            return try await group.reduce(into: []) { all, name in if let name { all.insert(name) } }
        }
    }

    private func write(to target: any FillTarget) async throws {
        if let projection = target.projection as? any CaseDerivedProjection {
            guard let index = derived.firstIndex(of: projection.name) else { return }
            let all = evicted.map { (rows: $0.rows[index], rewritten: $0.rewritten) }
            guard all.contains(where: { !$0.rewritten.isEmpty || $0.rows.contains { $0.count > 0 } }) else { return }
            try await target.write(next: next) { tx throws(PostgresError) in
                for part in all {
                    try projection.write(part.rows, rewritten: part.rewritten, to: target.set, of: tenant, in: tx)
                }
            }
        } else if events.isEmpty {
            return
        } else if let projection = target.projection as? any EventDerivedProjection {
            var rows = CopyRows()
            for event in events { projection.append(event, of: tenant, to: &rows) }
            let whole = rows
            try await target.write(next: next) { tx throws(PostgresError) in
                try projection.copied.write(whole, to: target.set, in: tx)
            }
        } else {
            let projection = target.projection
            let batch = ProjectionBatch(
                tenant: tenant, events: events, cases: projection.foldsCases ? cases : [])
            try await target.write(next: next) { tx throws(PostgresError) in
                try projection.apply(batch, to: target.set, in: tx)
            }
        }
    }
}
