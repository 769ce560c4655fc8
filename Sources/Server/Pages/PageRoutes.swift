import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Pages
import Projections

/// The pages that belong to no single case. Each is made of what the API's own routes would answer.
enum PageRoutes {
    static var all: [Endpoint] {
        [
            .page(
                "/", ReadSelf.self, query: ["show", "severity", "owner", "sla", "entity", "sort", "cursor"],
                reads: ["cases"], start)
        ] + CasePageRoutes.all
    }

    /// The queue for whoever works on cases; for the others, what their role has instead.
    private static func start(_ call: Call<ReadSelf>) async throws -> Reply {
        if PageFrame.Place.queue.isOpen(to: call.principal.roles) { return try await queue(call) }
        if PageFrame.Place.figures.isOpen(to: call.principal.roles) { return PageAnswer.redirect(to: "/figures") }
        let frame = PageFrame(title: "Nothing here for this role", place: nil, viewer: call.principal, now: call.now)
        return call.page(
            "message", frame,
            MessagePage.model(
                title: "Nothing here for this role",
                detail: "Cases are for analysts, responders, leads and auditors. Your role works through the API.",
                status: nil, trace: nil, isSignedIn: true))
    }

    private static func queue(_ call: Call<ReadSelf>) async throws -> Reply {
        let query = call.query
        let shown = QueuePage.Filter(
            selection: try query.choice("show") ?? .open, severities: try query.choices("severity"),
            owner: try query.choice("owner") ?? .anyone, sla: try query.choice("sla", CaseFilter.SLA.self)?.rawValue,
            entity: try query.text("entity"),
            sort: (try query.choice("sort", CaseFilter.Sort.self) ?? .severity).rawValue)
        var filter = CaseFilter()
        filter.states = shown.selection.states
        filter.severities = shown.severities
        filter.assignee = shown.owner == .me ? call.principal.identity : nil
        filter.isUnassigned = shown.owner == .nobody
        filter.sla = shown.sla.flatMap(CaseFilter.SLA.init)
        filter.entity = try query.entity()
        filter.sort = CaseFilter.Sort(rawValue: shown.sort) ?? .severity
        let counts = try await call.services.queries.caseCounts(tenant: call.tenant)
        let page = try await call.services.queries.queue(
            tenant: call.tenant, filter: filter, page: PageRequest(cursor: try query.text("cursor")))
        let model = QueuePage(
            filter: shown,
            counts: .init(
                byState: counts.value.byState, breached: counts.value.breached, atRisk: counts.value.atRisk),
            items: page.items, nextCursor: page.nextCursor, isFirstPage: try query.text("cursor") == nil, now: call.now
        ).model
        let frame = PageFrame(
            title: "Queue", place: .queue, viewer: call.principal,
            position: min(page.asOfPosition, counts.asOfPosition),
            now: call.now)
        return call.page("queue", frame, model)
    }
}

extension Endpoint {
    static func page<C: Capability>(
        _ path: String, _ capability: C.Type, query: Set<String> = [], reads: [String] = [],
        _ handler: @escaping @Sendable (Call<C>) async throws -> Reply
    ) -> Endpoint {
        Endpoint(.get, path, capability, Options(query: query, reads: reads, produces: [.html], isForm: true), handler)
    }
}
