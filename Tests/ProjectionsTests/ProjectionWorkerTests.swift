import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Projections
import Synchronization
import TestSupport
import Testing

@Suite("Projection workers", .projected)
struct ProjectionWorkerTests {
    @Test(
        "an event that cannot be folded blocks its projections of its tenant, says why, and goes on once it can be read"
    )
    func poison() async throws {
        try await ProjectionFixture.with { fixture in
            let other = UUID()
            try await fixture.log.createTenant(other)
            let story = CaseStory(length: 5)
            try await fixture.append(story)
            try await fixture.append(
                [
                    CaseStory.event(.caseCommented, ["text": "before"]),
                    CaseStory.event(.caseSeverityChanged, ["severity_id": "SECRET-VALUE", "reason": .null]),
                    CaseStory.event(.caseCommented, ["text": "after"]),
                ], to: story.id, caseID: story.id)
            try await fixture.append(CaseStory(), tenant: other)

            let worker = fixture.worker()
            for projection in fixture.catalog.projections {
                let step = try await worker.catchUp(projection, tenant: fixture.tenant)
                guard projection.foldsCases else {
                    #expect(step == .advanced(next: 8, head: 8) || step == .idle(next: 8))
                    continue
                }
                guard case .blocked(6, let reason) = step else {
                    Issue.record("\(projection.name): \(step)")
                    continue
                }
                #expect(reason.hasPrefix("event 6 (case.severity_changed): "))
                #expect(!reason.contains("SECRET"))
                // Tried again, it stands where it stood.
                #expect(try await worker.step(projection, tenant: fixture.tenant) == step)
                let healthy = try await worker.catchUp(projection, tenant: other)
                #expect(healthy == .advanced(next: Int64(CaseStory.fullLength), head: Int64(CaseStory.fullLength)))
            }
            let status = try #require(
                try await fixture.monitor.list(tenant: fixture.tenant).first { $0.name == "cases" })
            #expect(status.isBlocked)
            #expect(status.nextPosition == 6)
            #expect(status.lag == 2)
            #expect(status.blockedAt == Instant(microseconds: 1_000_000))
            #expect(status.error?.contains("case.severity_changed") == true)
            #expect(try await fixture.monitor.list(tenant: other).allSatisfy { !$0.isBlocked || $0.lag > 0 })
            // What came before it is there.
            #expect(try await fixture.queries.case(story.id, tenant: fixture.tenant)?.version == 6)

            var upcasters = Upcasters()
            upcasters.register("case.severity_changed", from: 1) { _ in ["severity_id": 5, "reason": .null] }
            let fixed = fixture.worker(try fixture.log(upcasters: upcasters))
            #expect(
                try await fixed.catchUp(CasesProjection(), tenant: fixture.tenant) == .advanced(next: 8, head: 8))
            let after = try #require(
                try await fixture.monitor.list(tenant: fixture.tenant).first { $0.name == "cases" })
            #expect(!after.isBlocked && after.error == nil && after.lag == 0)
            let view = try await fixture.queries.case(story.id, tenant: fixture.tenant)?.view
            #expect(view?["severity"]?.stringValue == "critical")
        }
    }

    @Test("a row that the database refuses is narrowed down to its event")
    func refusedRow() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory())
            try await fixture.superuser.execute(
                "ALTER TABLE projection.audit_trail_v1 ADD CONSTRAINT planted CHECK (type <> 'run.completed')")
            let worker = fixture.worker()
            var step = try await worker.step(AuditTrailProjection(), tenant: fixture.tenant)
            for _ in 0..<40 {
                guard case .advanced = step else { break }
                step = try await worker.step(AuditTrailProjection(), tenant: fixture.tenant)
            }
            guard case .blocked(let position, let reason) = step else {
                Issue.record("\(step)")
                return
            }
            #expect(reason.contains("planted"))
            let event = try await fixture.log.feed(tenant: fixture.tenant, from: position, limit: 1).first
            #expect(event?.type == "run.completed")
            try await fixture.superuser.execute("ALTER TABLE projection.audit_trail_v1 DROP CONSTRAINT planted")
            try await fixture.catchUp()
            #expect(try await fixture.dump()["audit_trail"]?.count == CaseStory.fullLength)
        }
    }

    @Test("workers that race on one tenant take every event in exactly once")
    func race() async throws {
        try await ProjectionFixture.with { fixture in
            for _ in 0..<6 { try await fixture.append(CaseStory()) }
            let head = Int64(6 * CaseStory.fullLength)
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let worker = fixture.worker(batchSize: 7)
                        var taken: Int64 = 0
                        var last: Int64 = 0
                        while last < head {
                            switch try await worker.step(AuditTrailProjection(), tenant: fixture.tenant) {
                            case .advanced(let next, _):
                                taken += min(7, head - (next - 1) / 7 * 7)
                                last = next
                            case .idle(let next): last = next
                            case .leased: await Task.yield()
                            case .blocked(let position, let reason):
                                throw ProjectionError(.blocked, "\(position): \(reason)")
                            }
                        }
                        return taken
                    }
                }
                // Each event has one row by the primary key; here, that no batch was taken in by two.
                let taken = try await group.reduce(0, +)
                #expect(taken == head)
            }
            let rows = try await fixture.queries.audit(
                tenant: fixture.tenant, page: PageRequest(limit: PageRequest.limitMaximum))
            #expect(rows.items.compactMap { $0["position"]?.int64Value } == (0..<head).reversed())
        }
    }

    @Test("a row that is locked by another worker is left alone")
    func leased() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory())
            let worker = fixture.worker(batchSize: 2)
            _ = try await worker.step(CasesProjection(), tenant: fixture.tenant)
            let tenant = fixture.tenant
            let (held, hold) = AsyncStream.makeStream(of: Void.self)
            let released = DispatchSemaphore(value: 0)
            async let holder: Void = fixture.superuser.transaction { tx throws(PostgresError) in
                try tx.execute(
                    "SELECT FROM docket.projection_position WHERE tenant_id = \(tenant) AND name = 'cases' FOR UPDATE")
                hold.yield()
                released.wait()
            }
            for await _ in held { break }
            let step = try await worker.step(CasesProjection(), tenant: tenant)
            released.signal()
            try await holder
            #expect(step == .leased)
            #expect(try await worker.step(CasesProjection(), tenant: tenant) != .leased)
        }
    }

    @Test("a position that is missing from the log is noticed, in the middle and at the end", arguments: [7, -1])
    func gap(_ offset: Int64) async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory())
            let head = Int64(CaseStory.fullLength)
            let missing = offset < 0 ? head + offset : offset
            try await fixture.superuser.execute("ALTER TABLE docket.event DISABLE TRIGGER ALL")
            try await fixture.superuser.execute("DELETE FROM docket.event WHERE position = \(missing)")
            let step = try await fixture.worker().step(AuditTrailProjection(), tenant: fixture.tenant)
            guard case .blocked(0, let reason) = step else {
                Issue.record("\(step)")
                return
            }
            #expect(reason.contains("lacks position \(missing)"))
        }
    }

    @Test("an erasure between reading events and writing rows makes the worker read again")
    func erasureInBetween() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory(length: 4))
            let erasing = ErasingSource(log: fixture.log, tenant: fixture.tenant)
            let worker = fixture.worker(erasing)
            #expect(try await worker.step(CasesProjection(), tenant: fixture.tenant) == .leased)
            #expect(try await fixture.dump()["cases"] == [])
            #expect(try await worker.step(CasesProjection(), tenant: fixture.tenant) == .advanced(next: 5, head: 5))
        }
    }

    @Test("waiting for a position ends when it is reached, and otherwise with an error that says how far it is")
    func waiting() async throws {
        try await ProjectionFixture.with { fixture in
            let range = try await fixture.append(CaseStory())
            let error = await #expect(throws: ProjectionError.self) {
                try await fixture.monitor.waitForPosition(
                    range.lastPosition, tenant: fixture.tenant, projections: ["cases", "runs"],
                    timeout: .milliseconds(30))
            }
            #expect(error?.code == .behind)
            #expect(error?.message.contains("cases is at -1") == true)
            try await fixture.catchUp()
            try await fixture.monitor.waitForPosition(
                range.lastPosition, tenant: fixture.tenant, projections: ["cases", "runs"], timeout: .milliseconds(30))
            let unknown = await #expect(throws: ProjectionError.self) {
                try await fixture.monitor.waitForPosition(
                    0, tenant: UUID(), projections: ["cases"], timeout: .milliseconds(10))
            }
            #expect(unknown?.code == .behind)
        }
    }
}

/// A log in which somebody is erased just after the feed was read, once.
private final class ErasingSource: EventSource {
    private let log: EventLog
    private let tenant: UUID
    private let isDone = Mutex(false)

    init(log: EventLog, tenant: UUID) {
        self.log = log
        self.tenant = tenant
    }

    func feed(
        tenant: UUID, from position: Int64, limit: Int, types: [String]?, caseID: UUID?
    ) async throws(EventLogError) -> [Event] {
        let events = try await log.feed(tenant: tenant, from: position, limit: limit, types: types, caseID: caseID)
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst {
            _ = try await log.append(
                AppendRequest(
                    tenant: tenant, streamKind: "tenant", streamID: UUID(), expected: .any,
                    events: [CaseStory.event(.subjectErased, [:])]))
        }
        return events
    }

    func read(
        stream id: UUID, tenant: UUID, after version: Int64, upTo position: Int64?, limit: Int
    ) async throws(EventLogError) -> [Event] {
        try await log.read(stream: id, tenant: tenant, after: version, upTo: position, limit: limit)
    }

    func heads() async throws(EventLogError) -> [UUID: Int64] { try await log.heads() }

    func waitForHead(tenant: UUID, beyond: Int64, timeout: Duration) async throws(EventLogError) -> Int64 {
        try await log.waitForHead(tenant: tenant, beyond: beyond, timeout: timeout)
    }
}
