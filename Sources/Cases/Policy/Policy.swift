package import Events

/// Every number and rule that a tenant may want different: versioned data, approved by a lead, never a constant in
/// code. The one that ships is `Content/Policies/default.json`; durations are whole milliseconds.
package struct Policy: Codable, Sendable, Hashable {
    package var version: Int
    package var correlation: Correlation
    package var gate: GateThresholds
    /// The approval matrix: what each action class needs.
    package var matrix: [String: MatrixRow]
    /// How long evidence of a kind counts as fresh; `default` is for kinds not named.
    package var evidenceFreshnessMs: [String: Int64]
    package var approvals: Approvals
    package var sla: [String: SLATargets]
    package var execution: Execution
    package var protectedEntities: [ProtectedEntity]
    /// When cases are closed without a person; `nil`: never.
    package var closing: Closing?
    /// How much one case holds; `nil`: as much as ships.
    package var caseLimits: CaseLimits?

    /// How much of what its alerts say a case itself holds, beside `correlation.max_alerts`. What is beyond is counted in
    /// `case.enriched` and stays readable in the alerts.
    package struct CaseLimits: Codable, Sendable, Hashable {
        package var maxEntities: Int
        /// Items of evidence: one of each kind and source.
        package var maxEvidence: Int
        /// The newest alerts that the timeline shows.
        package var maxTimeline: Int

        package init(maxEntities: Int = 500, maxEvidence: Int = 200, maxTimeline: Int = 200) {
            self.maxEntities = maxEntities
            self.maxEvidence = maxEvidence
            self.maxTimeline = maxTimeline
        }

        package static let bounds = 1...1_000
    }

    package struct Correlation: Codable, Sendable, Hashable {
        /// How far the alert of a case nearest to it in time may be, by the sources' clocks: 30 seconds to 24 hours.
        package var windowMs: Int64
        /// How late alerts may come and still count by their own time; `nil`: as long as the window.
        package var latenessMs: Int64?
        package var minimumSeverity: Severity
        package var minimumOverlap: Double
        package var weakEntityTypes: [Entity.EntityType]
        /// Things that many alerts name and that therefore say little: domain controllers, gateways, scanners. They weigh as if
        /// they were only related; `nil`: none.
        package var commonEntities: [CommonEntity]?
        /// A case of that many alerts takes no more; what belongs to it opens the next one.
        package var maxAlerts: Int
        /// How much time the alerts of a case may span, by the sources' clocks and by the log's.
        package var maxAgeMs: Int64

        package struct CommonEntity: Codable, Sendable, Hashable {
            package var type: Entity.EntityType
            package var value: String
            package var reason: String

            package init(type: Entity.EntityType, value: String, reason: String) {
                self.type = type
                self.value = value
                self.reason = reason
            }

            package var key: EntityKey { EntityKey(type: type, value: Entity.normalize(value, as: type)) }
        }

        package static let windowBoundsMs: ClosedRange<Int64> = 30_000...86_400_000
        package static let latenessMaximumMs: Int64 = 7 * 86_400_000
        package static let ageMaximumMs: Int64 = 90 * 86_400_000
        package static let alertsMaximum = 10_000

        /// How long after its last alert came a case is thought of, by the log's clock: whoever comes later cannot be in
        /// its window and in time.
        package var reachMs: Int64 { windowMs + (latenessMs ?? windowMs) }
    }

    package struct GateThresholds: Codable, Sendable, Hashable {
        package var patternConfidence: Double
        package var playbookAccuracy: Double
        /// Of the Wilson interval, for example 0.95.
        package var intervalLevel: Double
        package var countImportedHistory: Bool
    }

    package struct MatrixRow: Codable, Sendable, Hashable {
        package var level: AutonomyLevel
        /// Where an asset of the plan is in production; `null` means the same level.
        package var levelInProduction: AutonomyLevel?
        package var requiredEvidence: [EvidenceKind]
    }

    package struct Approvals: Codable, Sendable, Hashable {
        package var defaultExpiryMs: Int64
        package var minimumExpiryMs: Int64
        package var maximumExpiryMs: Int64
        package var minimumReasonLength: Int
    }

    package struct SLATargets: Codable, Sendable, Hashable {
        package var acknowledgeMs: Int64
        package var containMs: Int64
        package var resolveMs: Int64
        /// The share of the target after which the clock is at risk.
        package var atRiskFraction: Double
    }

    package struct Execution: Codable, Sendable, Hashable {
        package var maxTargetsAutomatic: Int
        package var maxTargetsApproved: Int
        package var maxRollbackMsAutomatic: Int64
        package var probeAttempts: Int
    }

    package struct Closing: Codable, Sendable, Hashable {
        /// The lower bound of the interval that the share of people's equal verdicts must reach.
        package var threshold: Double
        /// The share of such cases that goes to an analyst all the same.
        package var sampleRate: Double
        /// Verdicts that may be given without a person.
        package var verdicts: [Verdict]

        package init(threshold: Double, sampleRate: Double, verdicts: [Verdict]) {
            self.threshold = threshold
            self.sampleRate = sampleRate
            self.verdicts = verdicts
        }
    }

    package struct ProtectedEntity: Codable, Sendable, Hashable {
        package var type: Entity.EntityType
        package var value: String
        package var reason: String
    }
}

extension Policy {
    /// A class that the matrix does not name needs two people: silence is no permission.
    package func row(for action: ActionClass) -> MatrixRow {
        matrix[action.rawValue] ?? MatrixRow(level: .twoPerson, levelInProduction: nil, requiredEvidence: [])
    }

    package func level(for action: ActionClass, in environment: DeploymentEnvironment) -> AutonomyLevel {
        let row = row(for: action)
        // An unknown environment may be production, so it counts as one.
        let isProduction = environment == .production || environment == .unknown
        return isProduction ? max(row.level, row.levelInProduction ?? row.level) : row.level
    }

    package func freshnessMs(of kind: EvidenceKind) -> Int64? {
        evidenceFreshnessMs[kind.rawValue] ?? evidenceFreshnessMs["default"]
    }

    package func slaTargets(for severity: Severity) -> SLATargets? {
        sla[severity.rawValue] ?? sla["default"]
    }

    package func isStrong(_ type: Entity.EntityType) -> Bool { !correlation.weakEntityTypes.contains(type) }

    package func protection(of key: EntityKey) -> ProtectedEntity? {
        protectedEntities.first { EntityKey(type: $0.type, value: Entity.normalize($0.value, as: $0.type)) == key }
    }

    /// Problems that would make the policy contradict itself; empty when it is sound.
    package var problems: [FieldError] {
        var problems: [FieldError] = []
        func require(_ condition: Bool, _ pointer: String, _ detail: String) {
            if !condition { problems.append(FieldError(pointer, .range, detail)) }
        }
        require(version >= 1, "/version", "counts from 1")
        require((0...1).contains(gate.patternConfidence), "/gate/pattern_confidence", "is a ratio from 0 to 1")
        require((0...1).contains(gate.playbookAccuracy), "/gate/playbook_accuracy", "is a ratio from 0 to 1")
        require((0.5..<1).contains(gate.intervalLevel), "/gate/interval_level", "is at least 0.5 and below 1")
        require(
            Correlation.windowBoundsMs.contains(correlation.windowMs), "/correlation/window_ms",
            "is from 30000 (30 seconds) to 86400000 (24 hours)")
        require(
            (0...Correlation.latenessMaximumMs).contains(correlation.latenessMs ?? 0), "/correlation/lateness_ms",
            "is from 0 to \(Correlation.latenessMaximumMs) (7 days)")
        require((0...1).contains(correlation.minimumOverlap), "/correlation/minimum_overlap", "is a ratio from 0 to 1")
        require(
            (1...Correlation.alertsMaximum).contains(correlation.maxAlerts), "/correlation/max_alerts",
            "is from 1 to \(Correlation.alertsMaximum)")
        require(
            // A window that is wrong is told by itself.
            !Correlation.windowBoundsMs.contains(correlation.windowMs)
                || (correlation.windowMs...Correlation.ageMaximumMs).contains(correlation.maxAgeMs),
            "/correlation/max_age_ms", "is at least the window and at most \(Correlation.ageMaximumMs) (90 days)")
        require(
            approvals.minimumExpiryMs > 0 && approvals.minimumExpiryMs <= approvals.defaultExpiryMs
                && approvals.defaultExpiryMs <= approvals.maximumExpiryMs,
            "/approvals", "expiries are ordered: minimum, default, maximum")
        if let caseLimits {
            for (name, limit) in [
                ("max_entities", caseLimits.maxEntities), ("max_evidence", caseLimits.maxEvidence),
                ("max_timeline", caseLimits.maxTimeline),
            ] {
                require(CaseLimits.bounds.contains(limit), "/case_limits/\(name)", "is from 1 to 1000")
            }
        }
        require(execution.maxTargetsAutomatic >= 0, "/execution/max_targets_automatic", "cannot be negative")
        if let closing {
            require((0...1).contains(closing.threshold), "/closing/threshold", "is a ratio from 0 to 1")
            require((0...1).contains(closing.sampleRate), "/closing/sample_rate", "is a ratio from 0 to 1")
            require(
                Set(closing.verdicts).isSubset(of: [.falsePositive, .benign, .duplicate]), "/closing/verdicts",
                "holds false_positive, benign and duplicate only")
        }
        for name in matrix.keys.sorted() where ActionClass(rawValue: name) == nil {
            problems.append(
                FieldError(
                    "/matrix/\(name)", .enum, "is no action class", allowed: ActionClass.allCases.map(\.rawValue)))
        }
        for (name, freshness) in evidenceFreshnessMs.sorted(by: { $0.key < $1.key }) {
            if name != "default", EvidenceKind(rawValue: name) == nil {
                problems.append(
                    FieldError(
                        "/evidence_freshness_ms/\(name)", .enum, "is no evidence kind",
                        allowed: EvidenceKind.allCases.map(\.rawValue)))
            }
            require(freshness > 0, "/evidence_freshness_ms/\(name)", "must be positive")
        }
        for name in sla.keys.sorted() where name != "default" && Severity(rawValue: name) == nil {
            problems.append(
                FieldError("/sla/\(name)", .enum, "is no severity", allowed: Severity.allCases.map(\.rawValue)))
        }
        for (name, targets) in sla.sorted(by: { $0.key < $1.key }) {
            require(
                targets.acknowledgeMs > 0 && targets.containMs > 0 && targets.resolveMs > 0, "/sla/\(name)",
                "targets are positive")
            require((0..<1).contains(targets.atRiskFraction), "/sla/\(name)/at_risk_fraction", "is from 0 to below 1")
        }
        return problems
    }
}
