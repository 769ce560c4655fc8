import Cases
import Events
import Foundation
import JSON
import Runs

/// The events of one case's life, as the pipeline writes them.
struct CaseStory: Sendable {
    var id = UUID()
    var alertID = UUID()
    var approvalID = UUID()
    var runID = UUID()
    var title = "Port 22 open to the world"
    var severity = Severity.high
    var entity = "sg-0a1"
    /// Only the first so many events.
    var length = Int.max

    static let pipeline = Actor(kind: .service, subject: "reactor", lane: .system)
    static let alice = Actor(kind: .person, subject: "alice", lane: .analyst)
    static let bob = Actor(kind: .person, subject: "bob", lane: .analyst)
    static let start = Instant(rfc3339: "2026-03-01T11:00:00Z")!

    /// How many events there are in all.
    static let fullLength = CaseStory().all().count

    func events() -> [NewEvent] { Array(all().prefix(length)) }

    static func event(_ type: EventType, by actor: Actor = pipeline, _ data: JSONValue) -> NewEvent {
        NewEvent(
            eventID: UUID(), type: type.rawValue, occurredAt: start, actor: actor, correlationID: UUID(), data: data)
    }

    private var caseText: JSONValue { .string(id.lowercased) }
    private var runText: JSONValue { .string(runID.lowercased) }
    private var targets: JSONValue { [["type": "cloud_resource", "value": .string(entity), "role": "target"]] }

    private var plan: JSONValue {
        [
            "case_id": caseText,
            "playbook": ["id": "close-port", "version": 1, "digest": .string(Digest.sha256([1]).text)],
            "policy_version": 1, "max_targets": 1, "targets": targets, "evidence": [],
            "flow": ["start": "start--1", "exception": .null, "nodes": .object([:])],
            "steps": [
                [
                    "step_id": "action--1", "action_class": "cloud_containment", "connector": "lab",
                    "operation": "revoke_ingress", "targets": targets, "parameters": ["port": 22], "inputs": [:],
                    "rollback": ["operation": "authorize_ingress", "parameters": .object([:]), "max_ms": 60_000],
                    "playbook_step_id": "action--1", "name": "Contain it", "target_from": .null, "reversible": true,
                    "capture": ["required": []], "verify": [], "timeout_ms": 10_000, "depends_on": [],
                ]
            ],
        ]
    }

    private var planDigest: JSONValue { .string(Digest.ofCanonical(plan).text) }

    private func sla(_ clock: String, due: Int64) -> JSONValue {
        [
            "clock": .string(clock), "target_ms": .integer(due), "reason": .null,
            "at_risk_at": .string(Self.start.adding(milliseconds: due / 2).rfc3339),
            "due_at": .string(Self.start.adding(milliseconds: due).rfc3339),
        ]
    }

    private func step(_ more: [String: JSONValue]) -> JSONValue {
        .object(["run_id": runText, "step_id": "action--1"].merging(more) { _, new in new })
    }

    private func all() -> [NewEvent] { opening + deciding + responding + ending }

    private var opening: [NewEvent] {
        let evidence = EvidenceItem(
            kind: .cloudAudit, source: "inventory", eventIDs: [alertID], observedAt: Self.start,
            staleAfter: Self.start.adding(milliseconds: 3_600_000), summary: "who opened it",
            data: ["by": "jdoe"])
        return [
            Self.event(
                .caseOpened,
                [
                    "title": .string(title), "severity_id": .integer(Int64(severity.id)), "confidence_score": 97,
                    "pattern": "cloud.open_admin_port", "environment": "production", "region": "eu-west-1",
                    "alert_id": .string(alertID.lowercased), "first_occurred_at": .string(Self.start.rfc3339),
                    "clock_suspect": false, "tier": 1, "queue": "default", "split_from": .null,
                ]),
            Self.event(.slaStarted, sla("acknowledge", due: 900_000)),
            Self.event(.slaStarted, sla("contain", due: 3_600_000)),
            Self.event(
                .caseEnriched,
                [
                    "alert_ids": [.string(alertID.lowercased)], "environment": "production",
                    "entities": [
                        [
                            "type": "cloud_resource", "value": .string(entity), "role": "target", "strong": true,
                            "event_ids": [], "asset": .null,
                        ]
                    ],
                    "evidence": [try! JSONValue(encoding: evidence)], "missing_context": [], "conflicts": [],
                    "attack_techniques": ["T1190"], "detection_reason": "open to 0.0.0.0/0", "registry_position": 0,
                ]),
            Self.event(
                .caseCorrelated,
                ["related_alert_ids": [], "attack_techniques": [], "timeline": [], "comparable_cases": []]),
        ]
    }

    private var deciding: [NewEvent] {
        [
            Self.event(
                .caseRecommended,
                [
                    "recommendation_id": .string(UUID().lowercased), "recommendation": .null, "plan": plan,
                    "demands": ["cloud_audit": ["cloud_containment"]],
                ]),
            Self.event(.gateEvaluated, ["recommendation_id": .string(UUID().lowercased), "gate": .null]),
            Self.event(.caseEscalated, ["reasons": ["environment"], "fell_short": ["environment"], "narrative": "…"]),
            Self.event(
                .caseAssigned, by: Self.alice,
                ["assignee": ["issuer": "docket", "subject": "alice"], "tier": .null, "queue": .null]),
            Self.event(
                .approvalRequested, by: Self.alice,
                [
                    "approval_id": .string(approvalID.lowercased), "plan_digest": planDigest, "plan": plan,
                    "actions": [], "required_approvals": 1,
                    "expires_at": .string(Self.start.adding(milliseconds: 14_400_000).rfc3339), "excluded": [],
                    "demands": ["cloud_audit": ["cloud_containment"]], "reason": "close it",
                    "parameters": ["port": 22],
                ]),
            Self.event(.slaAtRisk, ["clock": "contain"]),
            Self.event(
                .approvalGranted, by: Self.bob,
                [
                    "approval_id": .string(approvalID.lowercased), "plan_digest": planDigest,
                    "reason": "SECRET-REASON of bob",
                ]),
            Self.event(
                .approvalQuorumReached,
                ["approval_id": .string(approvalID.lowercased), "plan_digest": planDigest]),
        ]
    }

    private var responding: [NewEvent] {
        [
            Self.event(
                .runStarted,
                [
                    "run_id": runText, "approval_id": .string(approvalID.lowercased), "plan_digest": planDigest,
                    "plan": plan, "mode": "live", "trigger": "approved",
                ]),
            Self.event(
                .stepPrepared,
                step([
                    "idempotency_key": .string(UUID().lowercased), "targets": targets, "parameters": ["port": 22],
                    "pre_state": ["rules": [22]],
                ])),
            Self.event(.stepExecuted, step(["output": ["applied": true], "attempts": 1])),
            Self.event(.slaBreached, ["clock": "contain"]),
            Self.event(.stepVerified, step(["observed": ["rules": []]])),
            Self.event(.runCompleted, ["run_id": runText, "reason": .null]),
        ]
    }

    private var ending: [NewEvent] {
        [
            Self.event(.slaMet, ["clock": "acknowledge"]),
            Self.event(.slaMet, ["clock": "contain"]),
            Self.event(.evidenceExpired, ["kind": "cloud_audit", "digest": .string(Digest.sha256([2]).text)]),
            Self.event(.evidenceExpired, ["kind": "cloud_audit", "digest": .string(Digest.sha256([3]).text)]),
            Self.event(.evidenceExpired, ["kind": "cloud_audit", "digest": .string(Digest.sha256([4]).text)]),
            Self.event(.caseRecovered, ["reason": "no service was lost"]),
            Self.event(
                .caseClosed, by: Self.alice, ["verdict": "true_positive", "verdict_id": 2, "reason": "SECRET-VERDICT"]),
        ]
    }
}

/// The events of one alert's stream.
struct AlertStory: Sendable {
    var id = UUID()
    var source = "edr-prod"
    var sourceRef = "A-1"
    var severity = Severity.high
    var entity = "Web-1.Example."

    func received() -> [NewEvent] {
        [
            CaseStory.event(
                .alertIngested,
                [
                    "alert_id": .string(id.lowercased), "source": .string(source), "source_ref": .string(sourceRef),
                    "raw_digest": .string(Digest.sha256(Array(sourceRef.utf8)).text), "raw_size": 812,
                    "media_type": "application/json",
                ]),
            CaseStory.event(
                .alertNormalized,
                try! JSONValue(
                    encoding: NormalizedAlert(
                        alertID: id, source: source, sourceRef: sourceRef,
                        rawDigest: Digest.sha256(Array(sourceRef.utf8)), title: "SECRET-TITLE",
                        occurredAt: CaseStory.start, severity: severity,
                        entities: [Entity(type: .device, value: entity, role: .target)],
                        unmapped: ["Some": "thing"], ocsf: ["class_uid": 2004]))),
        ]
    }
}
