import Events
import Runs

import struct Foundation.UUID

/// Why a case or a run does not count in a figure: what that figure measures has not happened, or says nothing.
package enum MetricExclusion: String, Sendable, CaseIterable {
    case noOccurrenceTime = "no_occurrence_time"
    case notAcknowledged = "not_acknowledged"
    case notContained = "not_contained"
    case notRecovered = "not_recovered"
    case notRemediated = "not_remediated"
    case notDecided = "not_decided"
    case notCompleted = "not_completed"
    case unjudged
    case test
    case clockSuspect = "clock_suspect"
}

extension MetricName {
    /// What a case contributes to this figure: counted values, and excluded ones with the reason.
    package func samples(of facts: CaseFacts) -> [MetricSample] {
        let anchors = facts.anchors
        switch self {
        case .mttd:
            return [
                duration(
                    facts, from: anchors.firstOccurredAt, nil, to: anchors.openedAt, "opened", suspect: true,
                    otherwise: .noOccurrenceTime)
            ]
        case .mtta:
            return [
                duration(
                    facts, from: anchors.openedAt, "opened", to: anchors.acknowledgedAt, "acknowledged",
                    otherwise: .notAcknowledged)
            ]
        case .mttc:
            return [
                duration(
                    facts, from: anchors.openedAt, "opened", to: anchors.containedAt, "contained",
                    otherwise: .notContained)
            ]
        case .mttr:
            return [
                duration(
                    facts, from: anchors.openedAt, "opened", to: anchors.recoveredAt, "recovered",
                    otherwise: .notRecovered)
            ]
        case .alertToRemediation:
            return [
                duration(
                    facts, from: facts.firstAlertAt, "first_alert", to: anchors.lastVerifiedAt, "last_verified",
                    otherwise: .notRemediated)
            ]
        case .analystResponseTime:
            // Decided before it was asked, by a standing approval for example, is no response.
            guard let escalatedAt = anchors.escalatedAt, anchors.decidedAt.map({ $0 >= escalatedAt }) ?? true
            else { return [] }
            return [
                duration(
                    facts, from: anchors.escalatedAt, "escalated", to: anchors.decidedAt, "decided",
                    otherwise: .notDecided)
            ]
        case .runDuration:
            return facts.runs.filter(\.isLive).map { run in
                sample(
                    facts,
                    value: run.isCompleted ? run.endedAt.map { Double($0.milliseconds(since: run.startedAt)) } : nil,
                    start: run.startedEventID, end: run.endedEventID, at: run.isCompleted ? run.endedAt : nil,
                    excluded: run.isCompleted && run.endedAt != nil ? nil : .notCompleted)
            }
        case .alertsPerCase: return [count(facts, facts.alertCount)]
        case .caseVolume: return [count(facts, 1)]
        case .manualActions: return [count(facts, facts.manualActions)]
        case .falsePositiveRate:
            guard let verdict = facts.verdict else { return [] }
            return [ratio(facts, verdict == .falsePositive, to: anchors.closedAt, "closed")]
        case .automationCoverage:
            guard facts.isEnded else { return [] }
            let recovered = anchors.recoveredAt != nil
            return [
                ratio(
                    facts, facts.humanTouches == 0, to: recovered ? anchors.recoveredAt : anchors.closedAt,
                    recovered ? "recovered" : "closed")
            ]
        case .containmentPrecision:
            return facts.runs.filter { $0.trigger == .auto && $0.isLive && $0.hasVerifiedContainment }.map { run in
                let isRolledBack = run.rollbackReason == .falseContainment
                let judged = facts.verdict != nil || isRolledBack
                let isWrong = isRolledBack || [.falsePositive, .benign, .test].contains(facts.verdict)
                return sample(
                    facts, value: judged ? (isWrong ? 0 : 1) : nil, start: run.startedEventID, end: run.endedEventID,
                    at: run.endedAt, excluded: judged ? nil : .unjudged)
            }
        case .escalationQuality:
            guard let agreed = facts.escalationAgreed else { return [] }
            return [ratio(facts, agreed, to: anchors.decidedAt, "decided")]
        case .rollbackRate:
            // A containment whose time is up and a drill are undone by plan, not by somebody who thought otherwise.
            let reversals: Set<RollbackReason> = [.falseContainment, .analystOverride, .customerRequest]
            return facts.runs.filter { $0.trigger == .auto && $0.isLive && $0.endedAt != nil }.map { run in
                sample(
                    facts, value: run.rollbackReason.map(reversals.contains) ?? false ? 1 : 0,
                    start: run.startedEventID, end: run.endedEventID,
                    at: run.endedAt)
            }
        case .slaAdherence:
            return facts.clocks.compactMap { clock in
                guard clock.status == .ended, clock.outcome != .cancelled else { return nil }
                var sample = sample(
                    facts, value: clock.outcome == .met ? 1 : 0, start: anchors.eventIDs["opened"], end: nil,
                    at: clock.endedAt)
                sample.group["clock"] = clock.clock
                return sample
            }
        }
    }

    private func duration(
        _ facts: CaseFacts, from start: Instant?, _ startName: String?, to end: Instant?, _ endName: String,
        suspect: Bool = false, otherwise missing: MetricExclusion
    ) -> MetricSample {
        let ids = facts.anchors.eventIDs
        if facts.verdict == .test {
            return sample(
                facts, value: nil, start: nil, end: ids[endName], at: end ?? facts.anchors.openedAt, excluded: .test)
        }
        if suspect && facts.clockSuspect {
            return sample(facts, value: nil, start: nil, end: ids[endName], at: end, excluded: .clockSuspect)
        }
        guard let start, let end else {
            return sample(
                facts, value: nil, start: startName.flatMap { ids[$0] }, end: nil, at: facts.anchors.openedAt,
                excluded: missing)
        }
        return sample(
            facts, value: Double(end.milliseconds(since: start)), start: startName.flatMap { ids[$0] },
            end: ids[endName], at: end)
    }

    private func count(_ facts: CaseFacts, _ value: Int) -> MetricSample {
        let opened = facts.anchors.eventIDs["opened"]
        return sample(facts, value: Double(value), start: opened, end: opened, at: facts.anchors.openedAt)
    }

    private func ratio(_ facts: CaseFacts, _ isHit: Bool, to end: Instant?, _ endName: String) -> MetricSample {
        let ids = facts.anchors.eventIDs
        return sample(facts, value: isHit ? 1 : 0, start: ids["opened"], end: ids[endName], at: end)
    }

    private func sample(
        _ facts: CaseFacts, value: Double?, start: UUID?, end: UUID?, at: Instant?, excluded: MetricExclusion? = nil
    ) -> MetricSample {
        var group = [
            "severity": facts.severity.rawValue, "queue": facts.queue, "environment": facts.environment.rawValue,
        ]
        group["pattern"] = facts.pattern ?? "unknown"
        group["region"] = facts.region ?? "unknown"
        group["playbook"] = facts.playbookID ?? "none"
        group["playbook_version"] = facts.playbookVersion.map(String.init) ?? "none"
        return MetricSample(
            caseID: facts.caseID, value: value, startEventID: start, endEventID: end, endedAt: at,
            excludedReason: excluded?.rawValue, group: group)
    }
}
