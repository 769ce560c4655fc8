package import Events

package import struct Foundation.UUID

/// What a person may tell a case to do. Legality is the table's business, the effect this file's.
package enum CaseCommand: Sendable, Hashable {
    case assign(Identity)
    case close(Verdict, reason: String)
    case reopen(reason: String)
    case hold(reason: String)
    case resume(reason: String)
    case escalate(reason: String)
    case recover(reason: String)
    case comment(text: String)
    case change(severity: Severity?, title: String?, tier: Int?, queue: String?)
    case addEvidence(EvidenceItem)
    case merge(into: UUID, reason: String)
    case split(alertIDs: [UUID], newCaseID: UUID, reason: String)

    package var name: CaseCommandName {
        switch self {
        case .assign: .assign
        case .close: .close
        case .reopen: .reopen
        case .hold: .hold
        case .resume: .resume
        case .escalate: .escalate
        case .recover: .recover
        case .comment: .comment
        case .change: .changeSeverity
        case .addEvidence: .addEvidence
        case .merge: .merge
        case .split: .split
        }
    }
}

extension CaseRecord {
    /// What follows from a command, or why it is refused. The permit is the proof that its holder may give it.
    package func decide(
        _ command: CaseCommand, by permit: Permit<HandleCases>
    ) throws(Rejection) -> [Decision] {
        try requireLegal(command.name)
        switch command {
        case .assign(let identity):
            return [Decision(CaseAssigned(assignee: identity, tier: nil, queue: nil))]
        case .close(let verdict, let reason):
            return invalidatingApproval(cause: "closed")
                + [
                    Decision(
                        CaseClosed(
                            verdict: verdict, verdictID: verdict.id, reason: reason,
                            kind: AutomaticClosing.kind(of: self)))
                ]
        case .reopen(let reason):
            return [Decision(type: .caseReopened, ReasonGiven(reason: reason))]
        case .hold(let reason):
            guard !onHold else { throw illegal(.hold) }
            return [Decision(type: .caseHeld, ReasonGiven(reason: reason))] + pausedClocks(reason: reason)
        case .resume(let reason):
            guard onHold else { throw illegal(.resume) }
            return [Decision(type: .caseResumed, ReasonGiven(reason: reason))] + resumedClocks()
        case .escalate(let reason):
            return [Decision(CaseEscalated(reasons: ["manual"], fellShort: [], narrative: reason))]
        case .recover(let reason):
            return [Decision(type: .caseRecovered, ReasonGiven(reason: reason))]
        case .comment(let text):
            return [Decision(CaseCommented(text: text))]
        case .change(let severity, let title, let tier, let queue):
            var decisions: [Decision] = []
            if let severity { decisions.append(Decision(CaseSeverityChanged(severityID: severity.id, reason: nil))) }
            if let title { decisions.append(Decision(CaseRetitled(title: title))) }
            if tier != nil || queue != nil {
                decisions.append(Decision(CaseAssigned(assignee: assignee?.identity, tier: tier, queue: queue)))
            }
            return decisions
        case .addEvidence(let item):
            let isDemanded = approval.map { !$0.demands[item.kind].isEmpty } ?? false
            return [Decision(EvidenceAdded(item: item))]
                + (isDemanded ? invalidatingApproval(cause: "evidence_changed") : [])
        case .merge(let target, let reason):
            guard target != id else {
                throw .validation([FieldError("/into", .enum, "a case cannot be merged into itself")])
            }
            return invalidatingApproval(cause: "merged") + [
                Decision(CaseMerged(into: target, alertIDs: alerts.map(\.alertID), reason: reason)),
                Decision(CaseClosed(verdict: .duplicate, verdictID: Verdict.duplicate.id, reason: reason)),
            ]
        case .split(let alertIDs, let newCaseID, let reason):
            let known = Set(alerts.map(\.alertID))
            guard !alertIDs.isEmpty, alertIDs.allSatisfy(known.contains), alertIDs.count < known.count else {
                throw .validation([
                    FieldError("/alert_ids", .enum, "name some, but not all, of the case's own alerts")
                ])
            }
            // The plan may act on what left with them.
            return invalidatingApproval(cause: "split") + [
                Decision(CaseSplit(newCaseID: newCaseID, alertIDs: alertIDs, reason: reason))
            ]
        }
    }

    package func requireLegal(_ command: CaseCommandName) throws(Rejection) {
        guard TransitionTable.allows(command, in: state) else { throw illegal(command) }
    }

    func illegal(_ command: CaseCommandName) -> Rejection {
        .illegalTransition(
            state: state, command: command.rawValue,
            allowed: TransitionTable.allowed(in: state).filter { $0 != command.rawValue })
    }

    /// An approval that is pending or granted and not yet used up no longer holds.
    package func invalidatingApproval(cause: String) -> [Decision] {
        guard let approval, [.pending, .granted].contains(approval.state), approval.runID == nil else { return [] }
        return [Decision(type: .approvalInvalidated, ApprovalEnded(approvalID: approval.id, cause: cause))]
    }
}
