package import Events

package import struct Foundation.UUID

/// The figures that Docket serves, each by its exact definition (domain.md §8).
package enum MetricName: String, Sendable, Hashable, Codable, CaseIterable {
    case mttd, mtta, mttc, mttr
    case alertToRemediation = "alert_to_remediation"
    case analystResponseTime = "analyst_response_time"
    case runDuration = "run_duration"
    case alertsPerCase = "alerts_per_case"
    case caseVolume = "case_volume"
    case manualActions = "manual_actions"
    case falsePositiveRate = "false_positive_rate"
    case automationCoverage = "automation_coverage"
    case containmentPrecision = "containment_precision"
    case escalationQuality = "escalation_quality"
    case rollbackRate = "rollback_rate"
    case slaAdherence = "sla_adherence"

    package enum Unit: String, Sendable, Hashable, Codable { case ms, count, ratio }

    package var unit: Unit {
        switch self {
        case .mttd, .mtta, .mttc, .mttr, .alertToRemediation, .analystResponseTime, .runDuration: .ms
        case .alertsPerCase, .caseVolume, .manualActions: .count
        default: .ratio
        }
    }

    package var definition: String {
        switch self {
        case .mttd: "first occurred_at of the evidence → case.opened"
        case .mtta: "case.opened → first human or automatic decision"
        case .mttc: "case.opened → last containment step verified"
        case .mttr: "case.opened → case.recovered, the first"
        case .alertToRemediation: "case.opened, which follows the first alert at once → last step verified"
        case .analystResponseTime: "case.escalated → decision"
        case .runDuration: "run.started → run.completed"
        case .alertsPerCase: "alerts linked to a case"
        case .caseVolume: "cases opened"
        case .manualActions: "human actions per case, comments and views excluded"
        case .falsePositiveRate: "cases closed false_positive / cases closed with a verdict"
        case .automationCoverage:
            "cases recovered or closed with no event of a person or customer between case.opened and case.recovered, comments excluded / all cases recovered or closed"
        case .containmentPrecision:
            "automatic runs with a verified containment step whose case was not closed false_positive, benign or test and that were not rolled back as false_containment / all judged ones"
        case .escalationQuality: "escalations in which the analyst agreed with the recommendation / escalations decided"
        case .rollbackRate: "automated runs later reversed / automated runs"
        case .slaAdherence: "clocks met / clocks ended"
        }
    }
}

/// One measured thing: a value with the event it ends at.
package struct MetricSample: Codable, Sendable, Hashable {
    package var caseID: UUID
    /// Milliseconds or a count; for ratios 1 in the numerator, 0 in the denominator alone.
    package var value: Double?
    package var startEventID: UUID?
    package var endEventID: UUID?
    /// When it belongs to a bucket.
    package var endedAt: Instant?
    package var excludedReason: String?
    package var group: [String: String]
}
