import JSON
import Testing

@testable import Cases

/// The members that contract.md shows for each object, by hand.
enum ContractShape {
    static let caseMembers = names(
        """
        id tenant_id version as_of_position title state phase on_hold hold_reason legal_hold shadow severity severity_id
        confidence_score pattern tier queue assignee environment region verdict verdict_id closed_by merged_into
        split_from reopen_count first_occurred_at opened_at acknowledged_at escalated_at decided_at contained_at
        recovered_at last_recovered_at closed_at learned_at updated_at alert_count alert_ids entities attack_techniques
        evidence_summary missing_context blocked_actions sla recommendation_id gate approval_id run_ids learning
        """)
    static let caseEntity = names("type value role strong event_ids asset")
    static let asset = names("id owner criticality sensitivity exposure environment")
    static let technique = names("uid name attack_version event_ids")
    static let evidenceSummary = names("present missing stale oldest_observed_at")
    static let missingContext = names("kind entity reason")
    static let blockedAction = names("step_id action_class reason detail")
    static let sla = names(
        "clock status outcome started_at target_ms at_risk_at due_at paused_ms pause_reason breached_at ended_at")
    static let learning = names("open accepted declined")
    static let actor = names("kind issuer subject lane")
    static let entity = names("type value role")

    static let recommendation = names(
        """
        id case_id case_version created_at recommender severity summary hypothesis uncertainty attack_techniques
        missing_context evidence playbook alternatives actions comparable_cases dropped_claims gate
        """)
    static let recommender = names("kind name version")
    static let citedText = names("text event_ids")
    static let playbookChoice = names("id version digest mode")
    static let alternative = names("playbook_id why_not")
    static let action = names(
        "step_id name action_class level targets parameters reversible rollback_max_ms blast_radius")
    static let blastRadius = names("target_count environment services dependents impact_score basis_event_ids")
    static let comparableCase = names("case_id overlap_score shared verdict")
    static let droppedClaim = names("text reason")

    static let gate = names(
        "decision required_approvals level policy_version evaluated_at event_id fell_short signals")
    static let signal = names("name passed value operator threshold event_ids explanation would_change")
    static let conflict = names("kind name starts_at ends_at event_id")
    static let accuracy = names("n correct n_imported interval")
    static let interval = names("method level lower upper")
    static let evidence = names(
        "kind status source event_ids observed_at stale_after summary required_by")

    static let approval = names(
        """
        id version case_id state required_approvals approved_count requested_at requested_by expires_at plan_digest
        run_id state_reason excluded missing_evidence decisions plan gate evidence actions
        """)
    static let excluded = names("issuer subject reason")
    static let missingEvidence = names("kind status required_by")
    static let vote = names("decision actor reason decided_at plan_digest event_id")
    static let plan = names("case_id playbook policy_version steps targets max_targets evidence")

    static let run = names(
        """
        id version case_id approval_id plan_digest playbook mode trigger state started_at ended_at duration_ms rollback
        """)
    static let rollback = names(
        """
        requested_at requested_by reason reason_code on_behalf_of step_ids unrestored_step_ids completed_at
        """)
    static let step = names(
        """
        run_id step_id name action_class state attempts idempotency_key targets parameters pre_state output observed
        error prepared_at executed_at verified_at rolled_back_at expires_at event_ids
        """)

    static let report = names(
        "metric unit definition from to time_zone bucket group_by as_of_position items total")
    static let figure = names("bucket_start group n value mean p50 p90 p95 p99 min max excluded")
    static let ratioFigure = names("bucket_start group n value numerator denominator interval excluded")

    private static func names(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }
}

/// Every member of the contract is there; more may be.
func expect(
    _ value: JSONValue?, has members: Set<String>, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    guard let object = value?.objectValue else {
        Issue.record("\(what) is no object", sourceLocation: sourceLocation)
        return
    }
    let missing = members.subtracting(object.keys)
    #expect(missing.isEmpty, "\(what) lacks \(missing.sorted())", sourceLocation: sourceLocation)
}

extension JSONValue {
    /// Canonical JSON, a member a line, so that a difference is readable.
    func indented(_ indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return "[\n" + elements.map { inner + $0.indented(inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map { name, value in
                "\(inner)\(JSONValue.string(name).canonicalString()): \(value.indented(inner))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        default: return canonicalString()
        }
    }

    /// Every text in it, with the name of the member that holds it.
    func texts(_ name: String = "") -> [(member: String, text: String)] {
        switch self {
        case .string(let text): [(name, text)]
        case .array(let elements): elements.flatMap { $0.texts(name) }
        case .object(let members): members.flatMap { $1.texts($0) }
        default: []
        }
    }
}
