import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// Policies: proposed by an administrator, in force once a lead who is somebody else approves.
enum PolicyRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/policies", ReadConfiguration.self, list),
            .post("/v1/policies", Configure.self, creates: true, propose),
            .post("/v1/policies/{id}:approve", LeadCases.self, approve),
        ]
    }

    private static func stream(_ tenant: UUID) -> UUID { UUID.v5(namespace: tenant, name: "policy") }

    private static func list(_ call: Call<ReadConfiguration>) async throws -> Reply {
        let registry = try await call.services.registries.registry(of: call.tenant)
        let proposals = registry.proposedPolicies.values.sorted { $0.proposalID.lowercased > $1.proposalID.lowercased }
        return .list(
            [try json(registry.policy, proposal: nil)]
                + (try proposals.map { try json($0.policy, proposal: $0.proposalID) }),
            asOf: registry.nextPosition - 1)
    }

    private static func json(_ policy: Policy, proposal: UUID?) throws -> JSONValue {
        [
            "state": proposal == nil ? "active" : "proposed", "version": .integer(Int64(policy.version)),
            "proposal_id": proposal.map { .string($0.lowercased) } ?? .null, "policy": try JSONValue(encoding: policy),
        ]
    }

    /// The body is the whole policy. Its version is given here: one more than the one in force.
    private static func propose(_ call: Call<Configure>) async throws -> Reply {
        var body = try call.command().json
        let registry = try await call.services.registries.registry(of: call.tenant)
        body["version"] = .integer(Int64(registry.policy.version + 1))
        let policy: Policy
        do {
            policy = try body.decode()
        } catch let error as JSONError {
            throw Problem.validation([
                FieldError(error.pointer, error.code == .required ? .required : .type, error.message)
            ])
        }
        guard policy.problems.isEmpty else { throw Problem.validation(policy.problems) }
        let proposal = PolicyProposal(proposalID: UUID.v7(at: call.now), policy: policy)
        let position = try await call.governance.append(
            [Decision(proposal)], kind: .policy, stream: stream(call.tenant), traceID: call.traceID)
        return Reply(.created, try json(policy, proposal: proposal.proposalID)).at(position)
    }

    private static func approve(_ call: Call<LeadCases>) async throws -> Reply {
        let id = try call.id()
        var version: Int64 = 0
        var proposed: Event?
        for try await page in call.services.log.stream(stream(call.tenant), tenant: call.tenant) {
            version = page.last?.version ?? version
            proposed =
                proposed
                ?? page.first { event in
                    event.kind == .policyProposed && event.data["proposal_id"]?.stringValue == id.lowercased
                }
        }
        let registry = try await call.services.registries.registry(of: call.tenant)
        guard let proposed, let proposal = registry.proposedPolicies[id] else { throw Rejection.notFound }
        guard proposed.actor.identity != call.principal.identity else { throw Rejection.selfApproval }
        guard proposal.policy.version == registry.policy.version + 1 else {
            throw Problem(
                .versionConflict, "Another policy came into force after this was proposed: propose it anew.",
                members: ["current_version": .integer(Int64(registry.policy.version))])
        }
        let verdict = try await call.services.log.append(
            AppendRequest(
                tenant: call.tenant, streamKind: StreamKind.policy.rawValue, streamID: stream(call.tenant),
                expected: .exactly(version),
                events: call.cause.events(for: [
                    Decision(PolicyApproved(proposalID: id, version: proposal.policy.version))
                ])))
        guard case .appended(let range) = verdict else {
            throw Problem(.versionConflict, "Something else was decided at the same moment: look again, then repeat.")
        }
        return Reply(.ok, try json(proposal.policy, proposal: nil)).at(range.lastPosition)
    }
}
