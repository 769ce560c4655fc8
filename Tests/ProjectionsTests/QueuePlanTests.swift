import Cases
import Events
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Projections

@Suite("How lists are read", .projected)
struct QueuePlanTests {
    /// 50,000 cases and as many approvals of one tenant, and some of another.
    private func fill(_ fixture: ProjectionFixture) async throws -> (cases: TableSet, approvals: TableSet) {
        let cases = TableSet(version: CasesProjection().versions[0])
        let approvals = TableSet(version: ApprovalsProjection().versions[0])
        for (tenant, count) in [(fixture.tenant, 50_000), (UUID(), 2_000)] {
            try await fixture.superuser.execute(
                """
                INSERT INTO \(unescaped: cases["cases"]) (
                    tenant_id, case_id, version, last_position, state, severity, severity_rank, assignee_issuer,
                    assignee_subject, queue, opened_at, updated_at, sla_breached, sla_at_risk, next_due_at, view, record)
                SELECT \(tenant), gen_random_uuid(), 1, n,
                       (ARRAY['closed', 'closed', 'closed', 'closed', 'escalated', 'learned', 'recommended'])[1 + n % 7],
                       (ARRAY['low', 'medium', 'high', 'critical'])[1 + n % 4], n % 4,
                       CASE WHEN n % 3 = 0 THEN 'docket' END, CASE WHEN n % 3 = 0 THEN 'analyst-' || n % 200 END,
                       CASE WHEN n % 50 = 0 THEN 'tier-3' ELSE 'default' END,
                       timestamptz '2026-01-01' + n * interval '1 minute',
                       timestamptz '2026-01-02' + n * interval '1 minute', n % 90 = 0, n % 110 = 0,
                       CASE WHEN n % 5 = 0 THEN timestamptz '2026-01-03' + n * interval '1 minute' END,
                       json_build_object('id', n, 'text', repeat(md5(n::text), 20)), '{}'::json
                  FROM generate_series(1, \(count)) AS n
                """)
            try await fixture.superuser.execute(
                """
                INSERT INTO \(unescaped: approvals["approvals"])
                SELECT \(tenant), gen_random_uuid(), gen_random_uuid(), 1,
                       (ARRAY['granted', 'denied', 'expired', 'pending'])[1 + (n % 100 = 0)::integer * 3],
                       timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-02-01', '{}'::json
                  FROM generate_series(1, \(count)) AS n
                """)
        }
        try await fixture.superuser.execute(
            """
            INSERT INTO \(unescaped: cases["case_alert"]) (tenant_id, alert_id, case_id)
            SELECT tenant_id, gen_random_uuid(), case_id FROM \(unescaped: cases["cases"])
            """)
        try await fixture.superuser.execute(
            """
            INSERT INTO \(unescaped: cases["case_entity"]) (tenant_id, value_digest, entity_type, case_id, value)
            SELECT tenant_id, sha256(convert_to(last_position::text, 'UTF8')), 'device', case_id, last_position::text
              FROM \(unescaped: cases["cases"])
            """)
        for table in [cases["cases"], cases["case_entity"], cases["case_alert"], approvals["approvals"]] {
            try await fixture.superuser.execute("VACUUM ANALYZE \(unescaped: table)")
        }
        return (cases, approvals)
    }

    private func plan(_ query: Query, _ fixture: ProjectionFixture) async throws -> String {
        try await fixture.application.query(query.preceded(by: "EXPLAIN")) { row throws(PostgresError) in
            try row[0] as String
        }.joined(separator: "\n")
    }

    @Test(
        "no list of the queue, in any order and with any filter, and no count reads a tenant's cases one after the other"
    )
    func indexes() async throws {
        try await ProjectionFixture.with { fixture in
            let (cases, approvals) = try await fill(fixture)
            var filters: [(String, CaseFilter)] = []
            for sort in CaseFilter.Sort.allCases {
                func add(_ name: String, _ change: (inout CaseFilter) -> Void) {
                    var filter = CaseFilter()
                    filter.sort = sort
                    change(&filter)
                    filters.append(("\(sort.rawValue), \(name)", filter))
                }
                add("all") { _ in }
                add("state") { $0.states = [.escalated, .recommended] }
                add("assignee") { $0.assignee = Identity(subject: "analyst-3") }
                add("unassigned") { $0.isUnassigned = true }
                add("queue") { $0.queue = "tier-3" }
                add("breached") { $0.sla = .breached }
                add("at risk") { $0.sla = .atRisk }
                add("entity") { $0.entity = EntitySearch(type: .device, value: "host-1") }
                add("alert") { $0.alertID = UUID() }
                add("severity") { $0.severities = [.critical] }
            }
            for (name, filter) in filters {
                let keys: [Int64] = [2, 1_770_000_000_000_000]
                let cursor = Cursor(list: "cases", keys: keys, id: UUID())
                for start in [nil, cursor] {
                    let query = ProjectionQueries.cases(fixture.tenant, filter, after: start, limit: 51, cases)
                    let plan = try await plan(query, fixture)
                    #expect(!plan.contains("Seq Scan"), "\(name)\n\(plan)")
                }
            }
            let counts = try await plan(ProjectionQueries.caseCounts(fixture.tenant, cases), fixture)
            #expect(!counts.contains("Seq Scan") && counts.contains("Index Only Scan"), "\(counts)")
            for states in [[], [ApprovalState.pending]] {
                let query = ProjectionQueries.approvals(
                    fixture.tenant, states, nil, after: nil, limit: 51, approvals)
                let plan = try await plan(query, fixture)
                #expect(!plan.contains("Seq Scan"), "\(states)\n\(plan)")
            }
        }
    }

    @Test("by deadline, what has none comes last, page by page")
    func deadlines() async throws {
        try await ProjectionFixture.with { fixture in
            let (cases, _) = try await fill(fixture)
            var filter = CaseFilter()
            filter.sort = .dueAt
            let query = ProjectionQueries.cases(fixture.tenant, filter, after: nil, limit: 51, cases)
            let plan = try await plan(query, fixture)
            #expect(plan.contains("_due"), "\(plan)")
            let times = try await fixture.application.query(query) { row throws(PostgresError) in try row[2] as Int64 }
            #expect(times.count == 51 && times == times.sorted())
        }
    }
}
