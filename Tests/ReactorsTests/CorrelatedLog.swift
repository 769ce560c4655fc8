import Cases
import Content
import EventLog
import Events
import Foundation
import Intake
import JSON
import Postgres
import Response
import Synchronization
import TestSupport
import Testing

@testable import Reactors

/// One tenant's log on a real PostgreSQL, under a clock that the test moves, with the stage that makes cases alone: led
/// along the log by hand, so that a test says when it stops and begins again.
final class CorrelatedLog: Sendable {
    let tenant = UUID()
    let log: EventLog
    let bench: Workbench
    private let database: Database
    private let keys: URL
    private let time: Box
    private let work: Mutex<(stage: AlertCorrelator, next: Int64)>

    static let start = Instant(rfc3339: "2026-11-21T02:00:00Z")!

    init(_ rules: Policy.Correlation) async throws {
        let time = Box(Self.start)
        let clock: @Sendable () -> Instant = { time.value }
        self.time = time
        database = try TestDatabase.current.connect(as: "docket_app")
        keys = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        log = EventLog(
            database: database, keys: try TenantKeys(directory: keys.path), catalogue: try .domain, checks: .domain,
            clock: clock)
        var policy: Policy = try JSONValue.parse(Content.defaultPolicy).decode()
        policy.correlation = rules
        let pipeline = Pipeline(log: log, defaultPolicy: policy, clock: clock)
        bench = Workbench(
            tenant: tenant, cases: pipeline.cases, alerts: pipeline.alerts, registries: pipeline.registries,
            clock: clock)
        work = Mutex((AlertCorrelator(bench), 0))
        try await log.createTenant(tenant)
    }

    /// The clock's reading.
    private final class Box: Sendable {
        private let stored: Mutex<Instant>
        init(_ value: Instant) { stored = Mutex(value) }
        var value: Instant {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
    }

    func close() async throws {
        await database.close()
        try FileManager.default.removeItem(at: keys)
    }

    struct Item: Sendable {
        var reference: String
        var occurredAt: Instant
        var arrivesAt: Instant
        var severity: Severity = .high
        var entities: [Entity]
    }

    @discardableResult
    func ingest(_ item: Item) async throws -> UUID {
        time.value = item.arrivesAt
        let json: JSONValue = [
            "source": "test", "source_ref": .string(item.reference), "title": .string("Alert \(item.reference)"),
            "occurred_at": .string(item.occurredAt.rfc3339), "severity": .string(item.severity.rawValue),
            "entities": .array(try item.entities.map { try JSONValue(encoding: $0) }),
        ]
        let results = try await AlertReceiver(log: log).receive(
            [.init(bytes: json.canonicalBytes(), format: .native)], tenant: tenant,
            actor: Actor(kind: .service, subject: "siem", lane: .siem), traceID: nil, at: item.arrivesAt)
        return try #require(results.first?.alertID)
    }

    /// Reacts to what has come.
    ///
    /// - Parameter count: to so many events at most.
    func work(_ count: Int = .max) async throws {
        var left = count
        while left > 0 {
            let (stage, next) = work.withLock { $0 }
            let page = try await log.page(
                tenant: tenant, from: next, limit: 100, types: AlertCorrelator.interests.map(\.rawValue))
            guard page.next > next else { return }
            for event in page.events {
                guard left > 0 else { return }
                try await stage.react(to: event)
                work.withLock { $0.next = event.position + 1 }
                left -= 1
            }
            work.withLock { $0.next = page.next }
        }
    }

    /// The process ends and another one takes up the work.
    ///
    /// - Parameter loses: the last event's reaction is in the log, and the checkpoint before it.
    func restart(loses: Bool = false) async throws {
        let stage = AlertCorrelator(bench)
        var next = work.withLock { $0.next }
        if loses {
            let types = AlertCorrelator.interests.map(\.rawValue)
            let done = try await log.feed(tenant: tenant, from: 0, limit: 10_000, types: types)
            next = done.last { $0.position < next }?.position ?? next
        }
        var from = try await stage.memoryStart(before: next)
        while from < next {
            let page = try await log.page(
                tenant: tenant, from: from, limit: 50, types: AlertCorrelator.memory.map(\.rawValue))
            for event in page.events where event.position < next { try await stage.remember(event) }
            from = page.next
        }
        try await stage.takeUp(at: next)
        work.withLock { $0 = (stage, next) }
    }

    func memory<Value: Sendable>(_ body: (inout CaseMemory) -> Value?) -> Value? {
        work.withLock { $0.stage }.memory(body)
    }

    func decide(_ command: CaseCommand, on id: UUID) async throws {
        let principal = Principal(tenant: tenant, identity: Identity(subject: "lee"), roles: [.lead], tokenID: UUID())
        let permit = try principal.permit(HandleCases.self)
        let cause = Cause(command: permit.actor, traceID: nil, at: time.value)
        _ = try await bench.cases.update(id, tenant: tenant, cause: cause) { try $0.decide(command, by: permit) }
    }

    /// A verdict that nobody gave.
    func closeByItself(_ id: UUID) async throws {
        let cause = Cause(timer: "test", in: id, correlationID: UUID(), at: time.value)
        _ = try await bench.cases.update(id, tenant: tenant, cause: cause) { _ in
            [Decision(type: .caseClosed, data: ["verdict": "benign", "verdict_id": 5, "reason": "By itself."])]
        }
    }

    func events(_ types: String...) async throws -> [Event] {
        var events: [Event] = []
        var next: Int64 = 0
        while true {
            let page = try await log.page(tenant: tenant, from: next, limit: 500, types: types)
            events += page.events
            guard page.next > next else { return events }
            next = page.next
        }
    }

    /// Every case that there is.
    func cases() async throws -> [CaseRecord] {
        var records: [CaseRecord] = []
        for event in try await events("case.opened") {
            if let id = event.caseID, let record = try await bench.cases.load(id, tenant: tenant) {
                records.append(record)
            }
        }
        return records
    }

    func record(ofAlert id: UUID) async throws -> CaseRecord? {
        try await cases().first { record in
            !record.state.isClosed && record.alerts.contains { $0.alertID == id }
        }
    }
}
