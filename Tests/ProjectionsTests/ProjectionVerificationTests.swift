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

@Suite("Projections are held against the log", .projected)
struct ProjectionVerificationTests {
    private func verify(
        _ fixture: ProjectionFixture, _ name: String? = nil, catalog: ProjectionCatalog = ProjectionCatalog()
    ) async throws -> (isEqual: Bool, verdicts: [ProjectionVerdict]) {
        let found = Recorder<ProjectionVerdict>()
        let isEqual = try await ProjectionVerification(
            source: fixture.log, database: fixture.application, catalog: catalog
        ).verify(name, tenant: fixture.tenant) { found.record($0) }
        return (isEqual, found.all)
    }

    /// Three cases, an alert and a dead letter, in every projection.
    private func fill(_ fixture: ProjectionFixture) async throws {
        for index in 0..<3 {
            let alert = AlertStory(sourceRef: "A-\(index)")
            try await fixture.append(alert.received(), to: alert.id, kind: .alert)
            try await fixture.append(CaseStory(alertID: alert.id, length: 10 + 6 * index))
            try await fixture.append(
                [CaseStory.event(.alertRejected, ["source": "edr", "reason": "no title", "errors": []])],
                to: UUID(), kind: .intake)
            try await fixture.catchUp(batchSize: 3 + index)
        }
    }

    @Test("what nobody altered is equal, table by table, and nothing is left behind")
    func equal() async throws {
        try await ProjectionFixture.with { fixture in
            try await fill(fixture)
            let before = try await fixture.dump()
            let (isEqual, verdicts) = try await verify(fixture)
            #expect(isEqual)
            let head = try await fixture.log.head(tenant: fixture.tenant)
            #expect(verdicts.allSatisfy { $0.asOfPosition == head - 1 })
            let tables = verdicts.flatMap(\.tables)
            let all = fixture.catalog.projections.flatMap { projection in
                projection.tables.map { "\($0)_v\(projection.versions[0])" }
            }
            #expect(Set(tables.map(\.name)) == Set(all))
            for table in tables { #expect(table.isEqual && table.rows > 0 && table.difference == nil, "\(table.name)") }
            #expect(try await fixture.dump() == before)
            // It compares at the position of the live set, not at the head.
            try await fixture.append(CaseStory())
            #expect(try await verify(fixture).isEqual)
        }
    }

    @Test(
        "a row that was altered is found, with its key and the columns, and without its values",
        arguments: [
            ("cases", "UPDATE projection.cases_v1 SET queue = 'SECRET-QUEUE' WHERE case_id = $id", "cases_v1", "queue"),
            (
                "metrics",
                """
                UPDATE projection.metrics_v1 SET facts = replace(facts::text, '"is_ended":', '"is_ended": ')::json
                 WHERE case_id = $id
                """, "metrics_v1", "facts"
            ),
            (
                "timers",
                "UPDATE projection.timers_v1 SET due_at = due_at + interval '1 microsecond' WHERE case_id = $id",
                "timers_v1", "due_at"
            ),
        ])
    func altered(_ name: String, _ sql: String, _ table: String, _ column: String) async throws {
        try await ProjectionFixture.with { fixture in
            try await fill(fixture)
            let story = CaseStory(length: 10)
            try await fixture.append(story)
            try await fixture.catchUp()
            try await fixture.superuser.execute(
                Query(unescaped: sql.replacing("$id", with: "'\(story.id.lowercased)'")))
            let (isEqual, verdicts) = try await verify(fixture)
            #expect(!isEqual)
            #expect(verdicts.filter { !$0.isEqual }.map(\.name) == [name])
            let found = try #require(verdicts.flatMap(\.tables).first { !$0.isEqual })
            #expect(found.name == table)
            let difference = try #require(found.difference)
            #expect(difference.kind == .altered)
            #expect(difference.key["case_id"] == story.id.lowercased)
            #expect(difference.columns.map(\.name) == [column])
            #expect(difference.columns.allSatisfy { $0.digest != nil && $0.digest != $0.expectedDigest })
            let shown = try JSONValue(encoding: verdicts.map { try JSONValue(encoding: $0) }).canonicalString()
            #expect(!shown.contains("SECRET") && !difference.description.contains("SECRET"))
        }
    }

    @Test("a missing row and a row that does not belong there are found")
    func missingAndUnexpected() async throws {
        try await ProjectionFixture.with { fixture in
            try await fill(fixture)
            let tenant = fixture.tenant
            try await fixture.superuser.execute(
                "DELETE FROM projection.audit_trail_v1 WHERE tenant_id = \(tenant) AND position = 7")
            let extra = UUID()
            try await fixture.superuser.execute(
                "INSERT INTO projection.case_alert_v1 VALUES (\(tenant), \(extra), \(UUID()))")
            let tables = try await verify(fixture).verdicts.flatMap(\.tables).filter { !$0.isEqual }
            #expect(Set(tables.map(\.name)) == ["audit_trail_v1", "case_alert_v1"])
            let missing = try #require(tables.first { $0.name == "audit_trail_v1" })
            #expect(missing.difference?.kind == .missing && missing.difference?.key == ["position": "7"])
            #expect(missing.expectedRows == missing.rows + 1)
            let unexpected = try #require(tables.first { $0.name == "case_alert_v1" })
            #expect(unexpected.difference?.kind == .unexpected)
            #expect(unexpected.difference?.key["alert_id"] == extra.lowercased)
        }
    }

    @Test("a fold that has changed without a new generation is found")
    func plantedBug() async throws {
        try await ProjectionFixture.with { fixture in
            let tallies = TallyProjection()
            let catalog = ProjectionCatalog([tallies])
            try await catalog.install(on: fixture.superuser)
            let story = CaseStory()
            try await fixture.append(story)
            let worker = fixture.worker(batchSize: 4)
            _ = try await worker.catchUp(tallies, tenant: fixture.tenant)
            #expect(try await verify(fixture, catalog: catalog).isEqual)

            tallies.isBroken.withLock { $0 = true }
            let (isEqual, verdicts) = try await verify(fixture, catalog: catalog)
            #expect(!isEqual)
            let difference = try #require(verdicts.first?.tables.first?.difference)
            #expect(difference.key == ["type": EventType.caseClosed.rawValue])
            #expect(difference.kind == .missing || difference.kind == .unexpected)
        }
    }

    @Test("verification goes on while workers do, and is about one position")
    func besideWorkers() async throws {
        try await ProjectionFixture.with { fixture in
            try await fill(fixture)
            let over = Recorder<Bool>()
            try await fixture.withRunner {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while over.all.isEmpty { try await fixture.append(CaseStory(length: 6)) }
                    }
                    for _ in 0..<3 { #expect(try await verify(fixture).isEqual) }
                    over.record(true)
                    try await group.waitForAll()
                }
            }
        }
    }
}

/// How many events there are of each type; once broken, it does not see that cases are closed.
private final class TallyProjection: Projection {
    let name = "tallies"
    let generation: Int32 = 1
    let tables = ["tallies"]
    let foldsCases = false
    let isBroken = Mutex(false)
    let ddl = """
        CREATE TABLE IF NOT EXISTS projection.tallies_v{version} (
            tenant_id uuid NOT NULL, type text NOT NULL, n bigint NOT NULL, PRIMARY KEY (tenant_id, type));
        """

    func apply(_ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction) throws(PostgresError) {
        let broken = isBroken.withLock { $0 }
        let types = batch.events.map(\.type).filter { !broken || $0 != EventType.caseClosed.rawValue }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["tallies"]) AS t (tenant_id, type, n)
            SELECT \(batch.tenant), e.type, count(*) FROM unnest(\(types)) AS e (type) GROUP BY e.type
            ON CONFLICT (tenant_id, type) DO UPDATE SET n = t.n + excluded.n
            """)
    }
}
