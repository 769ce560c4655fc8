import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Projections
import Runs
import TestSupport
import Testing

@Suite("Projections show what the log says", .projected)
struct ProjectionFoldTests {
    @Test("a case, its approval, run, steps, facts and timers are those of a pure fold of its stream")
    func equalsPureFold() async throws {
        try await ProjectionFixture.with { fixture in
            for length in [1, 4, 10, 12, 17, CaseStory.fullLength] {
                let story = CaseStory(length: length)
                try await fixture.append(story)
                try await fixture.catchUp(batchSize: 4)
                let record = try await fixture.folded(story.id)
                let position = try await fixture.log.head(tenant: fixture.tenant) - 1
                let tenant = fixture.tenant

                let found = try #require(try await fixture.queries.case(story.id, tenant: tenant))
                #expect(found.view == (try JSONValue(encoding: CaseView(record, asOf: position))))
                #expect(found.version == record.version)
                let stored = try await fixture.queries.record(ofCase: story.id, tenant: tenant)
                #expect(stored == Positioned(record, asOf: position))

                for approval in record.approvals {
                    let view = try await fixture.queries.approval(approval.id, tenant: tenant)?.view
                    #expect(view == (try JSONValue(encoding: ApprovalView(approval, of: record, asOf: position))))
                }
                for run in record.runs {
                    let view = try await fixture.queries.run(run.id, tenant: tenant)?.view
                    #expect(view == (try JSONValue(encoding: RunView(run, asOf: position))))
                    let steps = try await fixture.queries.steps(ofRun: run.id, tenant: tenant)
                    #expect(steps?.items == (try run.steps.map { try JSONValue(encoding: StepView($0, run: run.id)) }))
                }
                let facts = try await fixture.queries.facts(tenant: tenant)
                #expect(facts.value.first { $0.caseID == story.id } == CaseFacts(record))
                #expect(facts.asOfPosition == position)
                let timers = try await fixture.queries.dueTimers(tenant: tenant, upTo: Instant(microseconds: .max))
                #expect(timers.value.filter { $0.caseID == story.id }.map(\.due) == record.dueTimes)
            }
        }
    }

    @Test("rows do not depend on how the events were cut into batches, nor on what was there before a rebuild")
    func rebuildsIdentically() async throws {
        try await ProjectionFixture.with { fixture in
            for index in 0..<3 {
                let alert = AlertStory(sourceRef: "A-\(index)")
                try await fixture.append(alert.received(), to: alert.id, kind: .alert)
                try await fixture.append(CaseStory(alertID: alert.id, length: 10 + 6 * index))
                try await fixture.append(
                    [CaseStory.event(.alertRejected, ["source": "edr", "reason": "no title", "errors": []])],
                    to: UUID(), kind: .intake)
                try await fixture.catchUp(batchSize: 3 + index, remembers: index != 1)
            }
            let before = try await fixture.dump()
            #expect(before.filter(\.value.isEmpty).isEmpty)
            #expect(before["cases"]?.count == 3)
            let rebuild = ProjectionRebuild(source: fixture.log, database: fixture.application)
            let head = try await fixture.log.head(tenant: fixture.tenant)

            let seen = Recorder<RebuildProgress>()
            try await rebuild.rebuild { seen.record($0) }
            #expect(try await fixture.dump() == before)
            #expect(Set(seen.all.map(\.projection)) == Set(fixture.catalog.projections.map(\.name)))
            #expect(seen.all.allSatisfy { $0.next == head && $0.head == head })

            for projection in fixture.catalog.projections {
                // The others' rows are gone: this one must not have needed them.
                for other in fixture.catalog.projections {
                    for version in other.versions {
                        for table in other.tables(in: TableSet(version: version)) {
                            try await fixture.application.execute("DELETE FROM \(unescaped: table)")
                        }
                    }
                }
                try await rebuild.rebuild(projection.name, tenant: fixture.tenant)
                let after = try await fixture.dump()
                for table in projection.tables { #expect(after[table] == before[table], "\(table)") }
            }
        }
    }

    @Test("a rebuild of a projection that does not exist names those that do")
    func unknownProjection() async throws {
        try await ProjectionFixture.with { fixture in
            let rebuild = ProjectionRebuild(source: fixture.log, database: fixture.application)
            let error = await #expect(throws: ProjectionError.self) { try await rebuild.rebuild("kases") }
            #expect(error?.code == .unknownProjection)
            #expect(error?.message.contains("approvals, audit_trail, cases") == true)
        }
    }

    @Test("three tenants see only their own, even of the same ids")
    func tenantsAreIsolated() async throws {
        try await ProjectionFixture.with { fixture in
            let tenants = [fixture.tenant, UUID(), UUID()]
            let shared = CaseStory()
            for (index, tenant) in tenants.enumerated() {
                try await fixture.log.createTenant(tenant)
                var story = shared
                story.title = "Case of tenant \(index)"
                try await fixture.append(story, tenant: tenant)
                try await fixture.append(CaseStory(length: 3 + index), tenant: tenant)
                try await fixture.catchUp(tenant)
            }
            for (index, tenant) in tenants.enumerated() {
                let view = try await fixture.queries.case(shared.id, tenant: tenant)?.view
                #expect(view?["title"]?.stringValue == "Case of tenant \(index)")
                let list = try await fixture.queries.cases(tenant: tenant)
                #expect(list.items.count == 2)
                #expect(list.asOfPosition == Int64(CaseStory.fullLength + 3 + index - 1))
                #expect(list.items.allSatisfy { $0["tenant_id"]?.stringValue == tenant.lowercased })
                #expect(try await fixture.queries.audit(tenant: tenant).items.count == CaseStory.fullLength + 3 + index)
            }
            #expect(try await fixture.queries.case(shared.id, tenant: UUID()) == nil)
            #expect(try await fixture.queries.run(shared.runID, tenant: UUID()) == nil)
            #expect(try await fixture.queries.cases(tenant: UUID()).asOfPosition == -1)
        }
    }

    @Test("the audit trail holds nothing that is sealed in the log")
    func auditHoldsNoSecrets() async throws {
        try await ProjectionFixture.with { fixture in
            let alert = AlertStory(sourceRef: "SECRET-REF", entity: "SECRET-HOST")
            try await fixture.append(alert.received(), to: alert.id, kind: .alert)
            try await fixture.append(CaseStory(alertID: alert.id, title: "SECRET-TITLE", entity: "SECRET-GROUP"))
            try await fixture.catchUp()
            let rows = try await fixture.dump()
            let audit = try #require(rows["audit_trail"])
            #expect(audit.count == CaseStory.fullLength + 2)
            #expect(audit.allSatisfy { !$0.contains("SECRET") })
            #expect(audit.contains { $0.contains("verdict=true_positive") })
            // The opposite, so that the test could fail: elsewhere the plaintext is there to be read.
            #expect(rows["cases"]?.contains { $0.contains("SECRET-TITLE") } == true)
        }
    }
}
