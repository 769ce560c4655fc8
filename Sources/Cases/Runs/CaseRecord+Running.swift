import Events
package import Runs

package import struct Foundation.UUID

extension CaseRecord {
    /// Starts the run that an approval or a standing approval allows.
    ///
    /// - Parameter currentPlan: the plan as it would be built now, `nil` when none can be. When it differs from the
    ///   approved one, the approval is void and nothing starts.
    package func start(run id: UUID, currentPlan: Plan?, mode: RunMode) -> [Decision] {
        guard state == .approved, activeRun == nil else { return [] }
        let granted = approval.flatMap { $0.state == .granted && $0.runID == nil ? $0 : nil }
        guard let plan = granted?.plan ?? plan else { return [] }
        guard currentPlan?.digest == plan.digest else { return invalidatingApproval(cause: "plan_changed") }
        return [
            Decision(
                RunStarted(
                    runID: id, approvalID: granted?.id, planDigest: plan.digest, plan: plan, mode: mode,
                    trigger: granted == nil ? .auto : .approved))
        ]
    }

    /// Undoing must never be slower than doing: one responder, no quorum.
    ///
    /// - Parameter stepIDs: the steps to undo; `nil` for all, and it stays "all" in the log: the machine resolves it at
    ///   each step, so an act that is under way now is undone when it turns out to have had its effect.
    package func requestRollback(
        run id: UUID, stepIDs: [String]?, reason: String, reasonCode: RollbackReason, onBehalfOf: String?
    ) throws(Rejection) -> [Decision] {
        guard let run = run(id) else { throw .notFound }
        guard run.state != .rollingBack, activeRun == nil || activeRun?.id == id else { throw illegal(.rollback) }
        guard !run.standing.isEmpty else {
            if run.steps.contains(where: { $0.state == .rolledBack }) { throw .alreadyRolledBack }
            throw illegal(.rollback)
        }
        try requireLegal(.rollback)
        let undoable = run.undoable.map(\.stepID)
        if let unknown = stepIDs?.first(where: { !undoable.contains($0) }) {
            throw .validation([
                FieldError("/step_ids", .enum, "\(unknown) has nothing that can be undone", allowed: undoable)
            ])
        }
        return [
            Decision(
                RollbackRequested(
                    runID: id, stepIDs: stepIDs ?? [], reason: reason, reasonCode: reasonCode, onBehalfOf: onBehalfOf))
        ]
    }

    package enum RunCommand: String, Sendable, CaseIterable { case pause, resume, cancel }

    package func decide(_ command: RunCommand, run id: UUID, reason: String) throws(Rejection) -> [Decision] {
        guard let run = run(id) else { throw .notFound }
        let legal: Set<RunState> =
            switch command {
            case .pause: [.running]
            case .resume: [.paused]
            case .cancel: [.running, .paused]
            }
        guard legal.contains(run.state) else {
            let allowed = RunCommand.allCases.filter { other in
                switch other {
                case .pause: run.state == .running
                case .resume: run.state == .paused
                case .cancel: [.running, .paused].contains(run.state)
                }
            }
            throw .illegalTransition(state: state, command: command.rawValue, allowed: allowed.map(\.rawValue))
        }
        let type: EventType =
            switch command {
            case .pause: .runPaused
            case .resume: .runResumed
            case .cancel: .runCancelled
            }
        return [Decision(type: type, RunControl(runID: id, reason: reason))]
    }

    package static func recovered(reason: String) -> Decision {
        Decision(type: .caseRecovered, ReasonGiven(reason: reason))
    }
}
