import Cases
import Events
import JSON
import Runs

/// What is recommended, and the decision on exactly that.
extension CasePage {
    /// The plan that a decision is about; without an approval, the one that was recommended.
    var recommendation: JSONValue {
        get throws {
            guard let recommendation = record.recommendation else { return .null }
            let actions = record.approval?.actions ?? recommendation.actions
            let steps = (record.approval?.plan ?? record.plan)?.json["steps"]?.arrayValue ?? []
            let blocked = view["blocked_actions"]?.arrayValue ?? []
            return [
                "playbook": recommendation.playbook.map { playbook in
                    [
                        "id": .string(playbook.id), "name": .string(playbookName ?? ""),
                        "version": .integer(Int64(playbook.version)),
                        "mode": .string(Words.inline(playbook.mode.rawValue)), "digest": .string(playbook.digest.text),
                    ]
                } ?? .null,
                "actions": .array(
                    try actions.enumerated().map { index, action in
                        let step = steps.first { $0["step_id"]?.stringValue == action.stepID } ?? [:]
                        return try self.action(action, step, number: index + 1, blocked: blocked)
                    }),
                "has_actions": .bool(!actions.isEmpty),
                "alternatives": .array(
                    recommendation.alternatives.map {
                        ["id": .string($0.playbookID), "why_not": .string($0.whyNot)]
                    }),
            ]
        }
    }

    private func action(
        _ action: PlannedAction, _ step: JSONValue, number: Int, blocked: [JSONValue]
    ) throws -> JSONValue {
        let radius = action.blastRadius
        let undo = step.at("/rollback/operation")?.stringValue
        // It reads or adds records, and takes nothing from anyone.
        let isKept = action.actionClass.isSideEffectFree
        let limit = action.rollbackMaxMs.map { " within \(Words.duration(ms: Double($0)))" } ?? ""
        return [
            "number": .integer(Int64(number)), "name": .string(action.name),
            "class": .string(Words.sentence(action.actionClass.rawValue)),
            "level": .string(Words.sentence(action.level.rawValue)),
            "operation": .string(
                [step["connector"]?.stringValue, step["operation"]?.stringValue].compactMap { $0 }.joined(
                    separator: " · ")),
            "targets": .array(try action.targets.map { CaseCard.entity(try JSONValue(encoding: $0)) }),
            "parameters": PrettyJSON.json(action.parameters),
            "inputs": PrettyJSON.json(step["inputs"]),
            "verify": PrettyJSON.json(step["verify"]),
            "undo": .string(
                undo.map { "Undone by \(Words.inline($0))\(limit)" }
                    ?? (isKept ? "Nothing to put back" : "Cannot be undone")),
            "is_reversible": .bool(isKept || undo != nil),
            "radius_targets": .string(Words.plural(radius.targetCount, "target")),
            "radius_environment": .string(Words.inline(radius.environment.rawValue)),
            "radius_services": .string(radius.services.joined(separator: ", ")),
            "radius_dependents": .string(Words.plural(radius.dependents, "dependent")),
            "radius_impact": .integer(Int64(radius.impactScore)),
            "radius_bar": .integer(Int64(min(max(radius.impactScore, 0), 100))),
            "citations": citations.links(radius.basisEventIDs),
            "blocked": blocked.first { $0["step_id"]?.stringValue == action.stepID }
                .map { .string(CaseCard.blockedText($0)) } ?? .null,
        ]
    }

    var decision: JSONValue {
        get throws {
            guard let approval = record.approval else { return .null }
            let missing = record.missingEvidence(plan: approval.plan, demands: approval.demands)
            let tone =
                switch approval.state {
                case .pending: "waiting"
                case .granted: "good"
                default: "bad"
                }
            return [
                "id": .string(approval.id.lowercased), "digest": .string(approval.planDigest.text),
                "state": .string(Words.sentence(approval.state.rawValue)), "tone": .string(tone),
                "state_reason": .string(approval.state == .denied ? "" : Words.sentence(approval.stateReason ?? "")),
                "is_pending": .bool(approval.state == .pending),
                "voices": .string("\(approval.approvedCount) of \(approval.requiredApprovals) have agreed"),
                "seats": .array(
                    (0..<approval.requiredApprovals).map { .bool($0 < approval.approvedCount) }),
                "expires": PageTime.json(approval.expiresAt), "requested": PageTime.json(approval.requestedAt),
                "requested_by": .string(approval.requestedBy.subject),
                "plan": PrettyJSON.json(approval.plan?.json),
                "missing": .array(
                    missing.map { item in
                        [
                            "kind": .string(Words.sentence(item.kind.rawValue)),
                            "status": .string(item.status.rawValue),
                            "required_by": .string(
                                item.requiredBy.map { Words.inline($0.rawValue) }.joined(separator: ", ")),
                        ]
                    }),
                "votes": .array(
                    approval.decisions.map { vote in
                        [
                            "who": .string(vote.actor.subject), "reason": .string(vote.reason ?? "(erased)"),
                            "word": .string(vote.decision == .approve ? "agreed" : "refused"),
                            "tone": .string(vote.decision == .approve ? "good" : "bad"),
                            "at": PageTime.json(vote.decidedAt), "citations": citations.links([vote.eventID]),
                        ]
                    }),
                "excluded": .array(
                    approval.excluded.map {
                        ["who": .string($0.subject), "reason": .string(Words.inline($0.reason.rawValue))]
                    }),
                "may_approve": .bool(missing.isEmpty),
                "form": .bool(obstacle(to: approval) == nil && may(Respond.self) && approval.state == .pending),
                "obstacle": approval.state == .pending && !isPast
                    ? (obstacle(to: approval).map(JSONValue.string) ?? .null) : .null,
            ]
        }
    }

    /// Why this reader cannot decide; the server decides anew whatever the page shows.
    private func obstacle(to approval: Approval) -> String? {
        let me = viewer.identity
        if viewer.roles.isDisjoint(with: Respond.roles) {
            return viewer.roles.contains(.auditor) ? nil : "Deciding takes the role of a responder or a lead."
        }
        if let reason = approval.excluded.first(where: { $0.identity == me })?.reason {
            return "You cannot decide on this plan: \(Words.inline(reason.rawValue))."
        }
        if approval.decisions.contains(where: { $0.actor.identity == me }) {
            return "You have decided. It takes somebody else now."
        }
        return nil
    }
}
