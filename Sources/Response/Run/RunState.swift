import Foundation
package import JSON

/// What the events of one run add up to. A pure fold; knows nothing of what was tried since.
package struct RunState: Sendable, Hashable {
    package enum Status: String, Sendable {
        case running, paused, completed, failed, cancelled
        case rollingBack = "rolling_back"
        case rolledBack = "rolled_back"
        case rollbackIncomplete = "rollback_incomplete"

        /// Nothing more happens by itself.
        package var isFinal: Bool {
            switch self {
            case .running, .paused, .rollingBack: false
            default: true
            }
        }
    }

    package private(set) var status: Status?
    package private(set) var mode: RunMode = .live
    package private(set) var steps: [String: RunStep] = [:]
    /// Steps in the order in which they were prepared.
    package private(set) var prepared: [String] = []
    package private(set) var rollback: RunRollback?

    package init(folding events: [RunEvent] = []) {
        for event in events { apply(event) }
    }

    package func step(_ id: String) -> RunStep { steps[id] ?? RunStep() }

    /// Applied, able to be restored, and not restored.
    package func unrestored(of plan: Plan) -> [String] {
        plan.steps.filter { $0.reversible && step($0.stepId).mayBeApplied }.map(\.stepId)
    }
}

/// One step's part of a run (contract §7).
package struct RunStep: Sendable, Hashable {
    package enum Status: String, Sendable {
        case pending, prepared, executed, verified, failed, skipped
        case outcomeUnknown = "outcome_unknown"
        case rolledBack = "rolled_back"
        case rollbackRefused = "rollback_refused"
    }

    package var status: Status = .pending
    package var attempts = 0
    package var parameters: JSONValue = .null
    package var preState: JSONValue = .null
    package var output: JSONValue = .null
    package var observed: JSONValue = .null
    /// What the world looked like when Docket last saw it here.
    package var lastSeen: JSONValue = .null
    package var error: JSONValue = .null
    /// The act had its effect.
    package var isApplied = false
    /// How often an undo was refused: each new request acts under a new key.
    package var refusals = 0

    var mayBeApplied: Bool { isApplied || status == .outcomeUnknown || status == .prepared }
}

package struct RunRollback: Sendable, Hashable {
    /// Empty: all.
    package var requested: [String]
    package var refused: Set<String> = []
    package var unrestored: [String] = []
}

extension RunState {
    package mutating func apply(_ event: RunEvent) {
        let id = event.stepID ?? ""
        let data = event.data
        switch event.kind {
        case .runStarted:
            status = .running
            mode = data["mode"]?.stringValue.flatMap(RunMode.init(rawValue:)) ?? .live
        case .runPaused: status = .paused
        case .runResumed: status = .running
        case .runCancelled: status = .cancelled
        case .runCompleted: status = .completed
        case .runFailed: status = .failed
        case .stepPrepared:
            prepared.append(id)
            change(id) { step in
                step.status = .prepared
                step.attempts = 1
                step.preState = data["pre_state"] ?? .null
                step.parameters = data["parameters"] ?? .object([:])
                step.lastSeen = step.preState
            }
        case .stepRetried: change(id) { $0.attempts += 1 }
        case .stepExecuted:
            change(id) { step in
                step.status = .executed
                step.isApplied = true
                step.output = data["output"] ?? .null
                step.lastSeen = data["after"] ?? .null
            }
        case .stepVerified:
            change(id) { step in
                step.status = .verified
                step.observed = data["observed"] ?? .null
                step.lastSeen = step.observed
            }
        case .stepFailed:
            change(id) { step in
                step.status = .failed
                step.error = data["error"] ?? .null
                step.isApplied = data["applied"] == true
                guard let observed = data["observed"], !observed.isNull else { return }
                step.observed = observed
                step.lastSeen = observed
            }
        case .stepOutcomeUnknown:
            change(id) { step in
                step.error = data["error"] ?? .null
                if data["during"] != "rollback" { step.status = .outcomeUnknown }
            }
        case .stepSkipped: change(id) { $0.status = .skipped }
        case .rollbackRequested:
            status = .rollingBack
            rollback = RunRollback(requested: (data["step_ids"]?.arrayValue ?? []).compactMap(\.stringValue))
        case .stepRolledBack:
            change(id) { step in
                step.status = .rolledBack
                step.isApplied = false
                step.lastSeen = step.preState
            }
        case .stepRollbackRefused:
            rollback?.refused.insert(id)
            change(id) { step in
                step.status = .rollbackRefused
                step.refusals += 1
            }
        case .rollbackCompleted: status = .rolledBack
        case .rollbackIncomplete:
            status = .rollbackIncomplete
            rollback?.unrestored = (data["unrestored_step_ids"]?.arrayValue ?? []).compactMap(\.stringValue)
        }
    }

    private mutating func change(_ id: String, _ change: (inout RunStep) -> Void) {
        change(&steps[id, default: RunStep()])
    }
}
