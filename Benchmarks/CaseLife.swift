import Cases
import Events
import Foundation
import JSON
import Runs

/// A whole life of a case as the pipeline writes it, from the alert that opens it to its end: two of three are approved,
/// contained and closed, the third is a false positive.
struct CaseLife {
    private let number: Int
    private let id = UUID.v7()
    private let alertID = UUID.v7()
    private let approvalID = UUID.v7()
    private let runID = UUID.v7()
    private let correlationID = UUID.v7()
    private let at: Instant

    private static let pipeline = Actor(kind: .service, subject: "pipeline", lane: .system)
    private static let start = Instant(rfc3339: "2026-03-01T11:00:00Z")!

    init(_ number: Int) {
        self.number = number
        at = Self.start.adding(milliseconds: Int64(number) * 1_000)
    }

    /// What is appended together: the stream, its kind, the case, the events.
    func parts() throws -> [(stream: UUID, kind: StreamKind, caseID: UUID?, events: [NewEvent])] {
        let analyst = Actor(kind: .person, subject: "analyst-\(number % 12)", lane: .analyst)
        let normalized = try JSONValue(encoding: alert)
        var parts: [(stream: UUID, kind: StreamKind, caseID: UUID?, events: [NewEvent])] = [
            (
                alertID, .alert, nil,
                [
                    event(
                        .alertIngested,
                        [
                            "alert_id": text(alertID), "source": "edr-prod", "source_ref": .string("A-\(number)"),
                            "raw_digest": .string(Digest.sha256(Array("\(number)".utf8)).text), "raw_size": 1_812,
                            "media_type": "application/json",
                        ]),
                    event(.alertNormalized, normalized),
                ]
            ),
            (id, .case, id, try opening),
        ]
        if number % 3 == 0 {
            parts.append(
                (
                    id, .case, id,
                    [
                        event(.slaMet, ["clock": "acknowledge"]),
                        event(
                            .caseCommented, by: analyst, ["text": "The scanner of the platform team, see the ticket."]),
                        event(
                            .caseClosed, by: analyst,
                            ["verdict": "false_positive", "verdict_id": 1, "reason": "A known scanner."]),
                    ]
                ))
        } else {
            parts.append((id, .case, id, deciding(analyst)))
            parts.append((id, .case, id, responding))
            parts.append((id, .case, id, ending(analyst)))
        }
        return parts
    }

    private func event(_ type: EventType, by actor: Actor = pipeline, _ data: JSONValue) -> NewEvent {
        NewEvent(
            eventID: UUID.v7(), type: type.rawValue, occurredAt: at, actor: actor, correlationID: correlationID,
            data: data)
    }

    private func text(_ id: UUID) -> JSONValue { .string(id.lowercased) }

    private var host: String { "web-\(number % 4_000).example.com" }
    private var targets: JSONValue { [["type": "device", "value": .string(host), "role": "target"]] }

    private var alert: NormalizedAlert {
        NormalizedAlert(
            alertID: alertID, source: "edr-prod", sourceRef: "A-\(number)",
            rawDigest: Digest.sha256(Array("\(number)".utf8)),
            title: "Suspicious PowerShell command line on \(host)", occurredAt: at, severity: .high,
            entities: [Entity(type: .device, value: host, role: .target)],
            unmapped: ["agent_version": "7.12.4", "sensor_group": "servers"],
            ocsf: [
                "class_uid": 2004, "category_uid": 2, "type_uid": 200_401, "severity_id": 4,
                "metadata": ["version": "1.3.0", "product": ["name": "EDR", "vendor_name": "Example"]],
                "process": [
                    "pid": .integer(Int64(number % 60_000)), "name": "powershell.exe",
                    "cmd_line":
                        "powershell.exe -NoProfile -ExecutionPolicy Bypass -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0A",
                ],
            ])
    }

    private var plan: JSONValue {
        [
            "case_id": text(id),
            "playbook": ["id": "isolate-host", "version": 1, "digest": .string(Digest.sha256([1]).text)],
            "policy_version": 1, "max_targets": 1, "targets": targets, "evidence": [],
            "flow": ["start": "start--1", "exception": .null, "nodes": .object([:])],
            "steps": [
                [
                    "step_id": "action--1", "action_class": "isolate_host", "connector": "edr",
                    "operation": "isolate", "targets": targets, "parameters": ["mode": "full"], "inputs": [:],
                    "rollback": ["operation": "release", "parameters": .object([:]), "max_ms": 60_000],
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
            "at_risk_at": .string(at.adding(milliseconds: due / 2).rfc3339),
            "due_at": .string(at.adding(milliseconds: due).rfc3339),
        ]
    }

    private var opening: [NewEvent] {
        get throws {
            let evidence = EvidenceItem(
                kind: .edrEvidence, source: "edr", eventIDs: [alertID], observedAt: at,
                staleAfter: at.adding(milliseconds: 3_600_000), summary: "The process tree behind the alert",
                data: [
                    "parent": "winword.exe", "user": "svc-web", "signed": true, "children": ["cmd.exe", "whoami.exe"],
                ])
            return [
                event(
                    .caseOpened,
                    [
                        "title": .string("Suspicious PowerShell command line on \(host)"), "severity_id": 4,
                        "confidence_score": 88, "pattern": .string("endpoint.powershell.\(number % 40)"),
                        "environment": "production", "region": "eu-west-1", "alert_id": text(alertID),
                        "first_occurred_at": .string(at.rfc3339), "clock_suspect": false, "tier": 1,
                        "queue": "default", "split_from": .null,
                    ]),
                event(.slaStarted, sla("acknowledge", due: 900_000)),
                event(.slaStarted, sla("contain", due: 3_600_000)),
                event(
                    .caseEnriched,
                    [
                        "alert_ids": [text(alertID)], "environment": "production",
                        "entities": [
                            [
                                "type": "device", "value": .string(host), "role": "target", "strong": true,
                                "event_ids": [text(alertID)], "asset": .null,
                            ]
                        ],
                        "evidence": [try JSONValue(encoding: evidence)], "missing_context": [], "conflicts": [],
                        "attack_techniques": ["T1059.001"], "detection_reason": "an encoded command from a document",
                        "registry_position": 0,
                    ]),
                event(
                    .caseCorrelated,
                    ["related_alert_ids": [], "attack_techniques": [], "timeline": [], "comparable_cases": []]),
            ]
        }
    }

    private func deciding(_ analyst: Actor) -> [NewEvent] {
        let recommendationID = text(UUID.v7())
        return [
            event(
                .caseRecommended,
                [
                    "recommendation_id": recommendationID, "recommendation": .null, "plan": plan,
                    "demands": ["edr_evidence": ["isolate_host"]],
                ]),
            event(.gateEvaluated, ["recommendation_id": recommendationID, "gate": .null]),
            event(
                .caseEscalated,
                ["reasons": ["environment"], "fell_short": ["environment"], "narrative": "A person decides here."]),
            event(
                .caseAssigned, by: analyst,
                [
                    "assignee": ["issuer": "docket", "subject": .string(analyst.subject)], "tier": .null,
                    "queue": .null,
                ]),
            event(
                .approvalRequested, by: analyst,
                [
                    "approval_id": text(approvalID), "plan_digest": planDigest, "plan": plan, "actions": [],
                    "required_approvals": 1, "expires_at": .string(at.adding(milliseconds: 14_400_000).rfc3339),
                    "excluded": [], "demands": ["edr_evidence": ["isolate_host"]], "reason": "Isolate it.",
                    "parameters": [:],
                ]),
            event(
                .approvalGranted, by: Actor(kind: .person, subject: "lead", lane: .analyst),
                ["approval_id": text(approvalID), "plan_digest": planDigest, "reason": "Agreed."]),
            event(.approvalQuorumReached, ["approval_id": text(approvalID), "plan_digest": planDigest]),
        ]
    }

    private var responding: [NewEvent] {
        let step: [String: JSONValue] = ["run_id": text(runID), "step_id": "action--1"]
        func of(_ more: [String: JSONValue]) -> JSONValue { .object(step.merging(more) { _, new in new }) }
        return [
            event(
                .runStarted,
                [
                    "run_id": text(runID), "approval_id": text(approvalID), "plan_digest": planDigest, "plan": plan,
                    "mode": "live", "trigger": "approved",
                ]),
            event(
                .stepPrepared,
                of([
                    "idempotency_key": text(UUID.v7()), "targets": targets, "parameters": ["mode": "full"],
                    "pre_state": ["isolated": false],
                ])),
            event(.stepExecuted, of(["output": ["applied": true], "attempts": 1])),
            event(.stepVerified, of(["observed": ["isolated": true]])),
            event(.runCompleted, ["run_id": text(runID), "reason": .null]),
        ]
    }

    private func ending(_ analyst: Actor) -> [NewEvent] {
        [
            event(.slaMet, ["clock": "acknowledge"]), event(.slaMet, ["clock": "contain"]),
            event(.caseCommented, by: analyst, ["text": "The host is clean again after a reinstall, back in service."]),
            event(.caseRecovered, ["reason": "no service was lost"]),
            event(
                .caseClosed, by: analyst,
                ["verdict": "true_positive", "verdict_id": 2, "reason": "A document with a macro."]),
        ]
    }
}
