package import Events
import Runs

/// A moment at which something about the case becomes due.
package struct DueTime: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case slaAtRisk = "sla_at_risk"
        case slaBreach = "sla_breach"
        case approvalExpiry = "approval_expiry"
        case evidenceExpiry = "evidence_expiry"
    }

    package var kind: Kind
    /// Which clock, approval or evidence: together with the kind, unique within the case.
    package var key: String
    package var at: Instant

    package init(kind: Kind, key: String, at: Instant) {
        self.kind = kind
        self.key = key
        self.at = at
    }
}

extension CaseRecord {
    /// The clocks that the case got when it was opened, those that have not been started yet: whoever comes first starts
    /// them, and they run from the opening on whenever that is.
    package func clocksOfOpening(policy: Policy) -> [Decision] {
        guard let openedAt = anchors.openedAt, sla.isEmpty else { return [] }
        return startingClocks(policy: policy, at: openedAt)
    }

    /// The clocks that a new or reopened case gets.
    package func startingClocks(policy: Policy, at now: Instant) -> [Decision] {
        guard let targets = policy.slaTargets(for: severity) else { return [] }
        let running = Set(sla.filter { $0.status != .ended }.map(\.clock))
        return [
            (SLAClock.acknowledge, targets.acknowledgeMs), (SLAClock.contain, targets.containMs),
            (SLAClock.resolve, targets.resolveMs),
        ].filter { !running.contains($0.0) }.map { clock, target in
            Decision(
                type: .slaStarted,
                SLAClockEvent(
                    clock: clock, targetMs: target,
                    atRiskAt: now.deadline(afterMs: Int64(Double(target) * targets.atRiskFraction)),
                    dueAt: now.deadline(afterMs: target)))
        }
    }

    /// New deadlines after a change of severity: the time that has passed stays passed, pauses stay pauses.
    package func retargetedClocks(policy: Policy) -> [Decision] {
        guard let targets = policy.slaTargets(for: severity) else { return [] }
        return sla.filter { $0.status != .ended }.compactMap { clock in
            let target: Int64
            switch clock.clock {
            case SLAClock.acknowledge: target = targets.acknowledgeMs
            case SLAClock.contain: target = targets.containMs
            case SLAClock.resolve: target = targets.resolveMs
            default: return nil
            }
            guard target != clock.targetMs else { return nil }
            let start = clock.startedAt.adding(milliseconds: clock.pausedMs)
            return Decision(
                type: .slaRetargeted,
                SLAClockEvent(
                    clock: clock.clock, targetMs: target,
                    atRiskAt: start.deadline(afterMs: Int64(Double(target) * targets.atRiskFraction)),
                    dueAt: start.deadline(afterMs: target)))
        }
    }

    /// The clocks whose end has come: acknowledged, contained, recovered or closed.
    package func endingClocks() -> [Decision] {
        sla.filter { $0.status != .ended }.compactMap { clock -> Decision? in
            let ends: [Instant?] =
                switch clock.clock {
                case SLAClock.acknowledge: [anchors.lastAcknowledgedAt]
                case SLAClock.contain: [anchors.containedAt]
                case SLAClock.resolve: [anchors.lastRecoveredAt, anchors.closedAt]
                default: []
                }
            // What happened before a reopened case's second clock began does not end it.
            if ends.contains(where: { $0.map { $0 >= clock.startedAt } ?? false }) {
                return Decision(type: .slaMet, SLAClockEvent(clock: clock.clock))
            }
            // A case closed without containment never needed any.
            if state.isClosed {
                return Decision(type: .slaCancelled, SLAClockEvent(clock: clock.clock, reason: "closed"))
            }
            return nil
        }
    }

    func pausedClocks(reason: String) -> [Decision] {
        sla.filter { $0.status == .running }.map {
            Decision(type: .slaPaused, SLAClockEvent(clock: $0.clock, reason: reason))
        }
    }

    func resumedClocks() -> [Decision] {
        sla.filter { $0.status == .paused }.map { Decision(type: .slaResumed, SLAClockEvent(clock: $0.clock)) }
    }

    /// Everything that time alone will bring about, soonest first.
    package var dueTimes: [DueTime] {
        var due: [DueTime] = []
        for clock in sla where clock.status == .running {
            let key = "\(clock.clock):\(clock.startedAt.microseconds):\(clock.dueAt.microseconds)"
            if clock.breachedAt == nil {
                if !clock.atRisk { due.append(DueTime(kind: .slaAtRisk, key: key, at: clock.atRiskAt)) }
                due.append(DueTime(kind: .slaBreach, key: key, at: clock.dueAt))
            }
        }
        if let approval, approval.state == .pending {
            due.append(DueTime(kind: .approvalExpiry, key: approval.id.lowercased, at: approval.expiresAt))
        }
        if !state.isClosed {
            for item in evidence where !expiredEvidence.contains(item.digest) {
                if let staleAfter = item.staleAfter {
                    due.append(DueTime(kind: .evidenceExpiry, key: item.digest.text, at: staleAfter))
                }
            }
        }
        return due.sorted { ($0.at, $0.kind.rawValue, $0.key) < ($1.at, $1.kind.rawValue, $1.key) }
    }

    /// What one due moment means. The event id is derived from kind and key, so it fires once however many timers run.
    package func fire(_ due: DueTime) -> [Decision] {
        switch due.kind {
        case .slaAtRisk, .slaBreach:
            let clock = String(due.key.prefix(while: { $0 != ":" }))
            return [Decision(type: due.kind == .slaBreach ? .slaBreached : .slaAtRisk, SLAClockEvent(clock: clock))]
        case .approvalExpiry: return approval.map { [expiry(of: $0)] } ?? []
        case .evidenceExpiry:
            guard let item = evidence.first(where: { $0.digest.text == due.key }) else { return [] }
            let isBound = approval?.plan?.evidence.contains { $0.digest == item.digest } ?? false
            return [Decision(EvidenceExpired(kind: item.kind, digest: item.digest))]
                + (isBound ? invalidatingApproval(cause: "evidence_stale") : [])
        }
    }
}
