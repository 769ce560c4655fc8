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

@Suite("Rebuilding aside", .projected)
struct ProjectionRebuildTests {
    /// Cases whose events lie far apart, so that none stays in memory until it ends.
    private func interleave(_ fixture: ProjectionFixture, count: Int) async throws {
        let stories = (0..<count).map { CaseStory(length: 8 + $0 % 17) }
        for start in stride(from: 0, to: CaseStory.fullLength, by: 3) {
            for story in stories {
                let part = Array(story.events().dropFirst(start).prefix(3))
                guard !part.isEmpty else { continue }
                try await fixture.append(part, to: story.id, caseID: story.id)
            }
        }
    }

    @Test(
        "rows do not depend on how much is kept in memory, nor on where chunks end",
        arguments: [(4_096, 48 << 20, 2), (7, 0, 1), (13, 20_000, 2), (50, 5_000, 3)])
    func bounded(_ chunkSize: Int, _ bytesMaximum: Int, _ shelfCount: Int) async throws {
        try await ProjectionFixture.with { fixture in
            try await interleave(fixture, count: 6)
            try await fixture.catchUp()
            let before = try await fixture.dump()
            var limits = FillLimits()
            limits.chunkSize = chunkSize
            limits.bytesMaximum = bytesMaximum
            limits.shelfCount = shelfCount
            let rebuild = ProjectionRebuild(source: fixture.log, database: fixture.application, limits: limits)
            try await rebuild.rebuild()
            #expect(try await fixture.readers.live(CasesProjection(), tenant: fixture.tenant) == 2)
            let after = try await fixture.dump()
            for (table, rows) in before { #expect(after[table] == rows, "\(table)") }
            // A rebuild whose rows are refused goes the slow way instead; this one would say so.
            let verification = ProjectionVerification(
                source: fixture.log, database: fixture.application, limits: limits)
            #expect(try await verification.verify())
        }
    }

    @Test(
        "a case that is set aside in the live set is set aside in the new one too, wherever the chunks end",
        arguments: [4_096, 5, 1])
    func poison(_ chunkSize: Int) async throws {
        try await ProjectionFixture.with { fixture in
            try await interleave(fixture, count: 3)
            let poisoned = CaseStory(length: 4)
            try await fixture.append(poisoned)
            try await fixture.append(
                [CaseStory.event(.caseSeverityChanged, ["severity_id": "x", "reason": .null])],
                to: poisoned.id, caseID: poisoned.id)
            try await fixture.append(CaseStory())
            try await fixture.catchUpUntilBlocked()
            var limits = FillLimits()
            limits.chunkSize = chunkSize
            let rebuild = ProjectionRebuild(source: fixture.log, database: fixture.application, limits: limits)
            try await rebuild.rebuild()
            for projection in fixture.catalog.projections {
                let name = projection.name
                let (first, second) = (projection.versions[0], projection.versions[1])
                #expect(try await fixture.dump(projection, first) == fixture.dump(projection, second), "\(name)")
                #expect(try await fixture.readers.live(projection, tenant: fixture.tenant) == second, "\(name)")
            }
            let marks = try await fixture.monitor.marks()
            #expect(marks.count(where: { $0.version == 1 }) == marks.count(where: { $0.version == 2 }))
        }
    }

    @Test("an erasure during a rebuild lets no plaintext back in, and the rebuild comes to its end")
    func erasure() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory(title: "SECRET-TITLE"))
            for _ in 0..<3 { try await fixture.append(CaseStory()) }
            try await fixture.catchUp()
            #expect(try await fixture.dump()["cases"]?.contains { $0.contains("SECRET-TITLE") } == true)
            let erasing = ErasingWhileReading(fixture: fixture)
            var limits = FillLimits()
            limits.chunkSize = 20
            let rebuild = ProjectionRebuild(source: erasing, database: fixture.application, limits: limits)
            try await rebuild.rebuild()
            #expect(erasing.erasures.all.count == 1)
            try await fixture.catchUp()
            for projection in fixture.catalog.projections {
                for version in projection.versions {
                    let rows = try await fixture.dump(projection, version)
                    #expect(rows.values.joined().allSatisfy { !$0.contains("SECRET-TITLE") }, "\(projection.name)")
                }
            }
            #expect(try await fixture.dump()["cases"]?.count == 4)
            #expect(try await fixture.readers.live(CasesProjection(), tenant: fixture.tenant) == 2)
        }
    }

    @Test(
        "clearing takes the tenant's rows out of every set, an older generation's too, and leaves other tenants alone")
    func clear() async throws {
        try await ProjectionFixture.with { fixture in
            let (tenant, other) = (fixture.tenant, UUID())
            try await fixture.log.createTenant(other)
            try await fixture.append(CaseStory(), tenant: other)
            try await fixture.catchUp(other)
            try await fixture.append(CaseStory())
            try await fixture.catchUp()
            try await fixture.rebuild.rebuild(tenant: tenant)
            let (before, foreign) = (try await fixture.dump(), try await fixture.dump(other))
            try await fixture.superuser.transaction { tx throws(PostgresError) in
                try tx.run(
                    script: """
                        SET LOCAL ROLE docket_owner;
                        CREATE TABLE projection.cases_v0 (tenant_id uuid PRIMARY KEY, title text);
                        RESET ROLE
                        """)
                try tx.execute("INSERT INTO projection.cases_v0 VALUES (\(tenant), 'SECRET'), (\(other), 'SECRET')")
            }
            try await fixture.superuser.transaction { tx throws(PostgresError) in
                try tx.run(script: "SET LOCAL ROLE docket_eraser")
                try ProjectionCatalog.clear(tenant: tenant, in: tx)
            }
            for projection in fixture.catalog.projections {
                for version in projection.versions {
                    #expect(try await fixture.dump(projection, version).allSatisfy(\.value.isEmpty))
                }
            }
            #expect(try await fixture.superuser.value("SELECT count(*) FROM projection.cases_v0", as: Int64.self) == 1)
            #expect(try await fixture.dump(other) == foreign)
            try await fixture.catchUp()
            #expect(try await fixture.dump() == before)
        }
    }
}

/// A log in which the sealed title of the first case is erased while a rebuild is under way, once, as the application
/// erases: keys, event, and the projections' rows in one transaction.
private final class ErasingWhileReading: EventSource {
    let erasures = Recorder<Int64>()
    private let fixture: ProjectionFixture

    init(fixture: ProjectionFixture) { self.fixture = fixture }

    func feed(
        tenant: UUID, from position: Int64, limit: Int, types: [String]?, caseID: UUID?
    ) async throws(EventLogError) -> [Event] {
        let events = try await fixture.log.feed(
            tenant: tenant, from: position, limit: limit, types: types, caseID: caseID)
        if position > 0, erasures.all.isEmpty {
            erasures.record(position)
            do {
                let keys = try await fixture.superuser.query(
                    "SELECT subject_key_id FROM docket.sealed WHERE tenant_id = \(tenant) AND position = 0"
                ) { row throws(PostgresError) in try row[0] as UUID }
                _ = try await fixture.erasingLog.erase(
                    keys: keys,
                    recording: AppendRequest(
                        tenant: tenant, streamKind: "tenant", streamID: UUID(), expected: .any,
                        events: [CaseStory.event(.subjectErased, [:])])
                ) { tx throws(PostgresError) in try ProjectionCatalog.clear(tenant: tenant, in: tx) }
            } catch {
                throw EventLogError(.unavailable, "the test cannot erase", cause: error)
            }
        }
        return events
    }

    func read(
        stream id: UUID, tenant: UUID, after version: Int64, upTo position: Int64?, limit: Int
    ) async throws(EventLogError) -> [Event] {
        try await fixture.log.read(stream: id, tenant: tenant, after: version, upTo: position, limit: limit)
    }

    func heads() async throws(EventLogError) -> [UUID: Int64] { try await fixture.log.heads() }

    func outline(at position: Int64, tenant: UUID) async throws(EventLogError) -> Event? {
        try await fixture.log.outline(at: position, tenant: tenant)
    }

    func headMoves() -> HeadMoves { fixture.log.headMoves() }
}
