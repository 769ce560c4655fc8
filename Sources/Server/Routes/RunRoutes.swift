import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Projections
import Reactors
import Runs

/// Runs: looked at, stopped, undone (contract §7).
enum RunRoutes {
    static var all: [Endpoint] {
        [
            .list("/v1/runs", ReadCases.self, query: ["case_id", "state"], reads: ["runs"], list),
            .get("/v1/runs/{id}", ReadCases.self, query: ["as_of", "as_of_position"], reads: ["runs"], get),
            .get("/v1/runs/{id}/steps", ReadCases.self, query: ["as_of", "as_of_position"], reads: ["runs"], steps),
            .post("/v1/runs/{id}:pause", Respond.self) { try await control(.pause, $0) },
            .post("/v1/runs/{id}:resume", Respond.self) { try await control(.resume, $0) },
            .post("/v1/runs/{id}:cancel", Respond.self) { try await control(.cancel, $0) },
            .post("/v1/runs/{id}:rollback", Respond.self, rollback),
        ]
    }

    private static let states: [RunState] = [
        .running, .paused, .completed, .failed, .cancelled, .rollingBack, .rolledBack, .rollbackIncomplete,
    ]

    private static func list(_ call: Call<ReadCases>) async throws -> Reply {
        let states = try call.query.list("state").map { text in
            guard let state = RunState(rawValue: text) else {
                throw Problem.validation([
                    FieldError("/state", .enum, "is none of the allowed values", allowed: Self.states.map(\.rawValue))
                ])
            }
            return state
        }
        let page = try await call.services.queries.runs(
            tenant: call.tenant, caseID: try call.query.uuid("case_id"), states: states, page: try call.query.page())
        return Reply(.ok, page.json)
    }

    private static func find<C: Capability>(_ call: Call<C>) async throws -> VersionedView {
        let id = try call.id()
        return try await call.services.find(in: "runs", tenant: call.tenant) {
            try await call.services.queries.run(id, tenant: call.tenant)
        }
    }

    private static func caseID(_ found: VersionedView) throws -> UUID {
        guard let id = found.view["case_id"]?.stringValue.flatMap({ UUID(uuidString: $0) }) else {
            throw Problem.defect
        }
        return id
    }

    /// The run as it was, or `nil` when the query asks about now.
    private static func past(_ call: Call<ReadCases>, _ found: VersionedView) async throws -> (Run, Int64)? {
        guard let past = try await call.history.look(from: call.query) else { return nil }
        let (record, position) = try await past.record(ofCase: try caseID(found))
        guard let run = record.run(try call.id()) else { throw Rejection.notFound }
        return (run, position)
    }

    private static func get(_ call: Call<ReadCases>) async throws -> Reply {
        let found = try await find(call)
        guard let (run, position) = try await past(call, found) else {
            return .resource(found.view, version: found.version)
        }
        return .resource(try JSONValue(encoding: RunView(run, asOf: position)), version: run.version)
    }

    private static func steps(_ call: Call<ReadCases>) async throws -> Reply {
        let found = try await find(call)
        if let (run, position) = try await past(call, found) {
            return .list(try run.steps.map { try JSONValue(encoding: StepView($0, run: run.id)) }, asOf: position)
        }
        guard let page = try await call.services.queries.steps(ofRun: try call.id(), tenant: call.tenant) else {
            throw Rejection.notFound
        }
        return Reply(.ok, page.json)
    }

    private static func control(_ command: CaseRecord.RunCommand, _ call: Call<Respond>) async throws -> Reply {
        var body = try call.command()
        let reason = body.text("reason")
        try body.finish()
        let id = try call.id()
        return try await update(call) { try $0.decide(command, run: id, reason: reason) }
    }

    private static func rollback(_ call: Call<Respond>) async throws -> Reply {
        var body = try call.command()
        let reason = body.text("reason")
        let code = body.choice("reason_code", RollbackReason.analystOverride)
        let onBehalfOf = body.optionalText("on_behalf_of", 1...200)
        let stepIDs = body.has("step_ids") ? body.strings("step_ids", 1...1_000) : nil
        try body.finish()
        let id = try call.id()
        return try await update(call) {
            try $0.requestRollback(run: id, stepIDs: stepIDs, reason: reason, reasonCode: code, onBehalfOf: onBehalfOf)
        }
    }

    private static func update(
        _ call: Call<Respond>, _ decide: (CaseRecord) async throws -> [Decision]
    ) async throws -> Reply {
        let id = try call.id()
        let caseID = try caseID(try await find(call))
        let written = try await call.services.cases.update(caseID, tenant: call.tenant, cause: call.cause, decide)
        guard let run = written.record.run(id) else { throw Rejection.notFound }
        return .resource(
            try JSONValue(encoding: RunView(run, asOf: written.record.lastPosition)), version: run.version,
            status: .accepted, position: written.position ?? written.record.lastPosition)
    }
}
