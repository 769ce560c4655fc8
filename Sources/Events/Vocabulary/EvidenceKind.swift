/// What a piece of evidence is about: the vocabulary in which the approval matrix states its demands.
package enum EvidenceKind: String, Sendable, Hashable, Codable, CaseIterable {
    case rawEvent = "raw_event"
    case ruleID = "rule_id"
    case assetContext = "asset_context"
    case identityContext = "identity_context"
    case relatedEvents = "related_events"
    case timeline
    case attackMapping = "attack_mapping"
    case affectedEntities = "affected_entities"
    case uncertaintyNotes = "uncertainty_notes"
    case severity, owner, sla
    case recommendedPlaybook = "recommended_playbook"
    case reproductionSteps = "reproduction_steps"
    case tokenOwner = "token_owner"
    case tokenScope = "token_scope"
    case recentUse = "recent_use"
    case detectionReason = "detection_reason"
    case rollbackPath = "rollback_path"
    case edrEvidence = "edr_evidence"
    case businessCriticality = "business_criticality"
    case activeSessionState = "active_session_state"
    case ownerNotification = "owner_notification"
    case cloudAudit = "cloud_audit"
    case affectedService = "affected_service"
    case costRisk = "cost_risk"
    case recoveryPlan = "recovery_plan"
    case matchingFilter = "matching_filter"
    case comparableCases = "comparable_cases"
    case environmentContext = "environment_context"
}

package enum DeploymentEnvironment: String, Sendable, Hashable, Codable, CaseIterable {
    case production, staging, development, unknown
}
