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
                reads: ["cases"], start),
            .page("/approvals", ReadCases.self, query: ["show", "cursor"], reads: ["approvals", "cases"], approvals),
            .page("/figures", ReadMetrics.self, query: ["period"], reads: ["metrics"], figures),
            .page(
                "/history", ReadCases.self, query: ["type", "actor", "case", "text", "as_of", "cursor"],
                reads: ["audit_trail"], history),
        ] + CasePageRoutes.all
    }

    /// The queue for whoever works on cases; for the others, what their role has instead.
    private static func start(_ call: Call<ReadSelf>) async throws -> Reply {
        if PageFrame.Place.queue.isOpen(to: call.principal.roles) { return try await queue(call) }
        if PageFrame.Place.figures.isOpen(to: call.principal.roles) { return PageAnswer.redirect(to: "/figures") }
        let frame = PageFrame(title: "Nothing here for this role", place: nil, viewer: call.principal, now: call.now)
        return try await call.page(
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
            follows: .rows, now: call.now)
        return try await call.page("queue", frame, model)
    }

    private static func approvals(_ call: Call<ReadCases>) async throws -> Reply {
        let mayDecide = !call.principal.roles.isDisjoint(with: Respond.roles)
        let selection =
            try call.query.choice("show", ApprovalsPage.Selection.self) ?? (mayDecide ? .mine : .pending)
        let isMine = selection == .mine
        let page = try await call.services.queries.approvals(
            tenant: call.tenant, states: selection == .all ? [] : [.pending],
            page: PageRequest(
                cursor: try call.query.text("cursor"), limit: isMine ? PageRequest.limitMaximum : 25))
        let ids = page.items.compactMap { $0["case_id"]?.stringValue.flatMap(UUID.init(uuidString:)) }
        let cases = try await call.services.queries.cases(ids, tenant: call.tenant)
        let model = ApprovalsPage(
            selection: selection, items: page.items,
            cases: Dictionary(cases.map { ($0.key.lowercased, $0.value) }, uniquingKeysWith: { first, _ in first }),
            viewer: call.principal, nextCursor: page.nextCursor, now: call.now
        ).model
        let frame = PageFrame(
            title: "Approvals", place: .approvals, viewer: call.principal, position: page.asOfPosition,
            follows: .page, now: call.now)
        return try await call.page("approvals", frame, model)
    }

    private static func figures(_ call: Call<ReadMetrics>) async throws -> Reply {
        let period = try call.query.choice("period", FiguresPage.Period.self) ?? .week
        let facts = try await call.services.queries.facts(tenant: call.tenant)
        // A figure speaks of a span that is named on the page; only the choice of the span reads the clock.
        let to = call.now
        let from = to.adding(milliseconds: -Int64(period.days) * 86_400_000)
        let reports = FiguresPage.metrics.map { metric in
            MetricReport(
                MetricQuery(metric: metric, from: from, to: to, bucket: .day, groupBy: [], timeZone: "UTC"),
                facts: facts.value, asOf: facts.asOfPosition)
        }
        let frame = PageFrame(title: "Metrics", place: .figures, viewer: call.principal, now: call.now)
        return try await call.page("figures", frame, FiguresPage(period: period, reports: reports).model)
    }

    private static func history(_ call: Call<ReadCases>) async throws -> Reply {
        let query = call.query
        let shown = HistoryPage.Filter(
            type: try query.choice("type", EventType.self)?.rawValue, actor: try query.text("actor"),
            caseID: try query.text("case"), text: try query.text("text"), asOf: try query.text("as_of"))
        var filter = AuditFilter()
        filter.types = shown.type.map { [$0] } ?? []
        filter.actor = shown.actor.map { Identity(subject: $0) }
        filter.caseID = try query.uuid("case")
        filter.text = shown.text
        let moment = try moment(shown.asOf)
        filter.to = moment.map { Instant(microseconds: $0.microseconds + 1) }
        let page = try await call.services.queries.audit(
            tenant: call.tenant, filter: filter, page: PageRequest(cursor: try query.text("cursor")))
        let frame = PageFrame(title: "History", place: .history, viewer: call.principal, now: call.now)
        return try await call.page(
            "history", frame,
            HistoryPage(filter: shown, items: page.items, nextCursor: page.nextCursor, moment: moment).model)
    }

    /// A time as the API takes it; without an offset it is UTC, with minutes alone their end is meant.
    private static func moment(_ text: String?) throws -> Instant? {
        guard let text else { return nil }
        let candidates = [text, text + "Z", text + ":59.999999Z", text + "T23:59:59.999999Z"]
        guard let instant = candidates.lazy.compactMap({ Instant(rfc3339: $0.replacing(" ", with: "T")) }).first else {
            throw Problem.validation([
                FieldError("/as_of", .format, "is a time such as 2026-11-21T02:38, in UTC unless it has an offset")
            ])
        }
        return instant
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
