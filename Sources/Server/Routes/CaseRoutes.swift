import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Projections
import Reactors

/// Cases to look at: now, at a moment, at a position, at a version (contract §2).
enum CaseRoutes {
    static var all: [Endpoint] {
        [
            .list(
                "/v1/cases", ReadCases.self,
                query: [
                    "state", "severity", "assignee", "queue", "entity", "alert_id", "sla", "updated_after", "sort",
                ],
                reads: ["cases"], list),
            .get(
                "/v1/cases/{id}", ReadCases.self, query: ["as_of", "as_of_position", "version"], reads: ["cases"], get),
        ]
    }

    private static func list(_ call: Call<ReadCases>) async throws -> Reply {
        let query = call.query
        var filter = CaseFilter()
        filter.states = try query.choices("state")
        filter.severities = try query.choices("severity")
        filter.assignee = try query.text("assignee").map(identity)
        filter.queue = try query.text("queue")
        filter.entity = try query.entity()
        filter.alertID = try query.uuid("alert_id")
        filter.sla = try query.choice("sla")
        filter.updatedAfter = try query.instant("updated_after")
        filter.sort = try query.choice("sort") ?? .openedAt
        var page = try await call.services.queries.cases(tenant: call.tenant, filter: filter, page: try query.page())
        page.items = try await showingHeldBack(page.items, call)
        return Reply(.ok, page.json)
    }

    /// Says of a case what cannot be shown or done because an event of it cannot be taken; of others nothing.
    private static func showingHeldBack(_ views: [JSONValue], _ call: Call<ReadCases>) async throws -> [JSONValue] {
        let ids = views.map { $0["id"]?.stringValue.flatMap(UUID.init(uuidString:)) }
        let held = try await call.services.queries.heldBack(ofCases: ids.compactMap(\.self), tenant: call.tenant)
        return zip(views, ids).map { view, id in
            var view = view
            view["held_back"] = id.flatMap { held[$0] }
            return view
        }
    }

    /// `subject`, or `issuer|subject`.
    private static func identity(_ text: String) -> Identity {
        guard let bar = text.lastIndex(of: "|") else { return Identity(subject: text) }
        return Identity(issuer: String(text[..<bar]), subject: String(text[text.index(after: bar)...]))
    }

    private static func get(_ call: Call<ReadCases>) async throws -> Reply {
        let id = try call.id()
        if let past = try await call.history.look(from: call.query) {
            let (record, position) = try await past.record(ofCase: id)
            return .resource(try JSONValue(encoding: CaseView(record, asOf: position)), version: record.version)
        }
        let found = try await call.services.find(in: "cases", tenant: call.tenant) {
            try await call.services.queries.case(id, tenant: call.tenant)
        }
        let view = try await showingHeldBack([found.view], call)[0]
        return .resource(view, version: found.version)
    }
}
