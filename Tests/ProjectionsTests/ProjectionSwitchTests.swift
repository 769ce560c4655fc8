import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Projections
import ServiceLifecycle
import TestSupport
import Testing

@Suite("Sets of a projection's tables side by side", .projected)
struct ProjectionSwitchTests {
    @Test("a rebuild fills the other set, gives the same rows, and sends readers there")
    func flips() async throws {
        try await ProjectionFixture.with { fixture in
            for length in [4, 17, CaseStory.fullLength] {
                try await fixture.append(CaseStory(length: length))
                try await fixture.catchUp(batchSize: 3)
            }
            let cases = CasesProjection()
            #expect(try await fixture.readers.live(cases, tenant: fixture.tenant) == 1)
            let before = try await fixture.dump()
            try await fixture.rebuild.rebuild()
            #expect(try await fixture.readers.live(cases, tenant: fixture.tenant) == 2)
            #expect(try await fixture.dump() == before)
            #expect(try await fixture.dump(cases, 1)["cases"]?.count == 3)
            try await fixture.rebuild.rebuild("cases")
            #expect(try await fixture.readers.live(cases, tenant: fixture.tenant) == 1)
            #expect(try await fixture.dump() == before)
        }
    }

    @Test("the set that was left is still followed, so that flipping back loses nothing; once dropped, it is gone")
    func flipsBack() async throws {
        try await ProjectionFixture.with { fixture in
            let cases = CasesProjection()
            try await fixture.append(CaseStory())
            try await fixture.catchUp()
            try await fixture.rebuild.rebuild("cases")
            try await fixture.withRunner {
                let story = CaseStory(length: 9)
                let range = try await fixture.append(story)
                try await fixture.until {
                    let status = try await fixture.monitor.list(tenant: fixture.tenant).first { $0.name == "cases" }
                    return status?.version == 2 && status?.lag == 0 && status?.aside?.version == 1
                        && status?.aside?.lag == 0
                }
                #expect(try await fixture.readers.flip(cases, tenant: fixture.tenant) == 1)
                let found = try #require(try await fixture.queries.case(story.id, tenant: fixture.tenant))
                #expect(found.version == 9)
                #expect(found.view["as_of_position"]?.int64Value == range.lastPosition)
            }
            #expect(try await fixture.readers.drop(cases, tenant: fixture.tenant) == 2)
            #expect(try await fixture.dump(cases, 2).allSatisfy(\.value.isEmpty))
            #expect(try await fixture.dump(cases, 1)["cases"]?.count == 2)
            #expect(try await fixture.readers.drop(cases, tenant: fixture.tenant) == nil)
            let error = await #expect(throws: ProjectionError.self) {
                try await fixture.readers.flip(cases, tenant: fixture.tenant)
            }
            #expect(error?.code == .notReady)
            #expect(try await fixture.readers.live(cases, tenant: fixture.tenant) == 1)
        }
    }

    @Test("under load no reader misses a case or sees as_of_position go back, through rebuild, flip and flip back")
    func underLoad() async throws {
        try await ProjectionFixture.with { fixture in
            let first = CaseStory()
            try await fixture.append(first)
            try await fixture.catchUp()
            let over = Recorder<Bool>()
            let flips = Recorder<Int>()
            try await fixture.withRunner {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            while over.all.isEmpty { try await fixture.append(CaseStory(length: 7)) }
                        }
                    }
                    for _ in 0..<3 {
                        group.addTask {
                            var last: Int64 = -1
                            var seen = 0
                            while over.all.isEmpty {
                                let one = try #require(try await fixture.queries.case(first.id, tenant: fixture.tenant))
                                let counts = try await fixture.queries.caseCounts(tenant: fixture.tenant)
                                let position = try #require(one.view["as_of_position"]?.int64Value)
                                let all = counts.value.byState.values.reduce(0, +)
                                #expect(position >= last && counts.asOfPosition >= position)
                                #expect(all >= seen)
                                last = counts.asOfPosition
                                seen = all
                            }
                        }
                    }
                    group.addTask {
                        for _ in 0..<3 {
                            let head = try await fixture.log.head(tenant: fixture.tenant)
                            try await fixture.rebuild.rebuild("cases", tenant: fixture.tenant)
                            try await fixture.until {
                                try await fixture.log.head(tenant: fixture.tenant) > head + 10
                            }
                            try await fixture.readers.flip(CasesProjection(), tenant: fixture.tenant)
                            flips.record(2)
                        }
                        over.record(true)
                    }
                    try await group.waitForAll()
                }
                try await fixture.until {
                    try await fixture.monitor.list(tenant: fixture.tenant).allSatisfy {
                        $0.lag == 0 && ($0.aside?.lag ?? 0) == 0
                    }
                }
            }
            #expect(flips.all == [2, 2, 2])
            let cases = CasesProjection()
            #expect(try await fixture.dump(cases, 1) == fixture.dump(cases, 2))
        }
    }

    @Test("an event that cannot be folded stops the rebuild aside with its reason, and readers stay where they are")
    func poison() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory(length: 5)
            try await fixture.append(story)
            try await fixture.append(
                [CaseStory.event(.caseSeverityChanged, ["severity_id": "SECRET-VALUE", "reason": .null])],
                to: story.id, caseID: story.id)
            try await fixture.append(CaseStory())
            // The live one was filled by a build that could read the event.
            var upcasters = Upcasters()
            upcasters.register("case.severity_changed", from: 1) { _ in ["severity_id": 5, "reason": .null] }
            let able = fixture.worker(try fixture.log(upcasters: upcasters))
            let cases = CasesProjection()
            try await able.catchUp(cases, tenant: fixture.tenant)

            let error = await #expect(throws: ProjectionError.self) { try await fixture.rebuild.rebuild("cases") }
            #expect(error?.code == .blocked)
            #expect(error?.message.contains("event 5 (case.severity_changed)") == true)
            #expect(error?.message.contains("SECRET") == false)
            let status = try #require(
                try await fixture.monitor.list(tenant: fixture.tenant).first { $0.name == "cases" })
            #expect(status.version == 1 && !status.isBlocked && status.lag == 0)
            #expect(status.aside?.version == 2 && status.aside?.lag == 0 && status.aside?.isFilling == false)
            let marks = try await fixture.monitor.marks(tenant: fixture.tenant)
            #expect(marks.map(\.version) == [2] && marks.map(\.streamID) == [story.id] && marks.map(\.position) == [5])

            try await fixture.append(CaseStory(length: 2))
            let head = try await fixture.log.head(tenant: fixture.tenant)
            let step = try await able.catchUp(cases, tenant: fixture.tenant)
            #expect(step == .advanced(next: head, head: head))
            // It goes on once the event can be read.
            try await able.catchUp(cases, version: 2, tenant: fixture.tenant)
            #expect(try await fixture.readers.flip(cases, tenant: fixture.tenant) == 2)
            #expect(try await fixture.dump(cases, 1) == fixture.dump(cases, 2))
        }
    }

    @Test("a rebuild whose rows the database refuses finds the event, and readers stay where they are")
    func refused() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory())
            try await fixture.catchUp()
            try await fixture.superuser.execute(
                "ALTER TABLE projection.audit_trail_v2 ADD CONSTRAINT planted CHECK (type <> 'run.completed')")
            let error = await #expect(throws: ProjectionError.self) { try await fixture.rebuild.rebuild() }
            #expect(error?.code == .blocked)
            #expect(error?.message.contains("planted") == true)
            let audit = AuditTrailProjection()
            #expect(try await fixture.readers.live(audit, tenant: fixture.tenant) == 1)
            // Nothing stands in the others' way.
            #expect(try await fixture.readers.live(CasesProjection(), tenant: fixture.tenant) == 2)
            try await fixture.superuser.execute("ALTER TABLE projection.audit_trail_v2 DROP CONSTRAINT planted")
            try await fixture.rebuild.rebuild("audit_trail")
            #expect(try await fixture.readers.live(audit, tenant: fixture.tenant) == 2)
            #expect(try await fixture.dump(audit, 1) == fixture.dump(audit, 2))
        }
    }

    @Test("a rebuild that is ended halfway leaves the live set alone, and the next one begins anew")
    func ended() async throws {
        try await ProjectionFixture.with { fixture in
            for _ in 0..<4 { try await fixture.append(CaseStory()) }
            try await fixture.catchUp()
            let before = try await fixture.dump()
            let stopping = StoppingSource(log: fixture.log)
            let rebuild = ProjectionRebuild(source: stopping, database: fixture.application)
            await #expect(throws: ProjectionError.self) { try await rebuild.rebuild() }
            #expect(try await fixture.dump() == before)
            let statuses = try await fixture.monitor.list(tenant: fixture.tenant)
            let first = Dictionary(
                fixture.catalog.projections.map { ($0.name, $0.versions[0]) }, uniquingKeysWith: { one, _ in one })
            let isLeftAlone = statuses.allSatisfy {
                $0.version == first[$0.name] && $0.lag == 0 && $0.aside?.isFilling == true
            }
            #expect(isLeftAlone)
            let error = await #expect(throws: ProjectionError.self) {
                try await fixture.readers.flip(CasesProjection(), tenant: fixture.tenant)
            }
            #expect(error?.code == .notReady)
            // A worker does not touch what is being filled.
            let step = try await fixture.worker().step(CasesProjection(), version: 2, tenant: fixture.tenant)
            #expect(step == .idle(next: Int64(4 * CaseStory.fullLength)))
            try await fixture.rebuild.rebuild()
            #expect(try await fixture.dump() == before)
            #expect(try await fixture.readers.live(CasesProjection(), tenant: fixture.tenant) == 2)
        }
    }
}

/// A log that cannot be read any more after the first chunk.
private final class StoppingSource: EventSource {
    private let log: EventLog
    private let reads = Recorder<Int64>()

    init(log: EventLog) { self.log = log }

    func feed(
        tenant: UUID, from position: Int64, limit: Int, types: [String]?, caseID: UUID?
    ) async throws(EventLogError) -> [Event] {
        reads.record(position)
        guard reads.all.count == 1 else { throw EventLogError(.unavailable, "gone") }
        return try await log.feed(tenant: tenant, from: position, limit: 30, types: types, caseID: caseID)
    }

    func read(
        stream id: UUID, tenant: UUID, after version: Int64, upTo position: Int64?, limit: Int
    ) async throws(EventLogError) -> [Event] {
        try await log.read(stream: id, tenant: tenant, after: version, upTo: position, limit: limit)
    }

    func heads() async throws(EventLogError) -> [UUID: Int64] { try await log.heads() }

    func outline(at position: Int64, tenant: UUID) async throws(EventLogError) -> Event? {
        try await log.outline(at: position, tenant: tenant)
    }

    func headMoves() -> HeadMoves { log.headMoves() }
}
