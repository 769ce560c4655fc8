package import JSON

package import struct Foundation.UUID

/// One event of a run: its type (contract §3) with the payload of that type.
package enum RunEvent: Sendable, Hashable {
    case started(RunStarted)
    case paused(RunControl)
    case resumed(RunControl)
    case cancelled(RunControl)
    case completed(RunEnded)
    case failed(RunFailed)
    case stepPrepared(StepPrepared)
    case stepExecuted(StepExecuted)
    case stepVerified(StepVerified)
    case stepFailed(StepFailed)
    case stepRetried(StepRetried)
    case stepOutcomeUnknown(StepOutcomeUnknown)
    case stepSkipped(StepSkipped)
    case rollbackRequested(RollbackRequested)
    case stepRolledBack(StepRolledBack)
    case stepRollbackRefused(StepRollbackRefused)
    case rollbackCompleted(RollbackEnded)
    case rollbackIncomplete(RollbackEnded)

    /// The event's name, stable for ever.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case started = "run.started"
        case paused = "run.paused"
        case resumed = "run.resumed"
        case cancelled = "run.cancelled"
        case completed = "run.completed"
        case failed = "run.failed"
        case stepPrepared = "step.prepared"
        case stepExecuted = "step.executed"
        case stepVerified = "step.verified"
        case stepFailed = "step.failed"
        case stepRetried = "step.retried"
        case stepOutcomeUnknown = "step.outcome_unknown"
        case stepSkipped = "step.skipped"
        case rollbackRequested = "rollback.requested"
        case stepRolledBack = "step.rolled_back"
        case stepRollbackRefused = "step.rollback_refused"
        case rollbackCompleted = "rollback.completed"
        case rollbackIncomplete = "rollback.incomplete"
    }
}

extension RunEvent {
    /// - Returns: `nil` for an event of another subject.
    /// - Throws: `JSONError` when the data does not have the shape of the type.
    package init?(type: String, data: JSONValue) throws {
        guard let kind = Kind(rawValue: type) else { return nil }
        self =
            switch kind {
            case .started: .started(try data.decode())
            case .paused: .paused(try data.decode())
            case .resumed: .resumed(try data.decode())
            case .cancelled: .cancelled(try data.decode())
            case .completed: .completed(try data.decode())
            case .failed: .failed(try data.decode())
            case .stepPrepared: .stepPrepared(try data.decode())
            case .stepExecuted: .stepExecuted(try data.decode())
            case .stepVerified: .stepVerified(try data.decode())
            case .stepFailed: .stepFailed(try data.decode())
            case .stepRetried: .stepRetried(try data.decode())
            case .stepOutcomeUnknown: .stepOutcomeUnknown(try data.decode())
            case .stepSkipped: .stepSkipped(try data.decode())
            case .rollbackRequested: .rollbackRequested(try data.decode())
            case .stepRolledBack: .stepRolledBack(try data.decode())
            case .stepRollbackRefused: .stepRollbackRefused(try data.decode())
            case .rollbackCompleted: .rollbackCompleted(try data.decode())
            case .rollbackIncomplete: .rollbackIncomplete(try data.decode())
            }
    }

    package var kind: Kind {
        switch self {
        case .started: .started
        case .paused: .paused
        case .resumed: .resumed
        case .cancelled: .cancelled
        case .completed: .completed
        case .failed: .failed
        case .stepPrepared: .stepPrepared
        case .stepExecuted: .stepExecuted
        case .stepVerified: .stepVerified
        case .stepFailed: .stepFailed
        case .stepRetried: .stepRetried
        case .stepOutcomeUnknown: .stepOutcomeUnknown
        case .stepSkipped: .stepSkipped
        case .rollbackRequested: .rollbackRequested
        case .stepRolledBack: .stepRolledBack
        case .stepRollbackRefused: .stepRollbackRefused
        case .rollbackCompleted: .rollbackCompleted
        case .rollbackIncomplete: .rollbackIncomplete
        }
    }

    package var payload: any RunPayload {
        switch self {
        case .started(let payload): payload
        case .paused(let payload), .resumed(let payload), .cancelled(let payload): payload
        case .completed(let payload): payload
        case .failed(let payload): payload
        case .stepPrepared(let payload): payload
        case .stepExecuted(let payload): payload
        case .stepVerified(let payload): payload
        case .stepFailed(let payload): payload
        case .stepRetried(let payload): payload
        case .stepOutcomeUnknown(let payload): payload
        case .stepSkipped(let payload): payload
        case .rollbackRequested(let payload): payload
        case .stepRolledBack(let payload): payload
        case .stepRollbackRefused(let payload): payload
        case .rollbackCompleted(let payload), .rollbackIncomplete(let payload): payload
        }
    }

    package var type: String { kind.rawValue }
    package var runID: UUID { payload.runID }
    /// The step that the event is about; `nil` when it is about the whole run.
    package var stepID: String? { (payload as? any StepPayload)?.stepID }

    /// The payload as the log keeps it.
    package var data: JSONValue {
        get throws { try JSONValue(encoding: payload) }
    }
}

/// The `data` of an event of a run: it always names the run.
package protocol RunPayload: Codable, Sendable, Hashable {
    var runID: UUID { get }
}

/// The `data` of an event about one step.
package protocol StepPayload: RunPayload {
    var stepID: String { get }
}
