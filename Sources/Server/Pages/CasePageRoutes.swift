import Cases
import EventLog
import Events
import Foundation
import JSON
import Pages
import Projections
import Reactors

/// The page of one case, now or at a moment.
enum CasePageRoutes {
    /// The newest of a case's events that a page shows; the rest is in the history.
    private static let eventsMaximum = 500

    static var all: [Endpoint] {
        [
            .page(
                "/cases/{id}", ReadCases.self, query: ["as_of", "as_of_position", "version"],
                reads: ["cases", "alerts", "audit_trail"], show)
        ]
    }

    private static func show(_ call: Call<ReadCases>) async throws -> Reply {
        let id = try call.id()
        let past = try await call.history.look(from: call.query)
        let record: CaseRecord
        var position: Int64
        if let past {
            (record, position) = try await past.record(ofCase: id)
        } else {
            let found = try await call.services.find(in: "cases", tenant: call.tenant) {
                try await call.services.queries.record(ofCase: id, tenant: call.tenant)
            }
            (record, position) = (found.value, found.asOfPosition)
        }
        let events = try await events(of: record, call)
        var lines = events.map(TimelineLine.init)
        let elsewhere = CasePage.citedElsewhere(by: record, known: Set(events.map(\.eventID)))
        lines += try await call.services.queries.audit(eventIDs: elsewhere, tenant: call.tenant).map {
            TimelineLine(
                eventID: $0.eventID, position: $0.position, type: $0.type, recordedAt: $0.recordedAt, actor: $0.actor,
                text: "", isOfCase: false)
        }
        var filter = AlertFilter()
        filter.caseID = id
        let linked = Set(record.alerts.map { $0.alertID.lowercased })
        let alerts = try await call.services.queries.alerts(
            tenant: call.tenant, filter: filter, page: PageRequest(limit: 100)
        ).items.filter { linked.contains($0["id"]?.stringValue ?? "") }
        let playbooks = try await call.services.registries.registry(of: call.tenant).playbooks
        let page = try CasePage(
            record: record, position: position, lines: lines, alerts: alerts,
            playbookName: record.recommendation?.playbook.flatMap { playbooks[$0.id]?.name }, viewer: call.principal,
            moment: past == nil
                ? nil : .init(version: record.version, recordedAt: events.last?.recordedAt), now: call.now)
        let frame = PageFrame(
            title: record.title ?? "Case", place: .queue, viewer: call.principal,
            position: past == nil ? position : nil, caseID: id.lowercased, now: call.now)
        return try await call.page("case", frame, try page.model)
    }

    /// The newest ones, up to where the record stands, so that nothing on the page is ahead of anything else.
    private static func events(of record: CaseRecord, _ call: Call<ReadCases>) async throws -> [Event] {
        try await call.services.log.read(
            stream: record.id, tenant: call.tenant, after: max(0, record.version - Int64(eventsMaximum)),
            upTo: record.lastPosition, limit: eventsMaximum)
    }
}
