import Cases
import Events
import Foundation
import JSON
import Projections
import Reactors
import Runs

/// What stands around a case: its alerts, evidence, recommendation, entities, clocks. Each is derived from the case's own fold.
enum CaseContextRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/cases/{id}/evidence", ReadCases.self, query: moments, reads: ["cases"]) { call in
                let (record, position) = try await record(call)
                let items = record.evidenceList(
                    plan: record.approval?.plan ?? record.plan, demands: record.approval?.demands ?? record.demands)
                return .list(try items.map { try JSONValue(encoding: $0) }, asOf: position)
            },
            .get("/v1/cases/{id}/recommendation", ReadCases.self, query: moments, reads: ["cases"]) { call in
                let (record, position) = try await record(call)
                guard let view = RecommendationView(record, asOf: position) else {
                    throw Problem(.notFound, "Nothing is recommended yet: the case is \(record.state.rawValue).")
                }
                return .resource(try JSONValue(encoding: view), version: record.version)
            },
            .get("/v1/cases/{id}/alerts", ReadCases.self, query: moments, reads: ["cases"]) { call in
                let (record, position) = try await record(call)
                return .list(try record.alerts.map { try JSONValue(encoding: CaseAlertView($0)) }, asOf: position)
            },
            .get("/v1/cases/{id}/entities", ReadCases.self, query: moments, reads: ["cases"]) { call in
                let (record, position) = try await record(call)
                return .list(try record.entities.map { try JSONValue(encoding: $0) }, asOf: position)
            },
            .get("/v1/cases/{id}/sla", ReadCases.self, query: moments, reads: ["cases"]) { call in
                let (record, position) = try await record(call)
                let clocks = CaseView(record, asOf: position).sla
                return .list(try clocks.map { try JSONValue(encoding: $0) }, asOf: position)
            },
        ]
    }

    private static let moments: Set<String> = ["as_of", "as_of_position", "version"]

    private static func record(_ call: Call<ReadCases>) async throws -> (CaseRecord, Int64) {
        let id = try call.id()
        if let past = try await call.history.look(from: call.query) { return try await past.record(ofCase: id) }
        let found = try await call.services.find(in: "cases", tenant: call.tenant) {
            try await call.services.queries.record(ofCase: id, tenant: call.tenant)
        }
        return (found.value, found.asOfPosition)
    }
}
