import EventLog
import Events
import Foundation
import JSON
import Postgres
import Synchronization
import TestSupport

/// A log in the running test's database, with a tenant, a clock that the test turns, and keys in a directory of its own.
struct LogFixture: Sendable {
    let log: EventLog
    let tenant = UUID()
    let clock = TestClock()
    let keysDirectory: String
    let superuser: Database
    let application: Database

    static let catalogue: [String: [(String, SealedMember.Subject)]] = [
        "case.commented": [("/data/text", .item)],
        "alert.normalized": [("/data/entities/*/value", .entity), ("/data/user_name", .entityOfType("user"))],
    ]

    init(
        catalogue: [String: [(String, SealedMember.Subject)]] = Self.catalogue, limits: EventLog.Limits = .init(),
        upcasters: Upcasters = Upcasters(), checks: PayloadChecks = .none, epoch: Int64 = 0
    ) async throws {
        let current = try TestDatabase.current
        superuser = current.database
        application = current.connect(as: "docket_app")
        keysDirectory = "/tmp/docket-keys-\(UUID().uuidString)"
        log = EventLog(
            database: application, keys: try TenantKeys(directory: keysDirectory),
            catalogue: SealingCatalogue(
                try catalogue.mapValues { try $0.map { try SealedMember(pointer: $0.0, subject: $0.1) } }),
            checks: checks, upcasters: upcasters, limits: limits, epoch: { _ in epoch }, clock: { [clock] in clock.now }
        )
        try await log.createTenant(tenant)
    }

    /// Runs a test with a fixture, and clears up behind it.
    static func with(
        catalogue: [String: [(String, SealedMember.Subject)]] = Self.catalogue, limits: EventLog.Limits = .init(),
        upcasters: Upcasters = Upcasters(), checks: PayloadChecks = .none, epoch: Int64 = 0,
        _ body: (LogFixture) async throws -> Void
    ) async throws {
        let fixture = try await LogFixture(
            catalogue: catalogue, limits: limits, upcasters: upcasters, checks: checks, epoch: epoch)
        do {
            try await body(fixture)
            await fixture.application.close()
            try FileManager.default.removeItem(atPath: fixture.keysDirectory)
        } catch {
            await fixture.application.close()
            try FileManager.default.removeItem(atPath: fixture.keysDirectory)
            throw error
        }
    }

    /// A second process: the same database and keys, everything else its own.
    func sibling(clock: TestClock? = nil) throws -> EventLog {
        let clock = clock ?? self.clock
        return EventLog(
            database: application, keys: try TenantKeys(directory: keysDirectory),
            catalogue: SealingCatalogue(
                try Self.catalogue.mapValues { try $0.map { try SealedMember(pointer: $0.0, subject: $0.1) } }),
            clock: { clock.now })
    }

    func event(_ type: String = "case.assigned", id: UUID = UUID(), data: JSONValue = ["n": 1]) -> NewEvent {
        NewEvent(
            eventID: id, type: type, occurredAt: clock.now,
            actor: Actor(kind: .person, subject: "u1", lane: .analyst), correlationID: UUID(), data: data)
    }

    func request(
        _ events: [NewEvent], stream: UUID = UUID(), expected: ExpectedVersion = .any, evidence: [Evidence] = [],
        caseID: UUID? = nil
    ) -> AppendRequest {
        AppendRequest(
            tenant: tenant, streamKind: "case", streamID: stream, caseID: caseID, expected: expected, events: events,
            evidence: evidence)
    }

    /// An event of a stream of its own, read back.
    @discardableResult
    func appended(through log: EventLog? = nil) async throws -> Event {
        let verdict = try await (log ?? self.log).append(request([event()]))
        guard let position = verdict.range?.firstPosition,
            let event = try await self.log.feed(tenant: tenant, from: position, limit: 1).first
        else { throw EventLogError(.unavailable, "the event was not appended") }
        return event
    }

    @discardableResult
    func append(_ events: [NewEvent], stream: UUID = UUID(), expected: ExpectedVersion = .any) async throws
        -> AppendVerdict
    {
        try await log.append(request(events, stream: stream, expected: expected))
    }
}

/// A clock that stands until it is turned.
final class TestClock: Sendable {
    private let time = Mutex(Instant(rfc3339: "2026-03-01T12:00:00Z")!)

    var now: Instant { time.withLock { $0 } }

    func advance(milliseconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: milliseconds) } }
}

extension AppendVerdict {
    var range: AppendedRange? {
        switch self {
        case .appended(let range), .duplicate(let range): range
        case .mismatch, .conflict: nil
        }
    }

    var isAppended: Bool { if case .appended = self { true } else { false } }
    var isConflict: Bool { if case .conflict = self { true } else { false } }
}

func logErrorCode(_ body: () async throws -> Void) async -> EventLogError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? EventLogError)?.code
    }
}
