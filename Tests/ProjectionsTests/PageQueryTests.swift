import Cases
import Events
import Foundation
import JSON
import Projections
import TestSupport
import Testing

@Suite("Queries for pages", .projected)
struct PageQueryTests {
    @Test("cases are counted by state, for one tenant")
    func counts() async throws {
        try await ProjectionFixture.with { fixture in
            #expect(try await fixture.queries.caseCounts(tenant: fixture.tenant).value.byState.isEmpty)
            for length in [1, 1, 3, CaseStory.fullLength] { try await fixture.append(CaseStory(length: length)) }
            try await fixture.catchUp()
            let counts = try await fixture.queries.caseCounts(tenant: fixture.tenant).value
            #expect(counts.byState.values.reduce(0, +) == 4)
            let all = try await fixture.queries.cases(tenant: fixture.tenant).items
            for (state, count) in counts.byState {
                #expect(count == all.count { $0["state"]?.stringValue == state.rawValue }, "\(state)")
            }
            #expect(try await fixture.queries.caseCounts(tenant: UUID()).value.byState.isEmpty)
        }
    }

    @Test("the queue names what is blocked, and finds the cases of nobody")
    func queue() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory()
            try await fixture.append(story)
            let free = CaseStory(length: 1)
            try await fixture.append(free)
            try await fixture.catchUp()
            let page = try await fixture.queries.queue(
                tenant: fixture.tenant, filter: CaseFilter(), page: PageRequest())
            #expect(page.items.count == 2)
            #expect(page.items.allSatisfy { $0["blocked_actions"]?.arrayValue != nil })
            var filter = CaseFilter()
            filter.isUnassigned = true
            let unassigned = try await fixture.queries.queue(
                tenant: fixture.tenant, filter: filter, page: PageRequest())
            #expect(unassigned.items.map { $0["id"]?.stringValue } == [free.id.lowercased])

            let found = try await fixture.queries.cases([story.id, UUID()], tenant: fixture.tenant)
            #expect(Array(found.keys) == [story.id] && found[story.id]?["title"]?.stringValue == story.title)
            #expect(try await fixture.queries.cases([story.id], tenant: UUID()).isEmpty)
            #expect(try await fixture.queries.cases([], tenant: fixture.tenant).isEmpty)
        }
    }

    @Test("the trail is searched by text, cut at a position, and looked up by event")
    func trail() async throws {
        try await ProjectionFixture.with { fixture in
            let story = CaseStory()
            try await fixture.append(story)
            try await fixture.catchUp()
            let all = try await fixture.queries.audit(tenant: fixture.tenant).items
            var filter = AuditFilter()
            filter.upTo = 2
            let early = try await fixture.queries.audit(tenant: fixture.tenant, filter: filter).items
            #expect(early.compactMap { $0["position"]?.int64Value } == [2, 1, 0])
            filter = AuditFilter()
            filter.text = story.alertID.lowercased.uppercased()
            let hits = try await fixture.queries.audit(tenant: fixture.tenant, filter: filter).items
            #expect(!hits.isEmpty && hits.count < all.count)
            #expect(hits.allSatisfy { $0["text"]?.stringValue?.contains(story.alertID.lowercased) == true })
            filter.text = "100%_"
            #expect(try await fixture.queries.audit(tenant: fixture.tenant, filter: filter).items.isEmpty)

            let ids = all.compactMap { $0["event_id"]?.stringValue.flatMap(UUID.init(uuidString:)) }
            let wanted = [try #require(ids.first), try #require(ids.last), UUID()]
            let entries = try await fixture.queries.audit(eventIDs: wanted, tenant: fixture.tenant)
            #expect(entries.map(\.eventID) == [wanted[1], wanted[0]])
            #expect(try await fixture.queries.audit(eventIDs: wanted, tenant: UUID()).isEmpty)
        }
    }
}
