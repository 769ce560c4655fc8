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
    /// A story whose sixth event no fold can take, with one more event behind it.
    private func plant(_ fixture: ProjectionFixture) async throws -> CaseStory {
        let story = CaseStory(length: 5)
        try await fixture.append(story)
        try await fixture.append(
            [
                CaseStory.event(.caseCommented, ["text": "before"]),
                CaseStory.event(.caseSeverityChanged, ["severity_id": "SECRET-VALUE", "reason": .null]),
                CaseStory.event(.caseCommented, ["text": "after"]),
            ], to: story.id, caseID: story.id)
        return story
    }

    @Test(
        "an event that cannot be folded sets its case aside, says why, stops nothing else, and goes on once it can be read"
    )
    func poison() async throws {
        try await ProjectionFixture.with { fixture in
            let story = try await plant(fixture)
            let sound = CaseStory()
            try await fixture.append(sound)
            let head = Int64(8 + CaseStory.fullLength)
            let worker = fixture.worker()
            for projection in fixture.catalog.projections {
                let step = try await worker.catchUp(projection, tenant: fixture.tenant)
                #expect(step == .advanced(next: head, head: head) || step == .idle(next: head), "\(projection.name)")
                // Tried again before its time, nothing changes.
                #expect(try await worker.step(projection, tenant: fixture.tenant) == .idle(next: head))
            }
            let marks = try await fixture.monitor.marks(tenant: fixture.tenant)
            #expect(Set(marks.map(\.projection)) == Set(fixture.catalog.projections.filter(\.foldsCases).map(\.name)))
            for mark in marks {
                #expect(mark.position == 6 && mark.caseID == story.id && mark.attempts == 1)
                #expect(mark.reason.hasPrefix("event 6 (case.severity_changed): ") && !mark.reason.contains("SECRET"))
                #expect(mark.since == Instant(microseconds: 1_000_000))
            }
            #expect(try await fixture.monitor.list(tenant: fixture.tenant).allSatisfy { !$0.isBlocked && $0.lag == 0 })
            // What came before it is there, and so is every other case.
            #expect(try await fixture.queries.case(story.id, tenant: fixture.tenant)?.version == 6)
            #expect(
                try await fixture.queries.case(sound.id, tenant: fixture.tenant)?.version == Int64(CaseStory.fullLength)
            )
            let held = try await fixture.queries.heldBack(ofCases: [story.id, sound.id], tenant: fixture.tenant)
            #expect(Set(held.keys) == [story.id])
            #expect(held[story.id]?.arrayValue?.first?["position"] == 6)

            // More of the case waits behind it.
            try await fixture.append(
                [CaseStory.event(.caseCommented, ["text": "later"])], to: story.id, caseID: story.id)
            #expect(
                try await worker.catchUp(CasesProjection(), tenant: fixture.tenant)
                    == .advanced(next: head + 1, head: head + 1))
            #expect(try await fixture.queries.case(story.id, tenant: fixture.tenant)?.version == 6)

            // A build that can read it brings the case up to date at its first step.
            var upcasters = Upcasters()
            upcasters.register("case.severity_changed", from: 1) { _ in ["severity_id": 5, "reason": .null] }
            let fixed = fixture.worker(try fixture.log(upcasters: upcasters))
            for projection in fixture.catalog.projections where projection.foldsCases {
                _ = try await fixed.catchUp(projection, tenant: fixture.tenant)
            }
            #expect(try await fixture.monitor.marks(tenant: fixture.tenant).isEmpty)
            let after = try await fixture.queries.case(story.id, tenant: fixture.tenant)
            #expect(after?.version == 9)
            #expect(after?.view["severity"]?.stringValue == "critical")
        }
    }

    @Test("a body that is no event sets its stream aside by what the columns beside it say")
    func unreadable() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory(length: 5)
            try await fixture.append(story)
            try await fixture.superuser.execute("ALTER TABLE docket.event DISABLE TRIGGER ALL")
            try await fixture.superuser.execute("UPDATE docket.event SET body = '{}' WHERE position = 3")
            let sound = CaseStory()
            try await fixture.append(sound)
            let head = Int64(5 + CaseStory.fullLength)
            let worker = fixture.worker()
            for projection in fixture.catalog.projections {
                let step = try await worker.catchUp(projection, tenant: fixture.tenant)
                #expect(step == .advanced(next: head, head: head) || step == .idle(next: head), "\(projection.name)")
            }
            let marks = try await fixture.monitor.marks(tenant: fixture.tenant)
            #expect(marks.count == fixture.catalog.projections.count)
            #expect(marks.allSatisfy { $0.position == 3 && $0.streamID == story.id })
            #expect(
                try await fixture.queries.case(sound.id, tenant: fixture.tenant)?.version == Int64(CaseStory.fullLength)
            )
        }
    }

    @Test("a projection that fails at too many streams, or whose table is at fault, stands still")
    func systemic() async throws {
        try await ProjectionFixture.with { fixture in
            for _ in 0..<102 {
                let id = UUID()
                try await fixture.append([CaseStory.event(.caseCommented, ["text": "no case"])], to: id, caseID: id)
            }
            let worker = fixture.worker()
            let step = try await worker.catchUp(CasesProjection(), tenant: fixture.tenant)
            guard case .blocked(100, _) = step else {
                Issue.record("\(step)")
                return
            }
            try await fixture.superuser.execute("ALTER TABLE projection.audit_trail_v1 RENAME COLUMN text TO words")
            guard case .blocked(0, _) = try await worker.catchUp(AuditTrailProjection(), tenant: fixture.tenant) else {
                Issue.record("a missing column was taken for a fault of an event")
                return
            }
            #expect(try await fixture.monitor.list(tenant: fixture.tenant).count(where: \.isBlocked) == 2)
            #expect(try await fixture.monitor.marks(tenant: fixture.tenant).allSatisfy { $0.projection == "cases" })
        }
    }

    @Test("a row that the database refuses is narrowed down to its event")
    func refusedRow() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory())
            try await fixture.superuser.execute(
                "ALTER TABLE projection.audit_trail_v1 ADD CONSTRAINT planted CHECK (type <> 'run.completed')")
            let worker = fixture.worker()
            _ = try await worker.catchUp(AuditTrailProjection(), tenant: fixture.tenant)
            let mark = try #require(try await fixture.monitor.marks(tenant: fixture.tenant).first)
            #expect(mark.reason.contains("planted") && mark.type == "run.completed")
            let event = try await fixture.log.feed(tenant: fixture.tenant, from: mark.position, limit: 1).first
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
                            case .setAside(let mark, _): throw ProjectionError(.blocked, mark.reason)
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

    func outline(at position: Int64, tenant: UUID) async throws(EventLogError) -> Event? {
        try await log.outline(at: position, tenant: tenant)
    }

    func heads() async throws(EventLogError) -> [UUID: Int64] { try await log.heads() }

    func headMoves() -> HeadMoves { log.headMoves() }
}
