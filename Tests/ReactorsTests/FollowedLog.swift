import Cases
import EventLog
import Events
import Foundation
import JSON
import Logging
import Postgres
import Synchronization
import TestSupport

@testable import Reactors

/// A log with a tenant, for reactors that tests make up.
struct FollowedLog: Sendable {
    let log: EventLog
    let tenant = UUID()
    let positions: ReactorPositions
    let superuser: Database
    let clock = TurnedClock()
    private let database: Database

    static func with(_ body: (FollowedLog) async throws -> Void) async throws {
        let database = try TestDatabase.current.connect(as: "docket_app")
        let keys = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        let followed = FollowedLog(
            log: EventLog(
                database: database, keys: try TenantKeys(directory: keys.path), catalogue: SealingCatalogue()),
            positions: ReactorPositions(database), superuser: try TestDatabase.current.database, database: database)
        try await followed.log.createTenant(followed.tenant)
        do {
            try await body(followed)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    /// Another process on the same database.
    func sibling() throws -> EventLog {
        let keys = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        return EventLog(
            database: database, keys: try TenantKeys(directory: keys.path), catalogue: SealingCatalogue())
    }

    @discardableResult
    func comment(_ text: String, on stream: UUID, tenant: UUID? = nil) async throws -> Int64 {
        try await append(.caseCommented, ["text": .string(text)], on: stream, tenant: tenant)
    }

    @discardableResult
    func append(_ type: EventType, _ data: JSONValue, on stream: UUID, tenant: UUID? = nil) async throws -> Int64 {
        let event = NewEvent(
            eventID: UUID(), type: type.rawValue, occurredAt: clock.now,
            actor: Actor(kind: .person, subject: "u1", lane: .analyst), correlationID: UUID(), data: data)
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant ?? self.tenant, streamKind: "case", streamID: stream, caseID: stream, expected: .any,
                events: [event]))
        guard case .appended(let range) = verdict else { throw CancellationError() }
        return range.lastPosition
    }

    func follower(limits: ReactorFollower.Limits? = nil) -> ReactorFollower {
        var logger = Logger(label: "test")
        logger.logLevel = .init(rawValue: "critical") ?? .critical
        var follower = ReactorFollower(
            tenant: tenant, log: log, positions: positions, clock: { [clock] in clock.now },
            share: ReactorShare(owner: "test", owners: ["test"]), logger: logger)
        follower.limits.linger = .milliseconds(1)
        if let limits { follower.limits = limits }
        return follower
    }

    /// Leads a reactor until it rests.
    func lead(_ reactor: any Reactor, limits: ReactorFollower.Limits? = nil) async throws {
        _ = try await follower(limits: limits).run(.init(reactor: reactor, next: nil))
    }

    func place(_ reactor: any Reactor) async throws -> ReactorPositions.Place {
        try await positions.place(of: reactor.name, tenant: tenant)
    }
}

/// A clock that tests turn.
final class TurnedClock: Sendable {
    private let time = Mutex(Instant(rfc3339: "2026-11-30T12:00:00Z")!)

    var now: Instant { time.withLock { $0 } }
    func advance(milliseconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: milliseconds) } }
}

/// Remembers what it was shown, and answers as it is told.
final class ToyReactor: Reactor {
    static let name = "toy"
    static let interests: Set<EventType> = [.caseCommented]
    static let isConcurrent = true

    let seen = Mutex<[String]>([])
    private let answer: @Sendable (String, Event) async throws -> Reaction

    init(_ answer: @escaping @Sendable (String, Event) async throws -> Reaction = { _, _ in .done }) {
        self.answer = answer
    }

    func react(to event: Event) async throws -> Reaction {
        let text = event.data["text"]?.stringValue ?? ""
        let reaction = try await answer(text, event)
        seen.withLock { $0.append(text) }
        return reaction
    }

    var texts: [String] { seen.withLock { $0 } }
}

/// The same, one event after the other.
final class SerialReactor: Reactor {
    static let name = "serial"
    static let interests: Set<EventType> = [.caseCommented]

    let toy: ToyReactor

    init(_ answer: @escaping @Sendable (String, Event) async throws -> Reaction) { toy = ToyReactor(answer) }

    func react(to event: Event) async throws -> Reaction { try await toy.react(to: event) }
}
