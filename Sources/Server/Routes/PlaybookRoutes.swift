import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors
import Response

/// Playbooks: published by an administrator, promoted by somebody else.
enum PlaybookRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/playbooks", ReadConfiguration.self) { call in
                let registry = try await call.services.registries.registry(of: call.tenant)
                let playbooks = registry.playbooks.values.sorted { ($0.name, $0.playbookID) < ($1.name, $1.playbookID) }
                return .list(try playbooks.map { try json($0) }, asOf: registry.nextPosition - 1)
            },
            .get("/v1/playbooks/{id}", ReadConfiguration.self) { call in
                let playbook = try await find(call)
                return .resource(try json(playbook), version: Int64(playbook.version))
            },
            .post("/v1/playbooks", Configure.self, creates: true, publish),
            .post("/v1/playbooks/{id}:promote", ProposeStandingApproval.self, promote),
            .post("/v1/playbooks/{id}:demote", LeadCases.self, demote),
        ]
    }

    private static func json(_ playbook: PublishedPlaybook) throws -> JSONValue {
        var json = try JSONValue(encoding: playbook)
        json["id"] = .string(playbook.playbookID)
        return json
    }

    private static func find<C: Capability>(_ call: Call<C>) async throws -> PublishedPlaybook {
        let registry = try await call.services.registries.registry(of: call.tenant)
        guard let playbook = registry.playbooks[try call.name()] else { throw Rejection.notFound }
        return playbook
    }

    /// A CACAO document; its labels are the threat patterns that it answers. The same document again changes nothing; a
    /// changed one is a new version, and assisted until it is promoted again.
    private static func publish(_ call: Call<Configure>) async throws -> Reply {
        let document = try CommandBody.parse(call.body.bytes)
        let playbook: Playbook
        do {
            playbook = try Playbook(document: document)
        } catch {
            throw refusal(error.problems)
        }
        let problems = playbook.publishProblems()
        guard problems.isEmpty else { throw refusal(problems) }
        let stream = GovernanceWriter.stream(ofPlaybook: playbook.id, call.tenant)
        let version = try await call.services.log.versions(ofStreams: [stream], tenant: call.tenant)[stream] ?? 0
        let registry = try await call.services.registries.registry(of: call.tenant)
        let current = registry.playbooks[playbook.id]
        if let current, current.digest == playbook.digest {
            return .resource(try json(current), version: Int64(current.version))
        }
        let published = PublishedPlaybook(
            playbookID: playbook.id, version: (current?.version ?? 0) + 1, digest: playbook.digest, name: playbook.name,
            mode: .assisted, patterns: (document["labels"]?.arrayValue ?? []).compactMap(\.stringValue),
            document: document)
        let verdict = try await call.services.log.append(
            AppendRequest(
                tenant: call.tenant, streamKind: StreamKind.playbook.rawValue, streamID: stream,
                expected: .exactly(version), events: call.cause.events(for: [Decision(published)])))
        guard case .appended(let range) = verdict else {
            throw Problem(
                .versionConflict, "Somebody published this playbook at the same moment: read it, then repeat.")
        }
        return Reply.resource(
            try json(published), version: Int64(published.version), status: .created, position: range.lastPosition)
    }

    private static func refusal(_ problems: [PlaybookProblem]) -> Problem {
        let errors = problems.map { $0.fieldError() }
        let isIrreversible = problems.contains { $0.code == "irreversible-action" }
        return isIrreversible ? Problem(Rejection.irreversibleAction(errors)) : .validation(errors)
    }

    private enum Promotion: String, CaseIterable { case assisted, live }
    private enum Demotion: String, CaseIterable { case shadow, assisted }

    /// Two people: the first proposes, a lead who is somebody else agrees with the same words. To `assisted` one lead is
    /// enough. Whoever published this version does not promote it.
    private static func promote(_ call: Call<ProposeStandingApproval>) async throws -> Reply {
        var body = try call.command()
        let mode: PlaybookMode = body.choice("mode", Promotion.assisted) == .live ? .live : .assisted
        let reason = body.text("reason")
        try body.finish()
        let playbook = try await find(call)
        if let author = playbook.publishedBy, author.isHuman, author.identity == call.principal.identity {
            throw Rejection.selfApproval
        }
        let registry = try await call.services.registries.registry(of: call.tenant)
        let proposal = registry.promotionProposals[playbook.playbookID].flatMap { proposal in
            proposal.mode == mode && proposal.version == playbook.version ? proposal : nil
        }
        let isLead = call.principal.roles.contains(.lead)
        if isLead, mode != .live || proposal.map({ $0.proposedBy != call.principal.identity }) == true {
            return try await change(playbook, to: mode, .playbookPromoted, reason, call)
        }
        if proposal?.proposedBy == call.principal.identity { throw Rejection.selfApproval }
        let position = try await append(playbook, mode, .playbookPromotionProposed, reason, call)
        var json = try json(playbook)
        json["proposed_mode"] = .string(mode.rawValue)
        return Reply(.accepted, json).at(position)
    }

    private static func demote(_ call: Call<LeadCases>) async throws -> Reply {
        var body = try call.command()
        let mode: PlaybookMode = body.choice("mode", Demotion.assisted) == .shadow ? .shadow : .assisted
        let reason = body.text("reason")
        try body.finish()
        return try await change(try await find(call), to: mode, .playbookDemoted, reason, call)
    }

    private static func append<C: Capability>(
        _ playbook: PublishedPlaybook, _ mode: PlaybookMode, _ type: EventType, _ reason: String, _ call: Call<C>
    ) async throws -> Int64 {
        let data: JSONValue = [
            "playbook_id": .string(playbook.playbookID), "mode": .string(mode.rawValue), "reason": .string(reason),
        ]
        return try await call.governance.append(
            [Decision(type: type, data: data)], kind: .playbook,
            stream: GovernanceWriter.stream(ofPlaybook: playbook.playbookID, call.tenant), traceID: call.traceID)
    }

    private static func change<C: Capability>(
        _ playbook: PublishedPlaybook, to mode: PlaybookMode, _ type: EventType, _ reason: String, _ call: Call<C>
    ) async throws -> Reply {
        let position = try await append(playbook, mode, type, reason, call)
        var changed = playbook
        changed.mode = mode
        return .resource(try json(changed), version: Int64(changed.version), position: position)
    }
}
