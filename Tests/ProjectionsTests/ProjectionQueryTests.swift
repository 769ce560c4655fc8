import Cases
import Events
import Foundation
import JSON
import Projections
import TestSupport
import Testing

@Suite("Queries over projections", .projected)
struct ProjectionQueryTests {
    /// Walks a list page by page; the ids in the order in which they came.
    private func walk(
        limit: Int, _ page: (PageRequest) async throws -> Page
    ) async throws -> [String] {
        var ids: [String] = []
        var request = PageRequest(limit: limit)
        while true {
            let page = try await page(request)
            #expect(page.items.count <= limit)
            ids += page.items.compactMap { ($0["id"] ?? $0["event_id"])?.stringValue }
            guard let cursor = page.nextCursor else { return ids }
            #expect(page.items.count == limit)
            request = PageRequest(cursor: cursor, limit: limit)
        }
    }

    @Test("pages show every case once, whatever the order", arguments: CaseFilter.Sort.allCases)
    func pages(_ sort: CaseFilter.Sort) async throws {
        try await ProjectionFixture.with { fixture in
            let severities = [Severity.low, .high, .critical]
            var stories: [CaseStory] = []
            for index in 0..<13 {
                stories.append(CaseStory(severity: severities[index % 3], length: 1 + index * 2))
                try await fixture.append(stories[index])
            }
            try await fixture.catchUp()
            var filter = CaseFilter()
            filter.sort = sort
            let all = try await fixture.queries.cases(tenant: fixture.tenant, filter: filter)
            let expected = all.items.compactMap { $0["id"]?.stringValue }
            #expect(Set(expected) == Set(stories.map(\.id.lowercased)))
            #expect(!all.hasMore)
            for limit in [1, 4, 13] {
                let ids = try await walk(limit: limit) {
                    try await fixture.queries.cases(tenant: fixture.tenant, filter: filter, page: $0)
                }
                #expect(ids == expected)
            }
            if sort == .openedAt { #expect(expected == stories.reversed().map(\.id.lowercased)) }
            if sort == .severity {
                let ranks = all.items.compactMap { $0["severity_id"]?.int64Value }
                #expect(ranks == ranks.sorted(by: >))
            }
        }
    }

    @Test("approvals, runs, alerts, dead letters and the audit trail are walked without gaps or doubles")
    func otherPages() async throws {
        try await ProjectionFixture.with { fixture in
            let tenant = fixture.tenant
            var counts = (cases: 0, alerts: 0, letters: 0)
            for index in 0..<7 {
                let alert = AlertStory(sourceRef: "A-\(index)")
                try await fixture.append(alert.received(), to: alert.id, kind: .alert)
                try await fixture.append(CaseStory(alertID: alert.id))
                try await fixture.append(
                    [CaseStory.event(.alertRejected, ["source": "edr", "reason": "no title", "errors": []])],
                    to: UUID(), kind: .intake)
                counts = (counts.cases + 1, counts.alerts + 1, counts.letters + 1)
            }
            try await fixture.catchUp()
            let queries = fixture.queries
            let events = counts.cases * CaseStory.fullLength + counts.alerts * 2 + counts.letters
            let lists: [(Int, (PageRequest) async throws -> Page)] = [
                (7, { try await queries.approvals(tenant: tenant, page: $0) }),
                (7, { try await queries.runs(tenant: tenant, page: $0) }),
                (7, { try await queries.alerts(tenant: tenant, page: $0) }),
                (7, { try await queries.deadLetters(tenant: tenant, page: $0) }),
                (events, { try await queries.audit(tenant: tenant, page: $0) }),
            ]
            for (count, list) in lists {
                let ids = try await walk(limit: 3, list)
                #expect(ids.count == count)
                #expect(Set(ids).count == count)
            }
        }
    }

    @Test(
        "a cursor of another list or order, or no cursor at all, is refused",
        arguments: ["", "e30", "%%%", "bm90IGpzb24"])
    func badCursors(_ text: String) async throws {
        try await ProjectionFixture.with { fixture in
            let error = await #expect(throws: ProjectionError.self) {
                try await fixture.queries.cases(tenant: fixture.tenant, page: PageRequest(cursor: text))
            }
            #expect(error?.code == .malformedCursor)
        }
    }

    @Test("a cursor of one order does not go on in another")
    func foreignCursor() async throws {
        try await ProjectionFixture.with { fixture in
            for _ in 0..<2 { try await fixture.append(CaseStory(length: 1)) }
            try await fixture.catchUp()
            let page = try await fixture.queries.cases(tenant: fixture.tenant, page: PageRequest(limit: 1))
            let cursor = try #require(page.nextCursor)
            var filter = CaseFilter()
            filter.sort = .severity
            let error = await #expect(throws: ProjectionError.self) {
                try await fixture.queries.cases(
                    tenant: fixture.tenant, filter: filter, page: PageRequest(cursor: cursor))
            }
            #expect(error?.code == .malformedCursor)
        }
    }

    @Test("cases are found by state, severity, assignee, entity, alert, clocks and time of change")
    func caseFilters() async throws {
        try await ProjectionFixture.with { fixture in
            let fresh = CaseStory(severity: .low, entity: "sg-fresh", length: 4)
            let atRisk = CaseStory(severity: .critical, entity: "sg-risk", length: 11)
            let breached = CaseStory(entity: "sg-breached", length: 17)
            let closed = CaseStory(entity: "sg-closed")
            for story in [fresh, atRisk, breached, closed] { try await fixture.append(story) }
            try await fixture.catchUp()
            let tenant = fixture.tenant

            func found(_ change: (inout CaseFilter) -> Void) async throws -> Set<String> {
                var filter = CaseFilter()
                change(&filter)
                let page = try await fixture.queries.cases(tenant: tenant, filter: filter)
                return Set(page.items.compactMap { $0["id"]?.stringValue })
            }
            func ids(_ stories: CaseStory...) -> Set<String> { Set(stories.map(\.id.lowercased)) }

            #expect(try await found { $0.states = [.closed] } == ids(closed))
            #expect(try await found { $0.states = [.enriched, .executing] } == ids(fresh, breached))
            #expect(try await found { $0.severities = [.low, .critical] } == ids(fresh, atRisk))
            #expect(try await found { $0.assignee = Identity(subject: "alice") } == ids(atRisk, breached, closed))
            #expect(try await found { $0.assignee = Identity(issuer: "https://idp", subject: "alice") } == [])
            #expect(
                try await found { $0.entity = EntitySearch(type: .cloudResource, value: " sg-risk ") } == ids(atRisk))
            #expect(try await found { $0.entity = EntitySearch(value: "sg-fresh") } == ids(fresh))
            #expect(try await found { $0.entity = EntitySearch(type: .user, value: "sg-fresh") } == [])
            #expect(try await found { $0.alertID = closed.alertID } == ids(closed))
            #expect(try await found { $0.sla = .atRisk } == ids(atRisk))
            #expect(try await found { $0.sla = .breached } == ids(breached))
            #expect(try await found { $0.queue = "default" } == ids(fresh, atRisk, breached, closed))
            let changed = try await fixture.folded(breached.id).anchors.updatedAt
            #expect(try await found { $0.updatedAfter = changed } == ids(closed))
        }
    }

    @Test("list items leave out what the contract leaves out")
    func listItems() async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(CaseStory(length: 10))
            try await fixture.catchUp()
            let item = try #require(try await fixture.queries.cases(tenant: fixture.tenant).items.first)
            #expect(item["attack_techniques"] == nil && item["blocked_actions"] == nil)
            #expect(item["entities"]?[0]?["value"] == "sg-0a1")
            #expect(item["entities"]?[0]?.objectValue?.keys.contains("asset") == false)
            #expect(item["as_of_position"] == 9)
        }
    }

    @Test("an alert is pending, tagged, joined or opened by what the log says, and counts its duplicates")
    func alertDispositions() async throws {
        try await ProjectionFixture.with { fixture in
            let tenant = fixture.tenant
            let alert = AlertStory()
            func view() async throws -> JSONValue {
                try await fixture.catchUp(batchSize: 2)
                return try #require(try await fixture.queries.alert(alert.id, tenant: tenant)).view
            }
            try await fixture.append(alert.received(), to: alert.id, kind: .alert)
            var seen = try await view()
            #expect(seen["disposition"] == "pending")
            #expect(seen["title"] == "SECRET-TITLE")
            #expect(seen["raw"]?["size"] == 812)
            #expect(seen["raw"]?["href"] == .string("/v1/alerts/\(alert.id.lowercased)/raw"))
            #expect(seen["unmapped"] == ["Some": "thing"])
            #expect(seen["ocsf"] == ["class_uid": 2004])
            #expect(seen["as_of_position"] == 1)

            try await fixture.append(
                [
                    CaseStory.event(
                        .alertDeduplicated,
                        ["items": [["alert_id": .string(alert.id.lowercased), "count": 3]]])
                ], to: UUID(), kind: .intake)
            try await fixture.append(
                [
                    CaseStory.event(
                        .alertEnriched,
                        ["alert_id": .string(alert.id.lowercased), "disposition": "tagged", "reason": "low"])
                ], to: alert.id, kind: .alert)
            seen = try await view()
            #expect(seen["duplicate_count"] == 3)
            #expect(seen["disposition"] == "tagged")

            let story = CaseStory(length: 1)
            try await fixture.append(story)
            try await fixture.append(
                [
                    CaseStory.event(
                        .caseAlertLinked,
                        [
                            "alert_id": .string(alert.id.lowercased), "occurred_at": .string(CaseStory.start.rfc3339),
                            "overlap_score": 0.8, "shared_entities": [], "severity_id": 4, "confidence_score": .null,
                            "pattern": .null, "joined_during_run": false,
                        ])
                ], to: story.id, caseID: story.id)
            seen = try await view()
            #expect(seen["disposition"] == "case_joined")
            #expect(seen["case_ids"] == [.string(story.id.lowercased)])

            var filter = AlertFilter()
            filter.caseID = story.id
            #expect(try await fixture.queries.alerts(tenant: tenant, filter: filter).items.count == 1)
            filter.entity = EntitySearch(type: .device, value: "WEB-1.example")
            filter.sourceRef = "A-1"
            filter.source = "edr-prod"
            filter.dispositions = [.caseJoined]
            #expect(try await fixture.queries.alerts(tenant: tenant, filter: filter).items.count == 1)
            filter.sourceRef = "A-2"
            #expect(try await fixture.queries.alerts(tenant: tenant, filter: filter).items.isEmpty)

            let opened = AlertStory(sourceRef: "A-9")
            try await fixture.append(opened.received(), to: opened.id, kind: .alert)
            try await fixture.append(CaseStory(alertID: opened.id, length: 1))
            try await fixture.catchUp()
            let second = try await fixture.queries.alert(opened.id, tenant: tenant)
            #expect(second?.view["disposition"] == "case_opened")
            #expect(second?.version == 2)
        }
    }

    @Test("a dead letter keeps its reasons and shows when it was tried again")
    func deadLetters() async throws {
        try await ProjectionFixture.with { fixture in
            let id = UUID()
            try await fixture.append(
                [
                    CaseStory.event(
                        .alertRejected,
                        [
                            "dead_letter_id": .string(id.lowercased), "source": "edr", "source_ref": .null,
                            "raw_digest": .string(Digest.sha256([1]).text), "raw_size": 3, "reason": "no title",
                            "errors": [["pointer": "/title", "code": "required"]],
                        ])
                ], to: id, kind: .intake)
            try await fixture.catchUp()
            let letter = try #require(try await fixture.queries.deadLetter(id, tenant: fixture.tenant)).view
            #expect(letter["errors"]?[0]?["pointer"] == "/title")
            #expect(letter["retried_at"] == .null)
            try await fixture.append(
                [CaseStory.event(.alertRetried, ["dead_letter_id": .string(id.lowercased)])], to: id, kind: .intake)
            try await fixture.catchUp()
            #expect(try await fixture.queries.deadLetters(tenant: fixture.tenant, isRetried: false).items.isEmpty)
            #expect(try await fixture.queries.deadLetters(tenant: fixture.tenant, isRetried: true).items.count == 1)
        }
    }

    @Test("the audit trail is searched by person, kind of event, case and time")
    func auditFilters() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory()
            try await fixture.append(story)
            try await fixture.append(CaseStory(length: 3))
            try await fixture.catchUp()
            func types(_ change: (inout AuditFilter) -> Void) async throws -> [String] {
                var filter = AuditFilter()
                change(&filter)
                let page = try await fixture.queries.audit(tenant: fixture.tenant, filter: filter)
                return page.items.compactMap { $0["type"]?.stringValue }
            }
            #expect(try await types { $0.actor = Identity(subject: "bob") } == ["approval.granted"])
            #expect(
                try await types { $0.actorKind = .person }
                    == ["case.closed", "approval.granted", "approval.requested", "case.assigned"])
            #expect(
                try await types { $0.types = ["run.started", "case.opened"] } == [
                    "case.opened", "run.started", "case.opened",
                ])
            #expect(try await types { $0.caseID = story.id }.count == CaseStory.fullLength)
            let record = try await fixture.folded(story.id)
            #expect(try await types { $0.from = record.anchors.closedAt }.count == 4)
            #expect(try await types { $0.to = record.anchors.closedAt }.count == CaseStory.fullLength - 1)
        }
    }

    @Test("timers are due up to an instant, the longest overdue first, and the next one is known")
    func timers() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory(length: 10)
            try await fixture.append(story)
            try await fixture.catchUp()
            let due = try await fixture.folded(story.id).dueTimes
            #expect(due.count == 6)
            let third = try await fixture.queries.dueTimers(tenant: fixture.tenant, upTo: due[2].at)
            #expect(third.value.map(\.due) == due.filter { $0.at <= due[2].at })
            let before = try await fixture.queries.agenda(at: due[0].at.adding(milliseconds: -1))
            #expect(before.due.isEmpty && before.next == due[0].at)
            let after = try await fixture.queries.agenda(at: due[0].at)
            #expect(after.due.map(\.caseID) == [third.value[0].caseID])
            let without = try await fixture.queries.agenda(at: due[0].at, leavingOut: [third.value[0].caseID])
            #expect(without.due.isEmpty)
        }
    }
}
