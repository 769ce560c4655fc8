/// The life of a case: the whole table, in one place (contract §2).
///
/// An event that is not listed for a state leaves the state alone. Which commands are legal is the second table.
package enum TransitionTable {
    struct Row {
        var from: Set<CaseState>
        var event: EventType
        var to: CaseState
    }

    static let rows: [Row] = [
        Row(from: beforeExecuting.union([.executed, .rolledBack, .recovered]), event: .caseEnriched, to: .enriched),
        Row(from: [.enriched], event: .caseCorrelated, to: .correlated),
        Row(from: [.correlated], event: .caseRecommended, to: .recommended),
        Row(from: [.recommended], event: .gateAutoApproved, to: .approved),
        Row(from: [.recommended], event: .caseEscalated, to: .escalated),
        Row(from: [.escalated], event: .approvalQuorumReached, to: .approved),
        Row(from: [.escalated, .approved], event: .approvalInvalidated, to: .escalated),
        Row(from: [.escalated], event: .approvalDenied, to: .escalated),
        Row(from: [.escalated], event: .approvalExpired, to: .escalated),
        Row(from: [.approved], event: .runStarted, to: .executing),
        Row(from: [.executing], event: .runCompleted, to: .executed),
        Row(from: [.executing], event: .runFailed, to: .escalated),
        Row(from: [.executing], event: .runCancelled, to: .escalated),
        Row(from: [.executing], event: .stepOutcomeUnknown, to: .escalated),
        Row(
            from: [.executing, .executed, .escalated, .rolledBack, .recovered, .closed, .learned],
            event: .rollbackRequested,
            to: .rollingBack),
        Row(from: [.rollingBack], event: .rollbackCompleted, to: .rolledBack),
        Row(from: [.rollingBack], event: .rollbackIncomplete, to: .escalated),
        Row(from: [.executed, .rolledBack, .escalated], event: .caseRecovered, to: .recovered),
        Row(from: closable.union([.normalized, .enriched, .correlated]), event: .caseClosed, to: .closed),
        Row(from: [.closed], event: .caseLearned, to: .learned),
        Row(from: [.closed, .learned], event: .caseReopened, to: .escalated),
    ]

    static let beforeExecuting = Set(CaseState.allCases.filter(\.isBeforeExecuting))
    static let beforeClosed = Set(CaseState.allCases.filter { !$0.isClosed })
    /// From `recommended` on, but while nothing is being done or undone.
    static let closable: Set<CaseState> = [.recommended, .escalated, .approved, .executed, .rolledBack, .recovered]

    private static let index: [CaseState: [EventType: CaseState]] = {
        var index: [CaseState: [EventType: CaseState]] = [:]
        for row in rows {
            for state in row.from { index[state, default: [:]][row.event] = row.to }
        }
        return index
    }()

    /// The state after an event; `nil` when the event does not move this state.
    package static func next(_ state: CaseState, on event: EventType) -> CaseState? {
        index[state]?[event]
    }

    /// In which states each command is legal.
    package static let commands: [CaseCommandName: Set<CaseState>] = [
        .assign: beforeClosed,
        .hold: beforeClosed,
        .resume: beforeClosed,
        .changeSeverity: beforeClosed,
        .split: beforeClosed,
        .addEvidence: beforeClosed,
        .comment: Set(CaseState.allCases),
        .merge: beforeClosed.subtracting([.executing, .rollingBack]),
        .close: closable,
        .escalate: [.recommended],
        .requestApproval: [.escalated],
        .recover: [.executed, .rolledBack, .escalated],
        .reopen: [.closed, .learned],
        // Of a run that was undone in part, the rest can be undone as well.
        .rollback: [.executing, .executed, .escalated, .rolledBack, .recovered, .closed, .learned],
    ]

    package static func allows(_ command: CaseCommandName, in state: CaseState) -> Bool {
        commands[command]?.contains(state) ?? false
    }

    /// The commands that a case in this state accepts, sorted: what a refusal names.
    package static func allowed(in state: CaseState) -> [String] {
        CaseCommandName.allCases.filter { allows($0, in: state) }.map(\.rawValue).sorted()
    }
}

/// A command on a case, by the name that the API and its refusals use.
package enum CaseCommandName: String, Sendable, Hashable, CaseIterable {
    case assign, close, reopen, hold, resume, escalate, recover, merge, split, comment, rollback
    case changeSeverity = "severity"
    case addEvidence = "evidence"
    case requestApproval = "approvals"
}
