import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Projections
import Reactors
import Response

/// Consent: asked for, looked at, decided (contract §6).
enum ApprovalRoutes {
    static var all: [Endpoint] {
        [
            .list("/v1/approvals", ReadCases.self, query: ["state", "case_id"], reads: ["approvals"], list),
            .get("/v1/approvals/{id}", ReadCases.self, query: ["as_of", "as_of_position"], reads: ["approvals"], get),
            .post("/v1/cases/{id}/approvals", HandleCases.self, creates: true, request),
            .post("/v1/approvals/{id}/decisions", Respond.self, decide),
        ]
    }

    private static func list(_ call: Call<ReadCases>) async throws -> Reply {
        let page = try await call.services.queries.approvals(
            tenant: call.tenant, states: try states(call.query), caseID: try call.query.uuid("case_id"),
            page: try call.query.page())
        return Reply(.ok, page.json)
    }

    private static func states(_ query: QueryParameters) throws -> [ApprovalState] {
        let all: [ApprovalState] = [.pending, .granted, .denied, .expired, .invalidated]
        return try query.list("state").map { text in
            guard let state = ApprovalState(rawValue: text) else {
                throw Problem.validation([
                    FieldError("/state", .enum, "is none of the allowed values", allowed: all.map(\.rawValue))
                ])
            }
            return state
        }
    }

    private static func get(_ call: Call<ReadCases>) async throws -> Reply {
        let found = try await find(call)
        guard let past = try await call.history.look(from: call.query) else {
            return .resource(found.view, version: found.version)
        }
        guard let caseID = found.view["case_id"]?.stringValue.flatMap({ UUID(uuidString: $0) }) else {
            throw Problem.defect
        }
        let (record, position) = try await past.record(ofCase: caseID)
        guard let approval = record.approval(try call.id()) else { throw Rejection.notFound }
        return .resource(
            try JSONValue(encoding: ApprovalView(approval, of: record, asOf: position)), version: approval.version)
    }

    private static func find<C: Capability>(_ call: Call<C>) async throws -> VersionedView {
        let id = try call.id()
        return try await call.services.find(in: "approvals", tenant: call.tenant) {
            try await call.services.queries.approval(id, tenant: call.tenant)
        }
    }

    /// A person asks for consent to a playbook's plan; that person can then not give it.
    private static func request(_ call: Call<HandleCases>) async throws -> Reply {
        var body = try call.command()
        let playbookID = body.text("playbook_id", 1...300)
        let parameters = body.optionalObject("parameters")
        let reason = body.text("reason")
        let registry = try await call.services.registries.registry(of: call.tenant)
        let rules = registry.policy.approvals
        let expiry =
            body.optionalInteger("expires_in_ms", rules.minimumExpiryMs...rules.maximumExpiryMs)
            ?? rules.defaultExpiryMs
        let playbook = registry.playbooks[playbookID]
        if playbook == nil { body.refuse("playbook_id", .enum, "there is no such playbook") }
        try body.finish()
        guard let playbook else { throw Rejection.notFound }
        let id = UUID.v7(at: call.now)
        let written = try await call.updateCase(isConditional: false) { record in
            try record.requireLegal(.requestApproval)
            let built: PlanBuilder.Built
            do {
                let whole = try await call.services.cases.withEvidence(record)
                built = try PlanBuilder(registry: registry).build(playbook, for: whole, given: parameters)
            } catch let refusal as PlaybookRefusal {
                throw Problem.validation(refusal.problems.map { $0.fieldError(below: "/parameters") })
            }
            return try ApprovalRequest(record: record, registry: registry, built: built).decisions(
                id: id, by: call.permit.actor, expiresAt: call.now.deadline(afterMs: expiry), reason: reason)
        }
        return try reply(written, approval: id, status: .created).locating("/v1/approvals/\(id.lowercased)")
    }

    private static func reply(
        _ written: CaseStore.Written, approval id: UUID, status: HTTPResponse.Status
    ) throws -> Reply {
        let record = written.record
        guard let approval = record.approval(id) else { throw Problem.defect }
        return .resource(
            try JSONValue(encoding: ApprovalView(approval, of: record, asOf: record.lastPosition)),
            version: approval.version, status: status, position: written.position ?? record.lastPosition)
    }

    private enum Choice: String, CaseIterable { case approve, deny }

    /// Every refusal but that of the role is part of the case's history: it is written first and told then.
    private static func decide(_ call: Call<Respond>) async throws -> Reply {
        var body = try call.command()
        let registry = try await call.services.registries.registry(of: call.tenant)
        let choice: Approval.Vote.Choice = body.choice("decision", Choice.approve) == .approve ? .approve : .deny
        let reason = body.text("reason", max(1, registry.policy.approvals.minimumReasonLength)...4_000)
        let digest = body.digest("plan_digest")
        let found = try await find(call)
        try body.finish()
        let id = try call.id()
        guard let caseID = found.view["case_id"]?.stringValue.flatMap({ UUID(uuidString: $0) }) else {
            throw Problem.defect
        }
        var rejection: Rejection?
        let written = try await call.services.cases.update(caseID, tenant: call.tenant, cause: call.cause) { record in
            let outcome = try record.decide(
                approval: id, choice, reason: reason, planDigest: digest, by: call.permit, registry: registry,
                at: call.now)
            rejection = outcome.rejection
            return outcome.decisions
        }
        if let rejection {
            var problem = Problem(rejection)
            if let position = written.position { problem.headers[.docketPosition] = String(position) }
            throw problem
        }
        return try reply(written, approval: id, status: .ok)
    }
}

extension PlaybookProblem {
    /// - Parameter base: where in the request the playbook or what it needs lies.
    func fieldError(below base: String = "") -> FieldError {
        FieldError(base + pointer, FieldError.Code(rawValue: code) ?? .format, "\(code): \(detail)")
    }
}
