import EventLog
package import Events
package import Postgres

package import struct Foundation.UUID

/// What one step of a worker came to.
package enum ProjectionStep: Sendable, Hashable {
    /// Nothing to do: every event before `next` is in.
    case idle(next: Int64)
    /// Events were taken in; the tenant had `head` events when the step began.
    case advanced(next: Int64, head: Int64)
    /// Another worker holds the lease, or was faster.
    case leased
    /// The next event cannot be taken in: its stream is set aside from there on, and the others go on.
    case setAside(ProjectionMark, head: Int64)
    /// The event at `position` cannot be taken in, and its stream cannot be set aside. It is tried again, never skipped.
    case blocked(position: Int64, reason: String)
}

/// Brings one set of a projection of a tenant forward, exactly once by construction: rows and position change in one transaction,
/// which holds the lock of the position's row and begins by looking whether the position is still the one that the
/// events were read from.
///
/// Events are read, and cases folded, before that transaction: it then only writes, and any number of workers may race
/// without harm. An erasure that comes in between is noticed under the lock, and the step is done again.
///
/// When one event of a batch cannot be folded, those before it are taken in. Then its stream is marked and set aside, and
/// the others go on (`ProjectionMark`). Where the log itself is at fault, the projection stands in front of it.
package struct ProjectionWorker: Sendable {
    let source: any EventSource
    let database: Database
    private let history: CaseHistory
    private let batchSize: Int
    let clock: @Sendable () -> Instant
    let tried = TriedMarks()

    /// - Parameters:
    ///   - database: connected with a role that may do what `docket_app` may.
    ///   - history: may be shared by all workers of a process.
    ///   - clock: says since when a projection is blocked; no row depends on it.
    package init(
        source: any EventSource, database: Database, history: CaseHistory, batchSize: Int = 1_000,
        clock: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.source = source
        self.database = database
        self.history = history
        self.batchSize = batchSize
        self.clock = clock
    }

    /// Takes in the next events, at most a batch.
    ///
    /// - Parameter version: `nil` for the one that readers are sent to.
    /// - Throws: when database or log cannot be reached: try again later.
    package func step(
        _ projection: any Projection, version: Int32? = nil, tenant: UUID
    ) async throws(ProjectionError) -> ProjectionStep {
        var place = try await place(of: projection, version, tenant)
        let now = clock()
        for mark in place.marks where mark.dueAt <= now || !tried.contains(mark) {
            try await retry(mark, of: projection, tenant, &place)
        }
        guard !place.isAbsent, place.next < place.head else {
            return .idle(next: place.isAbsent ? place.head : place.next)
        }
        var events: ArraySlice<Event>
        do {
            events = try await read(tenant, place)[...]
        } catch let standstill as Standstill {
            return try await stop(projection, tenant, place, standstill)
        } catch {
            throw error as? ProjectionError ?? ProjectionError(.log, "the log cannot be read", cause: error)
        }
        while true {
            switch try await take(Array(events), into: projection, tenant, place) {
            case .done: return .advanced(next: place.next + Int64(events.count), head: place.head)
            case .elsewhere: return .leased
            case .refused(var standstill):
                // What is before the culprit goes in. Where only the batch is known to fail, halving finds the culprit.
                let before = standstill.position.map { Int($0 - place.next) } ?? events.count / 2
                guard before > 0 else {
                    standstill.culprit = events.first
                    return try await stop(projection, tenant, place, standstill)
                }
                events = events.prefix(before)
            }
        }
    }

    /// Steps until everything that was there at the beginning is in, or the projection is blocked or led by another.
    @discardableResult
    package func catchUp(
        _ projection: any Projection, version: Int32? = nil, tenant: UUID
    ) async throws(ProjectionError) -> ProjectionStep {
        while true {
            let step = try await step(projection, version: version, tenant: tenant)
            switch step {
            case .advanced(let next, let head) where next < head: continue
            case .setAside: continue
            default: return step
            }
        }
    }

    /// Why a projection cannot go on.
    struct Standstill: Error {
        /// Of the event that is to blame, when that is known.
        var position: Int64?
        var reason: String
        /// Nothing but that event is to blame, so its stream alone may wait.
        var isOfTheEvent = true
        var culprit: Event?
    }

    enum Attempt {
        case done, elsewhere
        case refused(Standstill)
    }

    private func place(
        of projection: any Projection, _ version: Int32?, _ tenant: UUID
    ) async throws(ProjectionError) -> ProjectionPlace {
        do {
            return try await ProjectionPlace.read(projection, version: version, tenant: tenant, in: database)
        } catch {
            throw ProjectionError(.database, "the position of \(projection.name) cannot be read", cause: error)
        }
    }

    /// The next events, at most a batch, and none of them missing.
    private func read(_ tenant: UUID, _ place: ProjectionPlace) async throws -> [Event] {
        var limit = batchSize
        while true {
            // The untyped call in this `do` matters: with typed errors only, the catch below crashes Swift 6.3.1.
            do {
                let events = try await source.feed(
                    tenant: tenant, from: place.next, limit: limit, types: nil, caseID: nil)
                try Self.requireContiguous(events, place, limit)
                return events
            } catch let error as EventLogError where error.code == .corrupt {
                guard limit > 1 else {
                    throw Standstill(
                        position: place.next, reason: "\(error)",
                        culprit: try await source.outline(at: place.next, tenant: tenant))
                }
                limit /= 2
            }
        }
    }

    /// A position that is missing is a fault of the log, or tampering: not a reason to go on.
    private static func requireContiguous(_ events: [Event], _ place: ProjectionPlace, _ limit: Int) throws {
        for (index, event) in events.enumerated() where event.position != place.next + Int64(index) {
            throw Standstill(
                position: place.next,
                reason: "the log lacks position \(place.next + Int64(index)): \(event.position) follows",
                isOfTheEvent: false)
        }
        let expected = min(Int64(limit), place.head - place.next)
        guard events.count >= expected else {
            throw Standstill(
                position: place.next,
                reason: "the log lacks position \(place.next + Int64(events.count)), although it ends at \(place.head)",
                isOfTheEvent: false)
        }
    }

    private func take(
        _ events: [Event], into projection: any Projection, _ tenant: UUID, _ place: ProjectionPlace
    ) async throws(ProjectionError) -> Attempt {
        let aside = Set(place.marks.map(\.streamID))
        let taken = aside.isEmpty ? events : events.filter { !aside.contains($0.streamID) }
        var batch = ProjectionBatch(tenant: tenant, events: taken, cases: [])
        if projection.foldsCases {
            do {
                batch.cases = try await history.fold(taken, tenant: tenant, erasures: place.erasures)
            } catch let poison as PoisonEvent {
                return .refused(Standstill(position: poison.position, reason: "\(poison)"))
            } catch let error as ProjectionError where error.code != .gap {
                throw error
            } catch {
                return .refused(Standstill(position: nil, reason: "\(error)", isOfTheEvent: false))
            }
        }
        do {
            let next = place.next + Int64(events.count)
            return try await write(batch, into: projection, place, next: next) ? .done : .elsewhere
        } catch {
            return .refused(try Self.refusal(error, of: projection))
        }
    }

    /// - Throws: an error that says nothing about what was written.
    static func refusal(_ error: PostgresError, of projection: any Projection) throws(ProjectionError) -> Standstill {
        if let poison = error.cause as? PoisonEvent {
            return Standstill(position: poison.position, reason: "\(poison)")
        }
        guard error.isRefusal else {
            throw ProjectionError(.database, "\(projection.name) cannot be written", cause: error)
        }
        return Standstill(position: nil, reason: "\(error)", isOfTheEvent: error.isRefusalOfValues)
    }

    /// Writes rows, or a mark, and moves on to a position; false when another worker holds the lease or the place is no
    /// longer the one that the events were read from.
    func write(
        _ batch: ProjectionBatch, into projection: any Projection, _ place: ProjectionPlace, next: Int64,
        _ mark: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> Void = { _ throws(PostgresError) in
        }
    ) async throws(PostgresError) -> Bool {
        let name = projection.name
        let version = place.set.version
        let tenant = batch.tenant
        return try await database.transaction { tx throws(PostgresError) in
            let locked = try tx.first(
                """
                SELECT next_position FROM docket.projection_position
                 WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(version) AND rebuild IS NULL
                   FOR UPDATE SKIP LOCKED
                """
            ) { row throws(PostgresError) in try row[0] as Int64 }
            guard locked == place.next, try ProjectionPlace.erasures(of: tenant, in: tx) == place.erasures,
                try ProjectionMark.all(of: projection, version: version, tenant: tenant, in: tx) == place.marks
            else { return false }
            if !batch.events.isEmpty { try projection.apply(batch, to: place.set, in: tx) }
            try mark(tx)
            try tx.execute(
                """
                UPDATE docket.projection_position SET next_position = \(next), blocked_at = NULL, error = NULL
                 WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(version)
                """)
            return true
        }
    }

    /// Says on the position's row why nothing goes on, and since when.
    func block(
        _ projection: any Projection, _ tenant: UUID, _ place: ProjectionPlace, _ standstill: Standstill
    ) async throws(ProjectionError) -> ProjectionStep {
        do throws(PostgresError) {
            try await database.execute(
                """
                UPDATE docket.projection_position
                   SET blocked_at = coalesce(blocked_at, \(clock().timestamp)), error = \(standstill.reason)
                 WHERE tenant_id = \(tenant) AND name = \(projection.name) AND version = \(place.set.version)
                   AND next_position = \(place.next) AND rebuild IS NULL
                """)
        } catch {
            throw ProjectionError(.database, "that \(projection.name) is blocked cannot be recorded", cause: error)
        }
        return .blocked(position: place.next, reason: standstill.reason)
    }
}

extension PostgresError {
    /// The values that were written are to blame, not the table, the rights or the server: classes 22 (data), 23
    /// (constraints) and 54 (limits), and conversions on this side.
    var isRefusalOfValues: Bool {
        guard code == .server else { return isRefusal }
        return ["22", "23", "54"].contains(String((sqlState ?? "").prefix(2)))
    }

    /// The server, or a conversion, refused what was written: doing it again gives the same. Everything else passes by
    /// itself (SQLSTATE classes 08, 25, 40, 53, 55, 57, 58 of PostgreSQL's appendix A), but a statement that takes too
    /// long (57014) may be short enough with fewer events.
    var isRefusal: Bool {
        switch code {
        case .abandoned, .malformedValue, .typeMismatch, .unexpectedNull, .noSuchColumn, .noRow: return true
        case .server:
            guard let sqlState else { return false }
            return sqlState == "57014"
                || !["08", "25", "40", "53", "55", "57", "58"].contains(String(sqlState.prefix(2)))
        default: return false
        }
    }
}
