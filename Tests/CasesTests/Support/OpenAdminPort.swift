import Events
import Foundation
import JSON
import Runs

@testable import Cases

/// Story (c): a security group in production is open to the world on port 22.
enum OpenAdminPort {
    static let playbook = "playbook--0d9a2c1e-5b7f-4e36-9a48-6c1f3e8b7d05"
    static let step = "action--e1b5d9f3-7a2c-4e80-b6d4-3f8a0c5e7b19"
    static let rule: JSONValue = [
        "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0",
    ]
    static let target = Entity(type: .cloudResource, value: "sg-0a1", role: .target)

    static func alert(_ name: String = "first", severity: Severity = .high) -> NormalizedAlert {
        let at = Fixture.instant("2026-11-21T02:37:58.5Z")
        return NormalizedAlert(
            alertID: Fixture.id("alert \(name)"), source: "cloud-posture", sourceRef: "demo-c-\(name)",
            rawDigest: Digest.sha256(Array(name.utf8)), title: "Port 22 open to the world", occurredAt: at,
            severity: severity, confidenceScore: 97, pattern: "cloud.open_admin_port",
            rule: .init(uid: "posture-0022", name: "Administration port reachable from anywhere"),
            attackTechniques: ["T1190"], entities: [target], environment: .production, region: "eu-west-1")
    }

    static func asset(
        criticality: AssetContext.Criticality = .high, environment: DeploymentEnvironment = .production
    ) -> AssetContext {
        AssetContext(
            id: Fixture.id("asset sg-0a1"), owner: "team-net", criticality: criticality, sensitivity: .internal,
            exposure: .internet, environment: environment)
    }

    static func evidence(
        _ kind: EvidenceKind, source: String = "inventory", freshFor milliseconds: Int64? = 86_400_000,
        data: JSONValue = ["seen": true]
    ) -> EvidenceItem {
        EvidenceItem(
            kind: kind, source: source, eventIDs: [Fixture.id("evidence \(kind.rawValue)")], observedAt: Fixture.start,
            staleAfter: milliseconds.map { Fixture.start.adding(milliseconds: $0) }, summary: "About \(kind.rawValue).",
            data: data)
    }

    static func enriched(
        alertIDs: [UUID], evidence: [EvidenceItem]? = nil, conflicts: [EnvironmentConflict] = [],
        asset: AssetContext = asset()
    ) -> Decision {
        CaseRecord.enrich(
            alertIDs: alertIDs,
            entities: [
                CaseEntity(
                    type: .cloudResource, value: "sg-0a1", role: .target, strong: true,
                    eventIDs: [Fixture.id("normalized")], asset: asset)
            ],
            environment: asset.environment,
            evidence: evidence ?? [
                Self.evidence(.rawEvent, source: "cloud-posture"), Self.evidence(.ruleID, source: "cloud-posture"),
                Self.evidence(.cloudAudit, source: "cloud-posture", data: ["requestParameters": ["rule": rule]]),
                Self.evidence(.affectedService), Self.evidence(.costRisk), Self.evidence(.owner, freshFor: nil),
            ],
            missingContext: [MissingContext(kind: "asset_owner", entity: "111122223333", reason: "not in inventory")],
            conflicts: conflicts, attackTechniques: ["T1190"],
            detectionReason: "Administration port reachable from anywhere", registryPosition: 9)
    }

    static let conflict = EnvironmentConflict(
        kind: .maintenanceWindow, name: "quarterly-consolidation", startsAt: Fixture.start,
        endsAt: Fixture.start.adding(milliseconds: 3_600_000), eventID: Fixture.id("calendar"))

    /// The plan as the domain would build it for this record now.
    static func plan(
        for record: CaseRecord, policy: Policy, class action: ActionClass = .cloudContainment,
        targets: [Entity] = [target],
        rollback: Bool = true
    ) throws -> Plan {
        let draft = try plan(
            for: record, policy: policy, class: action, targets: targets, bound: [], rollback: rollback)
        let bound = record.boundEvidence(demands: EvidenceDemands(of: draft, policy: policy))
        return try plan(for: record, policy: policy, class: action, targets: targets, bound: bound, rollback: rollback)
    }

    private static func plan(
        for record: CaseRecord, policy: Policy, class action: ActionClass, targets: [Entity],
        bound: [Plan.BoundEvidence], rollback: Bool
    ) throws -> Plan {
        let undo = Plan.Rollback(operation: "authorize_ingress", parameters: ["rule": rule], maxMs: 60_000)
        return try Plan(
            Plan.Content(
                caseID: record.id,
                playbook: Plan.PlaybookReference(id: playbook, version: 3, digest: Digest.sha256([3])),
                policyVersion: policy.version,
                steps: [
                    Plan.Step(
                        stepID: step, playbookStepID: step, name: "Revoke the open rule", actionClass: action,
                        connector: "lab", operation: "revoke_ingress", targets: targets, targetFrom: nil,
                        parameters: ["rule": rule], inputs: [:], reversible: rollback, capture: nil, verify: [],
                        rollback: rollback ? undo : nil, timeoutMs: 10_000, dependsOn: [])
                ], targets: targets, maxTargets: max(1, targets.count), evidence: bound,
                flow: PlanFlow(start: "start--1", exception: nil, nodes: [:])))
    }

    static func actions(of plan: Plan, level: AutonomyLevel = .twoPerson) -> [PlannedAction] {
        plan.steps.map { step in
            PlannedAction(
                stepID: step.stepID, name: "Revoke the open rule", actionClass: step.actionClass, level: level,
                targets: step.targets, parameters: step.parameters, reversible: true, rollbackMaxMs: 60_000,
                blastRadius: .init(
                    targetCount: step.targets.count, environment: .production, services: ["checkout", "web"],
                    dependents: 2, impactScore: 70, basisEventIDs: [Fixture.id("asset event")]))
        }
    }

    static func recommendation(_ record: CaseRecord, plan: Plan?, at now: Instant) -> Recommendation {
        Recommendation(
            id: Fixture.id("recommendation \(record.version)"), caseID: record.id, caseVersion: record.version,
            createdAt: now, recommender: .init(kind: .deterministic, name: "docket", version: "1"), severity: .high,
            summary: CitedText("Port 22 of sg-0a1 is open to the world.", [Fixture.id("normalized")]),
            hypothesis: CitedText("A change opened it by mistake.", [Fixture.id("normalized")]),
            uncertainty: [CitedText("Nobody was asked.", [])], attackTechniques: record.attackTechniques,
            missingContext: record.missingContext,
            playbook: plan.map {
                .init(id: $0.playbook.id, version: $0.playbook.version, digest: $0.playbook.digest, mode: .assisted)
            },
            alternatives: [.init(playbookID: "playbook--other", whyNot: "another playbook comes first")],
            actions: plan.map { actions(of: $0) } ?? [], comparableCases: record.comparableCases,
            droppedClaims: [.init(text: "It was Mallory.", reason: "uncited")])
    }

    /// What the tenant of the story has configured.
    static func registry(
        imported n: Int = 1_200, correct: Int = 1_199, countImported: Bool = true, standing: StandingApproval? = nil
    ) throws -> Registry {
        var policy = try Fixture.policy()
        policy.gate.countImportedHistory = countImported
        var registry = Registry(tenant: Fixture.tenant, policy: policy)
        if n > 0 {
            let history = HistoryImported(playbookID: playbook, n: n, correct: correct, source: "demo history")
            try registry.apply(Fixture.governance(.historyImported, try JSONValue(encoding: history)))
        }
        if let standing {
            try registry.apply(
                Fixture.governance(.standingApprovalGranted, try JSONValue(encoding: standing), position: 1))
        }
        return registry
    }

    static func standingApproval(
        maxTargets: Int = 1, patterns: [String] = ["cloud.open_admin_port"],
        classes: [ActionClass] = [.cloudContainment], isEmergency: Bool = false, days: Int64 = 30
    ) -> StandingApproval {
        StandingApproval(
            id: Fixture.id("standing approval"), playbookID: playbook, patterns: patterns, actionClasses: classes,
            maxTargets: maxTargets, expiresAt: Fixture.start.adding(milliseconds: days * 86_400_000),
            isEmergency: isEmergency)
    }
}

/// The stages of the story, one after the other.
extension CaseRecorder {
    mutating func open(registry: Registry) throws {
        try put([CaseRecord.open(OpenAdminPort.alert())], after: 0)
        try put(record.startingClocks(policy: registry.policy, at: record.anchors.openedAt ?? now), after: 2)
    }

    mutating func enrich(
        evidence: [EvidenceItem]? = nil, conflicts: [EnvironmentConflict] = [],
        asset: AssetContext = OpenAdminPort.asset()
    ) throws {
        try put([
            OpenAdminPort.enriched(
                alertIDs: record.alerts.map(\.alertID), evidence: evidence, conflicts: conflicts, asset: asset)
        ])
    }

    mutating func correlate() throws {
        let techniques = [
            AttackTechnique(
                uid: "T1190", name: "Exploit Public-Facing Application", attackVersion: "19.2",
                eventIDs: [Fixture.id("normalized")])
        ]
        try put(
            record.correlate(
                techniques: techniques,
                timeline: [
                    CaseRecord.timelineItem(
                        at: OpenAdminPort.alert().occurredAt, eventID: Fixture.id("normalized"), text: "Port 22 open")
                ],
                comparable: [
                    ComparableCase(
                        caseID: Fixture.id("older case"), overlapScore: 1, shared: ["pattern"], verdict: .truePositive)
                ]))
    }

    mutating func recommend(registry: Registry, plan: Plan?) throws {
        try put(
            record.recommend(
                OpenAdminPort.recommendation(record, plan: plan, at: now), plan: plan, policy: registry.policy))
    }

    mutating func pass(registry: Registry, mode: PlaybookMode = .assisted) throws {
        let gate = Gate.evaluate(
            Gate.Input(record: record, plan: record.plan, playbookMode: mode, registry: registry, now: now))
        try put(record.pass(gate, narrative: "Port 22 is open; two people have to agree."))
    }

    mutating func requestApproval(
        registry: Registry, required: Int = 2, by actor: Actor = Fixture.docket, excluded: [ExcludedApprover] = [],
        id: String = "approval", expiresInMs: Int64 = 14_400_000, plan: Plan? = nil
    ) throws {
        let plan = try plan ?? OpenAdminPort.plan(for: record, policy: registry.policy)
        try put(
            record.requestApproval(
                id: Fixture.id(id), plan: plan, actions: OpenAdminPort.actions(of: plan), requiredApprovals: required,
                requestedBy: actor, excluded: excluded, demands: EvidenceDemands(of: plan, policy: registry.policy),
                parameters: ["rule": OpenAdminPort.rule], expiresAt: now.adding(milliseconds: 1_000 + expiresInMs),
                reason: "The gate asks for people."),
            by: actor)
    }

    /// From the first alert to a pending approval.
    static func waitingForApproval(
        registry: Registry, required: Int = 2, by actor: Actor = Fixture.docket, excluded: [ExcludedApprover] = [],
        evidence: [EvidenceItem]? = nil, expiresInMs: Int64 = 14_400_000
    ) throws -> CaseRecorder {
        var recorder = try escalated(registry: registry, evidence: evidence)
        try recorder.requestApproval(
            registry: registry, required: required, by: actor, excluded: excluded, expiresInMs: expiresInMs)
        return recorder
    }

    static func escalated(registry: Registry, evidence: [EvidenceItem]? = nil) throws -> CaseRecorder {
        var recorder = try recommended(registry: registry, evidence: evidence)
        try recorder.pass(registry: registry)
        return recorder
    }

    static func recommended(
        registry: Registry, evidence: [EvidenceItem]? = nil, conflicts: [EnvironmentConflict] = [],
        asset: AssetContext = OpenAdminPort.asset(), targets: [Entity] = [OpenAdminPort.target]
    ) throws -> CaseRecorder {
        var recorder = CaseRecorder()
        try recorder.open(registry: registry)
        try recorder.enrich(evidence: evidence, conflicts: conflicts, asset: asset)
        try recorder.correlate()
        let plan = try OpenAdminPort.plan(for: recorder.record, policy: registry.policy, targets: targets)
        try recorder.recommend(registry: registry, plan: plan)
        return recorder
    }

    /// Two people agree and the run starts.
    static func executing(registry: Registry) throws -> CaseRecorder {
        var recorder = try waitingForApproval(registry: registry)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        _ = try recorder.decide(.approve, by: "carol", registry: registry)
        try recorder.put(recorder.record.start(run: Fixture.id("run"), currentPlan: recorder.record.plan, mode: .live))
        return recorder
    }

    mutating func step(_ type: EventType, _ members: JSONValue = [:], after milliseconds: Int64 = 500) throws {
        var data = members
        data["run_id"] = .string(Fixture.id("run").lowercased)
        data["step_id"] = .string(OpenAdminPort.step)
        try put(type, data, after: milliseconds)
    }

    mutating func prepareStep() throws {
        try step(
            .stepPrepared,
            [
                "pre_state": ["environment": "production", "rules": [OpenAdminPort.rule]],
                "parameters": ["rule": OpenAdminPort.rule],
                "idempotency_key": .string(Fixture.id("idempotency").lowercased),
            ])
    }

    mutating func performStep() throws {
        try prepareStep()
        try step(.stepExecuted, ["output": ["operation_id": .string(Fixture.id("operation").lowercased)]])
        try step(.stepVerified, ["observed": ["rules": []]])
    }

    mutating func run(_ type: EventType, _ members: JSONValue = [:], by actor: Actor = Fixture.docket) throws {
        var data = members
        data["run_id"] = .string(Fixture.id("run").lowercased)
        try put(type, data, by: actor)
    }

    mutating func requestRollback(_ code: RollbackReason = .analystOverride, by subject: String = "bob") throws {
        try put(
            record.requestRollback(
                run: Fixture.id("run"), stepIDs: nil, reason: "The port is needed.", reasonCode: code, onBehalfOf: nil),
            by: Fixture.person(subject))
    }
}
