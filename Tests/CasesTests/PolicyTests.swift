import Content
import Events
import Foundation
import JSON
import Testing

@testable import Cases

@Suite("Policy")
struct PolicyTests {
    /// domain.md §5, "Approval matrix (default policy)": level, level in production, evidence.
    private static let matrix: [String: (AutonomyLevel, AutonomyLevel, Set<String>)] = {
        let context: Set = ["raw_event", "rule_id", "asset_context", "identity_context", "related_events"]
        let ticket: Set = ["severity", "owner", "sla", "recommended_playbook", "reproduction_steps"]
        let edr: Set = ["edr_evidence", "business_criticality", "active_session_state", "owner_notification"]
        let cloud: Set = ["cloud_audit", "affected_service", "cost_risk", "recovery_plan"]
        let credential: Set = ["token_scope", "recent_use", "detection_reason", "rollback_path"]
        return [
            "close_case": (.auto, .auto, ["raw_event", "rule_id", "comparable_cases", "environment_context"]),
            "enrich": (.auto, .auto, context), "collect_forensics": (.auto, .auto, context),
            "summarize": (
                .auto, .auto, ["timeline", "attack_mapping", "affected_entities", "uncertainty_notes"]
            ),
            "open_ticket": (.auto, .auto, ticket), "notify": (.auto, .auto, ticket),
            "revoke_token": (.onePerson, .onePerson, credential.union(["token_owner"])),
            "disable_user": (.onePerson, .onePerson, credential.union(["owner"])),
            "rotate_secret": (.onePerson, .onePerson, credential.union(["owner"])),
            "isolate_host": (.onePerson, .onePerson, edr), "isolate_workload": (.onePerson, .onePerson, edr),
            "terminate_process": (.onePerson, .onePerson, edr), "block_traffic": (.onePerson, .onePerson, edr),
            "cloud_containment": (.onePerson, .twoPerson, cloud), "delete_resource": (.onePerson, .twoPerson, cloud),
        ]
    }()

    @Test("the one that ships is sound")
    func sound() throws {
        let policy = try Fixture.policy()
        #expect(policy.problems.isEmpty)
        #expect(policy.gate.patternConfidence == 0.95 && policy.gate.playbookAccuracy == 0.995)
        #expect(policy.gate.intervalLevel == 0.95 && !policy.gate.countImportedHistory)
        #expect(policy.execution.maxTargetsAutomatic == 1 && policy.execution.maxTargetsApproved == 5)
        #expect(policy.execution.maxRollbackMsAutomatic == 300_000)
        #expect(policy.approvals.defaultExpiryMs == 14_400_000 && policy.approvals.maximumExpiryMs == 86_400_000)
        #expect(policy.approvals.minimumExpiryMs == 1_000 && policy.approvals.minimumReasonLength == 10)
        #expect(policy.correlation.minimumSeverity == .medium)
        #expect(Set(policy.correlation.weakEntityTypes) == [.process, .namespace, .vulnerability, .other])
        for severity in Severity.allCases { #expect(policy.slaTargets(for: severity) != nil) }
        for kind in EvidenceKind.allCases { #expect((policy.freshnessMs(of: kind) ?? 0) > 0) }
    }

    @Test("it survives being written and read")
    func roundTrip() throws {
        let policy = try Fixture.policy()
        let back: Policy = try JSONValue.parse(try JSONValue(encoding: policy).canonicalBytes()).decode()
        #expect(back == policy)
    }

    @Test("its matrix is the one of the design", arguments: ActionClass.allCases)
    func matrix(action: ActionClass) throws {
        let policy = try Fixture.policy()
        let (level, inProduction, evidence) = try #require(Self.matrix[action.rawValue])
        #expect(policy.matrix[action.rawValue] != nil)
        #expect(Set(policy.row(for: action).requiredEvidence.map(\.rawValue)) == evidence)
        #expect(policy.level(for: action, in: .production) == inProduction)
        #expect(policy.level(for: action, in: .unknown) == inProduction, "what is unknown may be production")
        #expect(policy.level(for: action, in: .staging) == level)
        #expect(policy.level(for: action, in: .development) == level)
    }

    @Test("a class that the matrix does not name needs two people")
    func silence() throws {
        var policy = try Fixture.policy()
        policy.matrix["notify"] = nil
        #expect(policy.level(for: .notify, in: .development) == .twoPerson)
    }

    @Test("a production level can only be stricter")
    func tightenOnly() throws {
        var policy = try Fixture.policy()
        policy.matrix["isolate_host"]?.levelInProduction = .auto
        #expect(policy.level(for: .isolateHost, in: .production) == .onePerson)
    }

    private static let wrong: [(String, @Sendable (inout Policy) -> Void)] = [
        ("/version", { $0.version = 0 }),
        ("/gate/pattern_confidence", { $0.gate.patternConfidence = 95 }),
        ("/gate/playbook_accuracy", { $0.gate.playbookAccuracy = -0.1 }),
        ("/gate/interval_level", { $0.gate.intervalLevel = 1 }),
        ("/correlation/window_ms", { $0.correlation.windowMs = 29_999 }),
        ("/correlation/window_ms", { $0.correlation.windowMs = 86_400_001 }),
        ("/correlation/lateness_ms", { $0.correlation.latenessMs = -1 }),
        ("/correlation/lateness_ms", { $0.correlation.latenessMs = 7 * 86_400_000 + 1 }),
        ("/correlation/max_age_ms", { $0.correlation.maxAgeMs = $0.correlation.windowMs - 1 }),
        ("/correlation/max_age_ms", { $0.correlation.maxAgeMs = 90 * 86_400_000 + 1 }),
        ("/correlation/max_alerts", { $0.correlation.maxAlerts = 10_001 }),
        ("/correlation/minimum_overlap", { $0.correlation.minimumOverlap = 1.5 }),
        ("/correlation/max_alerts", { $0.correlation.maxAlerts = 0 }),
        ("/approvals", { $0.approvals.defaultExpiryMs = 500 }),
        ("/approvals", { $0.approvals.maximumExpiryMs = 1_000 }),
        ("/approvals", { $0.approvals.minimumExpiryMs = 0 }),
        ("/execution/max_targets_automatic", { $0.execution.maxTargetsAutomatic = -1 }),
        ("/matrix/launch_missile", { $0.matrix["launch_missile"] = $0.matrix["notify"] }),
        ("/sla/high", { $0.sla["high"]?.containMs = 0 }),
        ("/sla/high/at_risk_fraction", { $0.sla["high"]?.atRiskFraction = 1 }),
        ("/sla/grave", { $0.sla["grave"] = $0.sla["high"] }),
        ("/evidence_freshness_ms/cloud_audit", { $0.evidenceFreshnessMs["cloud_audit"] = 0 }),
        ("/evidence_freshness_ms/gossip", { $0.evidenceFreshnessMs["gossip"] = 1_000 }),
    ]

    @Test("a wrong member is named by its pointer, and nothing else is", arguments: wrong.indices)
    func problems(index: Int) throws {
        let (pointer, spoil) = Self.wrong[index]
        var policy = try Fixture.policy()
        spoil(&policy)
        #expect(policy.problems.map(\.pointer) == [pointer])
    }

    @Test("windows from 30 seconds to 24 hours are sound, and a policy from before lateness was one is too")
    func windows() throws {
        for window: Int64 in [30_000, 3_600_000, 86_400_000] {
            var policy = try Fixture.policy()
            policy.correlation.windowMs = window
            policy.correlation.latenessMs = nil
            #expect(policy.problems.isEmpty)
            #expect(policy.correlation.reachMs == 2 * window)
        }
        var text = try JSONValue(encoding: Fixture.policy())
        var correlation = try #require(text["correlation"])
        correlation["lateness_ms"] = nil
        text["correlation"] = correlation
        let older: Policy = try text.decode()
        #expect(older.correlation.latenessMs == nil)
    }

    @Test("protected entities are found however they are written")
    func protected() throws {
        var policy = try Fixture.policy()
        policy.protectedEntities = [.init(type: .device, value: "DC-1.Example.COM.", reason: "domain controller")]
        #expect(policy.protection(of: Entity(type: .device, value: "dc-1.example.com", role: .target).key) != nil)
        #expect(policy.protection(of: Entity(type: .domain, value: "dc-1.example.com", role: .target).key) == nil)
    }
}
