import Events
import Foundation
import JSON
import Runs

@testable import Cases

/// One payload of each event type, as the domain writes it, with a marker in every member that can hold something
/// about a person: `PII-` and where it stands.
enum PayloadSamples {
    /// The markers' prefix: nothing else in a sample begins with it.
    static let marker = "PII-"

    static func data(of type: EventType) throws -> JSONValue {
        try decision(of: type)?.data ?? [:]
    }

    private static let id = Fixture.id("sample")
    private static let at = Fixture.start
    private static let entity = Entity(type: .user, value: "PII-entity", role: .target)
    private static let digest = Digest.sha256([1])
    private static let free: JSONValue = ["text": "PII-free", "deep": [["text": "PII-deep"]]]

    private static var item: EvidenceItem {
        EvidenceItem(
            kind: .cloudAudit, source: "analyst", eventIDs: [id], observedAt: at, staleAfter: at,
            summary: "PII-summary",
            data: free)
    }

    private static func plan() throws -> Plan {
        try Plan(
            Plan.Content(
                caseID: id, playbook: Plan.PlaybookReference(id: "playbook--x", version: 1, digest: digest),
                policyVersion: 1,
                steps: [
                    Plan.Step(
                        stepID: "action--x", playbookStepID: "action--x", name: "PII-step name",
                        actionClass: .disableUser, connector: "lab", operation: "disable", targets: [entity],
                        targetFrom: nil, parameters: free, inputs: [:], reversible: false, capture: nil, verify: [],
                        rollback: nil, timeoutMs: 10_000, dependsOn: [])
                ], targets: [entity], maxTargets: 1, evidence: [],
                flow: PlanFlow(start: "start--x", exception: nil, nodes: [:])))
    }

    private static func actions() throws -> [PlannedAction] {
        try plan().steps.map { step in
            PlannedAction(
                stepID: step.stepID, name: "PII-action name", actionClass: step.actionClass, level: .onePerson,
                targets: step.targets, parameters: step.parameters, reversible: false, rollbackMaxMs: nil,
                blastRadius: .init(
                    targetCount: 1, environment: .production, services: ["PII-service"], dependents: 0, impactScore: 1,
                    basisEventIDs: [id]))
        }
    }

    private static let conflict = EnvironmentConflict(
        kind: .protectedEntity, name: "PII-conflict", startsAt: at, endsAt: at, eventID: id)

    private static var gate: GateResult {
        GateResult(
            decision: .escalate, requiredApprovals: 1, level: .onePerson, policyVersion: 1, evaluatedAt: at,
            eventID: nil, fellShort: ["environment"],
            signals: [
                .init(
                    name: .environment, passed: false, value: 1, operator: "==", threshold: 0, eventIDs: [id],
                    explanation: "PII-explanation", wouldChange: "PII-would change", conflicts: [conflict], n: nil,
                    correct: nil, nImported: nil, interval: nil)
            ], standingApprovalID: nil)
    }

    private static func recommendation() throws -> Recommendation {
        Recommendation(
            id: id, caseID: id, caseVersion: 1, createdAt: at,
            recommender: .init(kind: .deterministic, name: "docket", version: "1"), severity: .high,
            summary: CitedText("PII-summary", [id]), hypothesis: CitedText("PII-hypothesis", [id]),
            uncertainty: [CitedText("PII-uncertainty", [])], attackTechniques: [],
            missingContext: [MissingContext(kind: "asset_owner", entity: "PII-entity", reason: "not in inventory")],
            playbook: nil, alternatives: [.init(playbookID: "playbook--y", whyNot: "PII-why not")],
            actions: try actions(),
            comparableCases: [], droppedClaims: [.init(text: "PII-claim", reason: "uncited")])
    }

    private static var alert: NormalizedAlert {
        NormalizedAlert(
            alertID: id, source: "edr-prod", sourceRef: "PII-source ref", rawDigest: digest, title: "PII-title",
            occurredAt: at, severity: .high, confidenceScore: 90, pattern: "cloud.open_admin_port",
            description: "PII-description", sourceURL: "PII-https://siem.example/alice",
            rule: .init(uid: "r-1", name: "Rule"), attackTechniques: ["T1190"], entities: [entity],
            evidence: [.init(kind: .rawEvent, observedAt: at, data: free)], environment: .production,
            region: "eu-west-1", unmapped: free, ocsf: free)
    }

    private static func run(_ members: JSONValue = [:], step: Bool = false) -> JSONValue {
        var data = members
        data["run_id"] = .string(id.lowercased)
        if step { data["step_id"] = "action--x" }
        return data
    }

    private static let failure: JSONValue = ["code": "timeout", "message": "PII-message"]
    private static let reason: JSONValue = ["reason": "PII-reason"]

    /// - Returns: `nil` for types that nothing in this version of the domain writes.
    static func decision(of type: EventType) throws -> Decision? {
        switch type {
        // The stage that receives alerts makes these (Reactors/Receiving), with these members.
        case .alertIngested, .alertUpdated:
            Decision(
                type: type,
                data: [
                    "alert_id": .string(id.lowercased), "source": "edr-prod", "source_ref": "PII-source ref",
                    "raw_digest": .string(digest.text), "raw_size": 10, "media_type": "application/json",
                ])
        case .alertNormalized: Decision(type: type, alert)
        case .alertDeduplicated:
            Decision(type: type, data: ["items": [["alert_id": .string(id.lowercased), "count": 2]]])
        case .alertRejected:
            Decision(
                type: type,
                data: [
                    "dead_letter_id": .string(id.lowercased), "source": "edr-prod", "source_ref": "PII-source ref",
                    "errors": [["pointer": "/severity", "code": "enum", "detail": "PII-detail", "allowed": nil]],
                ])
        case .alertEnriched:
            Decision(AlertDisposition(alertID: id, disposition: .tagged, reason: "severity low is below medium"))
        case .caseOpened: CaseRecord.open(alert)
        case .caseAlertLinked:
            Decision(
                CaseAlertLinked(
                    alertID: id, occurredAt: at, overlapScore: 0.5,
                    sharedEntities: [.init(type: .user, value: "PII-entity")], severityID: 4, confidenceScore: 90,
                    pattern: "cloud.open_admin_port", joinedDuringRun: false))
        case .caseEnriched:
            Decision(
                CaseEnriched(
                    alertIDs: [id],
                    entities: [
                        CaseEntity(
                            type: .user, value: "PII-entity", role: .target, strong: true, eventIDs: [id],
                            asset: AssetContext(
                                id: id, owner: "PII-owner", criticality: .high, sensitivity: .internal,
                                exposure: .internet, environment: .production))
                    ],
                    environment: .production, evidence: [item],
                    missingContext: [
                        MissingContext(kind: "asset_owner", entity: "PII-entity", reason: "not in inventory")
                    ],
                    conflicts: [conflict], attackTechniques: ["T1190"], detectionReason: "PII-detection reason",
                    registryPosition: 1))
        case .caseCorrelated:
            Decision(
                CaseCorrelated(
                    relatedAlertIDs: [id],
                    attackTechniques: [
                        AttackTechnique(uid: "T1190", name: "Exploit", attackVersion: "19.2", eventIDs: [id])
                    ],
                    timeline: [.init(at: at, eventID: id, text: "PII-text")],
                    comparableCases: [.init(caseID: id, overlapScore: 1, shared: ["pattern"], verdict: .benign)]))
        case .caseMerged: Decision(CaseMerged(into: id, alertIDs: [id], reason: "PII-reason"))
        case .caseSplit: Decision(CaseSplit(newCaseID: id, alertIDs: [id], reason: "PII-reason"))
        case .evidenceAdded: Decision(EvidenceAdded(item: item))
        case .evidenceExpired: Decision(EvidenceExpired(kind: .cloudAudit, digest: digest))
        case .caseRecommended:
            Decision(
                CaseRecommended(
                    recommendationID: id, recommendation: try recommendation(), plan: try plan(),
                    demands: EvidenceDemands()))
        case .gateEvaluated: Decision(GateEvaluated(recommendationID: id, gate: gate))
        case .gateAutoApproved:
            Decision(
                GateAutoApproved(
                    recommendationID: id, standingApprovalID: nil, planDigest: digest, plan: try plan(),
                    actions: try actions()))
        case .caseEscalated:
            Decision(CaseEscalated(reasons: ["environment"], fellShort: ["environment"], narrative: "PII-narrative"))
        case .approvalRequested:
            Decision(
                ApprovalRequested(
                    approvalID: id, planDigest: digest, plan: try plan(), actions: try actions(), requiredApprovals: 1,
                    expiresAt: at, excluded: [], demands: EvidenceDemands(), parameters: free, reason: "PII-reason"))
        case .approvalGranted, .approvalDenied:
            Decision(type: type, ApprovalDecided(approvalID: id, planDigest: digest, reason: "PII-reason"))
        case .approvalQuorumReached: Decision(ApprovalQuorumReached(approvalID: id, planDigest: digest))
        case .approvalExpired, .approvalInvalidated:
            Decision(type: type, ApprovalEnded(approvalID: id, cause: "superseded"))
        case .approvalDecisionRefused:
            Decision(
                ApprovalDecisionRefused(
                    approvalID: id, decision: "approve", refusal: "self-approval", reason: "PII-reason"))
        case .standingApprovalProposed, .standingApprovalGranted: Decision(OpenAdminPort.standingApproval())
        case .standingApprovalRevoked, .tokenRevoked: Decision(type: type, data: ["id": .string(id.lowercased)])
        case .automationHalted, .automationResumed: Decision(type: type, data: ["playbook_id": "playbook--x"])
        case .runStarted:
            Decision(
                RunStarted(
                    runID: id, approvalID: id, planDigest: digest, plan: try plan(), mode: .live, trigger: .approved))
        case .stepPrepared:
            Decision(
                type: type,
                data: run(
                    [
                        "pre_state": free, "targets": [try JSONValue(encoding: entity)], "parameters": free,
                        "idempotency_key": .string(id.lowercased),
                    ], step: true))
        case .stepExecuted:
            Decision(type: type, data: run(["output": free, "before": free, "after": free], step: true))
        case .stepVerified: Decision(type: type, data: run(["observed": free], step: true))
        case .stepFailed, .stepOutcomeUnknown:
            Decision(type: type, data: run(["error": failure, "observed": free], step: true))
        case .stepRetried: Decision(type: type, data: run(["reason": "a probe found nothing applied"], step: true))
        case .stepSkipped:
            Decision(
                type: type, data: run(["reason": "PII-reason", "pre_state": free, "parameters": free], step: true))
        case .stepRolledBack: Decision(type: type, data: run(["restored_digest": .string(digest.text)], step: true))
        case .stepRollbackRefused: Decision(type: type, data: run(["expected": free, "found": free], step: true))
        case .runPaused, .runResumed, .runCancelled:
            Decision(type: type, RunControl(runID: id, reason: "PII-reason"))
        case .runFailed: Decision(type: type, data: run(["reason": "PII-reason", "error": failure]))
        case .runCompleted, .rollbackCompleted: Decision(type: type, data: run())
        case .rollbackRequested:
            Decision(
                RollbackRequested(
                    runID: id, stepIDs: ["action--x"], reason: "PII-reason", reasonCode: .drill, onBehalfOf: nil))
        case .rollbackIncomplete:
            Decision(
                type: type,
                RollbackEnded(
                    runID: id, unrestoredStepIDs: ["action--x"],
                    steps: [.init(stepID: "action--x", outcome: .refused)]))
        case .caseAssigned: Decision(CaseAssigned(assignee: Identity(subject: "alice"), tier: 1, queue: "default"))
        case .caseHeld, .caseResumed, .caseReopened, .caseRecovered:
            Decision(type: type, ReasonGiven(reason: "PII-reason"))
        case .caseClosed: Decision(CaseClosed(verdict: .benign, verdictID: 5, reason: "PII-reason"))
        case .caseCommented: Decision(CaseCommented(text: "PII-text"))
        case .caseSeverityChanged: Decision(CaseSeverityChanged(severityID: 5, reason: "PII-reason"))
        case .caseRetitled: Decision(CaseRetitled(title: "PII-title"))
        // A pause repeats the reason for which somebody held the case.
        case .slaPaused: Decision(type: type, SLAClockEvent(clock: "contain", reason: "PII-reason"))
        case .slaStarted, .slaRetargeted:
            Decision(type: type, SLAClockEvent(clock: "contain", targetMs: 60_000, atRiskAt: at, dueAt: at))
        case .slaCancelled: Decision(type: type, SLAClockEvent(clock: "contain", reason: "closed"))
        case .slaResumed, .slaAtRisk, .slaMet, .slaBreached: Decision(type: type, SLAClockEvent(clock: "contain"))
        case .assetRegistered:
            Decision(
                Asset(
                    id: id, type: .device, value: "PII-entity", name: "PII-name", owner: "PII-owner", service: "web",
                    criticality: .high, sensitivity: .internal, exposure: .internal, environment: .production,
                    region: "eu-west-1", labels: ["edge"], dependsOn: [.init(type: .user, value: "PII-entity")],
                    costRisk: "PII-cost", observedAt: at, eventID: nil))
        case .calendarChanged:
            Decision(
                CalendarChanged(entries: [
                    CalendarEntry(
                        kind: .changeTicket, name: "CHG-1", startsAt: at, endsAt: at,
                        entities: [.init(type: .user, value: "PII-entity")], eventID: nil)
                ]))
        // What a tenant configures about itself and about no one: ids, thresholds, documents that it publishes.
        case .policyProposed: Decision(PolicyProposal(proposalID: id, policy: try Fixture.policy()))
        case .policyApproved: Decision(PolicyApproved(proposalID: id, version: 2))
        case .playbookPublished:
            Decision(
                PublishedPlaybook(
                    playbookID: "playbook--x", version: 1, digest: digest, name: "Close a port", mode: .assisted,
                    patterns: ["cloud.open_admin_port"], document: [:]))
        case .playbookPromotionProposed, .playbookPromoted, .playbookDemoted:
            Decision(
                type: type, data: ["playbook_id": "playbook--x", "mode": "live", "reason": "PII-reason"])
        case .automationHalted, .automationResumed:
            Decision(type: type, data: ["reason": "PII-reason", "playbook_id": nil])
        case .standingApprovalRevoked:
            Decision(type: type, data: ["id": .string(id.lowercased), "reason": "PII-reason"])
        case .ruleRetired: Decision(RuleRetired(ruleID: "r-1", reason: "PII-reason"))
        case .connectorChanged:
            Decision(
                ConnectorSettings(
                    id: id, name: "lab", kind: "http", baseURL: "http://127.0.0.1:9090", secretRef: nil,
                    kinds: ["device": "hosts"]))
        case .tokenCreated:
            Decision(
                Token(id: id, subject: "alice", roles: [.analyst], createdAt: at, expiresAt: nil, secretDigest: digest))
        case .legalHoldPlaced, .legalHoldLifted: Decision(type: type, ReasonGiven(reason: "PII-reason"))
        case .subjectErased:
            Decision(
                SubjectErased(
                    subjectID: id, entityType: .user, reason: "PII-reason", authority: "PII-authority", keys: 1,
                    sealedMembers: 2, evidenceItems: 1, cases: 1, clearEvents: 0, keyIDs: [id], part: 1, parts: 1))
        case .historyImported:
            Decision(HistoryImported(playbookID: "playbook--x", n: 10, correct: 9, source: "spreadsheet"))
        case .tenantCreated: Decision(type: type, data: ["name": "acme"])
        default: nil
        }
    }
}
