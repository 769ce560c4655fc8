import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// Decisions made in advance: proposed by one person, in force when a lead who is somebody else agrees.
enum StandingApprovalRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/standing_approvals", ReadConfiguration.self, list),
            .get("/v1/standing_approvals/{id}", ReadConfiguration.self) { call in
                Reply(.ok, try await find(call))
            },
            .post("/v1/standing_approvals", ProposeStandingApproval.self, creates: true, propose),
            .post("/v1/standing_approvals/{id}:approve", LeadCases.self, approve),
            .post("/v1/standing_approvals/{id}:revoke", Respond.self, revoke),
        ]
    }

    private static func json(_ approval: StandingApproval, proposedBy: Identity?) throws -> JSONValue {
        var json = try JSONValue(encoding: approval)
        json["state"] = proposedBy == nil ? "granted" : "proposed"
        json["proposed_by"] = try proposedBy.map { try JSONValue(encoding: $0) } ?? .null
        return json
    }

    private static func items(_ registry: Registry) throws -> [JSONValue] {
        let granted = registry.standingApprovals.values.sorted { $0.id.lowercased > $1.id.lowercased }
        let proposed = registry.proposedStandingApprovals.values
            .sorted { $0.approval.id.lowercased > $1.approval.id.lowercased }
        return try proposed.map { try json($0.approval, proposedBy: $0.proposedBy) }
            + granted.map { try json($0, proposedBy: nil) }
    }

    private static func list(_ call: Call<ReadConfiguration>) async throws -> Reply {
        let registry = try await call.services.registries.registry(of: call.tenant)
        return .list(try items(registry), asOf: registry.nextPosition - 1)
    }

    private static func find(_ call: Call<ReadConfiguration>) async throws -> JSONValue {
        let id = try call.id().lowercased
        let registry = try await call.services.registries.registry(of: call.tenant)
        guard let found = try items(registry).first(where: { $0["id"]?.stringValue == id }) else {
            throw Rejection.notFound
        }
        return found
    }

    private static func propose(_ call: Call<ProposeStandingApproval>) async throws -> Reply {
        var body = try call.command()
        let registry = try await call.services.registries.registry(of: call.tenant)
        let playbookID = body.text("playbook_id", 1...300)
        let patterns = body.strings("patterns", 1...50)
        let classNames = body.strings("action_classes", 1...ActionClass.allCases.count)
        let labels = body.strings("target_labels", 0...50)
        let maxTargets = body.integer("max_targets", 1...Int64(registry.policy.execution.maxTargetsApproved))
        let maxRuns = body.integer("max_runs_per_hour", 1...1_000)
        let expiresAt = body.instant("expires_at")
        let isEmergency = body.optionalBool("is_emergency") ?? false
        let classes = classNames.compactMap(ActionClass.init(rawValue:))
        if classes.count < classNames.count {
            body.refuse(
                "action_classes", .enum, "holds an unknown class", allowed: ActionClass.allCases.map(\.rawValue))
        }
        if registry.playbooks[playbookID] == nil { body.refuse("playbook_id", .enum, "there is no such playbook") }
        let longest = isEmergency ? StandingApproval.longestEmergencyMs : StandingApproval.longestMs
        if expiresAt <= call.now || expiresAt.milliseconds(since: call.now) > longest {
            body.refuse("expires_at", .range, "lies in the future, at most \(longest / 86_400_000) days away")
        }
        try body.finish()
        let approval = StandingApproval(
            id: UUID.v7(at: call.now), playbookID: playbookID, patterns: patterns, actionClasses: classes,
            targetLabels: labels, maxTargets: Int(maxTargets), maxRunsPerHour: Int(maxRuns), expiresAt: expiresAt,
            isEmergency: isEmergency)
        let position = try await append(
            Decision(type: .standingApprovalProposed, approval), approval.id, call)
        return Reply(.created, try json(approval, proposedBy: call.principal.identity)).at(position)
            .locating("/v1/standing_approvals/\(approval.id.lowercased)")
    }

    private static func approve(_ call: Call<LeadCases>) async throws -> Reply {
        let registry = try await call.services.registries.registry(of: call.tenant)
        let id = try call.id()
        if let granted = registry.standingApprovals[id] { return Reply(.ok, try json(granted, proposedBy: nil)) }
        guard let proposal = registry.proposedStandingApprovals[id] else { throw Rejection.notFound }
        guard proposal.proposedBy != call.principal.identity else { throw Rejection.selfApproval }
        let position = try await append(Decision(proposal.approval), id, call)
        return Reply(.ok, try json(proposal.approval, proposedBy: nil)).at(position)
    }

    /// Taking it back needs one person, as everything that makes things safer.
    private static func revoke(_ call: Call<Respond>) async throws -> Reply {
        var body = try call.command()
        let reason = body.text("reason")
        try body.finish()
        let registry = try await call.services.registries.registry(of: call.tenant)
        let id = try call.id()
        let known = registry.standingApprovals[id] ?? registry.proposedStandingApprovals[id]?.approval
        guard let approval = known else { throw Rejection.notFound }
        let position = try await append(
            Decision(
                type: .standingApprovalRevoked,
                data: ["id": .string(id.lowercased), "reason": .string(reason)]), id, call)
        var answer = try json(approval, proposedBy: nil)
        answer["state"] = "revoked"
        return Reply(.ok, answer).at(position)
    }

    private static func append<C: Capability>(
        _ decision: Decision, _ id: UUID, _ call: Call<C>
    ) async throws -> Int64 {
        try await call.governance.append(
            [decision], kind: .standingApproval, stream: id, traceID: call.traceID)
    }
}
