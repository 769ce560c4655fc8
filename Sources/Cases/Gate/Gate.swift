package import Events
import Foundation
package import Runs

/// Decides whether a plan may run by itself: three signals, the approval matrix, the production rule and standing
/// approvals, strictest first (domain.md §5).
package enum Gate {
    package struct Input: Sendable {
        package var record: CaseRecord
        package var plan: Plan?
        package var playbookMode: PlaybookMode?
        package var registry: Registry
        package var now: Instant

        package init(record: CaseRecord, plan: Plan?, playbookMode: PlaybookMode?, registry: Registry, now: Instant) {
            self.record = record
            self.plan = plan
            self.playbookMode = playbookMode
            self.registry = registry
            self.now = now
        }
    }

    package static func evaluate(_ input: Input) -> GateResult {
        let policy = input.registry.policy
        let signals = [
            patternConfidence(input, policy), environment(input), playbookAccuracy(input, policy),
        ]
        let fellShort = signals.filter { !$0.passed }.map(\.name.rawValue)
        let matrixLevel = Self.level(of: input.plan, record: input.record, policy: policy)
        let standing = standingApproval(input)
        let isShadow = input.playbookMode == .shadow

        // What speaks against acting alone takes a standing approval back too: the matrix holds, and at least one
        // person.
        // A standing approval names its own number of targets, which two people agreed to.
        let widest = standing.map { min($0.maxTargets, policy.execution.maxTargetsApproved) }
        let isTooWide =
            (input.plan?.targets.count ?? 0) > (widest ?? policy.execution.maxTargetsAutomatic)
        let asksPeople =
            !fellShort.isEmpty || input.plan == nil || isTooWide
            || input.registry.isHalted(playbook: input.plan?.playbook.id)
        let level = asksPeople ? max(matrixLevel, .onePerson) : standing == nil ? matrixLevel : .auto
        return GateResult(
            decision: isShadow ? .shadow : level == .auto ? .auto : .escalate,
            requiredApprovals: level.requiredApprovals,
            level: level,
            policyVersion: policy.version,
            evaluatedAt: input.now,
            eventID: nil,
            fellShort: fellShort,
            signals: signals,
            standingApprovalID: level == .auto && !isShadow ? standing?.id : nil
        )
    }

    /// The strictest level that the matrix asks of any step of the plan.
    package static func level(of plan: Plan?, record: CaseRecord, policy: Policy) -> AutonomyLevel {
        guard let plan else { return .onePerson }
        return plan.steps.map { policy.level(for: $0.actionClass, in: record.environment(of: $0.targets)) }.max()
            ?? .auto
    }

    /// A standing approval whose scope holds this plan; never for an asset that is production *and* critical.
    private static func standingApproval(_ input: Input) -> StandingApproval? {
        guard let plan = input.plan, !input.record.touchesProductionCritical(plan.targets) else { return nil }
        return input.registry.standingApprovals.values
            .sorted { $0.id.uuidString < $1.id.uuidString }
            .first { standing in
                standing.covers(
                    plan, pattern: input.record.pattern, at: input.now, isLive: input.playbookMode == .live,
                    labels: { input.registry.assets[$0.key]?.labels ?? [] },
                    recentRuns: input.registry.recentUses(of: standing.id, at: input.now))
            }
    }

    private static func patternConfidence(_ input: Input, _ policy: Policy) -> GateResult.Signal {
        let threshold = policy.gate.patternConfidence
        let score = input.record.pattern == nil ? nil : input.record.confidenceScore
        let value = score.map { Double($0) / 100 }
        let passed = value.map { $0 >= threshold } ?? false
        let explanation: String
        if input.record.pattern == nil {
            explanation = "The alert names no known threat pattern, so there is nothing to be confident about."
        } else if let score {
            explanation = "The source gives the pattern a confidence of \(score) of 100."
        } else {
            explanation = "The source gave no confidence."
        }
        return GateResult.Signal(
            name: .patternConfidence, passed: passed, value: value, operator: ">=", threshold: threshold,
            eventIDs: input.record.openingEventIDs, explanation: explanation,
            wouldChange: passed
                ? "A confidence below \(threshold)." : "A known pattern with a confidence of at least \(threshold).",
            conflicts: nil, n: nil, correct: nil, nImported: nil, interval: nil)
    }

    private static func environment(_ input: Input) -> GateResult.Signal {
        let conflicts = input.record.conflicts
        let names = conflicts.map { "\($0.kind.rawValue) \($0.name ?? "(erased)")" }.joined(separator: ", ")
        return GateResult.Signal(
            name: .environment, passed: conflicts.isEmpty, value: Double(conflicts.count), operator: "==", threshold: 0,
            eventIDs: conflicts.compactMap(\.eventID),
            explanation: conflicts.isEmpty
                ? "Nothing known about the affected entities explains the activity or forbids acting."
                : "The environment speaks against acting: \(names).",
            wouldChange: conflicts.isEmpty
                ? "A scheduled job, maintenance window, change ticket or protection that touches an affected entity."
                : "The end of what conflicts, or a person's decision.",
            conflicts: conflicts, n: nil, correct: nil, nImported: nil, interval: nil)
    }

    private static func playbookAccuracy(_ input: Input, _ policy: Policy) -> GateResult.Signal {
        let history = input.plan.map { input.registry.history(of: $0.playbook.id) } ?? PlaybookHistory()
        let counts = history.counts(includingImported: policy.gate.countImportedHistory)
        let interval = WilsonInterval(successes: counts.correct, of: counts.n, level: policy.gate.intervalLevel)
        let passed = interval.map { $0.lower > policy.gate.playbookAccuracy } ?? false
        return GateResult.Signal(
            name: .playbookAccuracy, passed: passed, value: interval?.lower, operator: ">",
            threshold: policy.gate.playbookAccuracy, eventIDs: history.eventIDs,
            explanation: interval == nil
                ? "No decision of this playbook has been judged yet."
                : "\(counts.correct) of \(counts.n) judged decisions were right; \(history.imported) of them imported.",
            wouldChange: passed
                ? "Wrong decisions that bring the lower bound to \(policy.gate.playbookAccuracy) or below."
                : "More right decisions, until the lower bound is above \(policy.gate.playbookAccuracy).",
            conflicts: nil, n: counts.n, correct: counts.correct, nImported: history.imported, interval: interval)
    }
}
