package import Events
import JSON

package import struct Foundation.UUID

extension Run {
    /// Begins with `run.started`.
    package init(_ started: RunStarted, _ event: Event, caseID: UUID) {
        id = started.runID
        version = event.version
        self.caseID = caseID
        approvalID = started.approvalID
        plan = started.plan
        planDigest = started.planDigest
        mode = started.mode
        trigger = started.trigger
        state = .running
        startedAt = event.recordedAt
        startedEventID = event.eventID
        steps = started.plan?.steps.map(RunStep.init) ?? []
        eventCount = 1
    }

    /// Takes the run's next event; those of other runs and other subjects are left out.
    ///
    /// - Returns: the event when it was this run's.
    /// - Throws: `JSONError` when the event's data does not have the shape of its type.
    @discardableResult
    package mutating func apply(_ event: Event) throws -> RunEvent? {
        guard let run = try RunEvent(type: event.type, data: event.data), run.runID == id else { return nil }
        apply(run, event)
        return run
    }

    package mutating func apply(_ run: RunEvent, _ event: Event) {
        version = event.version
        eventCount += 1
        switch run {
        case .started: break
        case .paused: state = .paused
        case .resumed: state = .running
        case .cancelled(let control):
            state = .cancelled
            reason = control.reason
            end(event)
        case .completed:
            state = .completed
            completedAt = event.recordedAt
            end(event)
        case .failed(let failed):
            state = .failed
            reason = failed.reason
            end(event)
        case .rollbackRequested(let request):
            state = .rollingBack
            rollback = Rollback(
                requestedAt: event.recordedAt, requestedBy: event.actor, reason: request.reason,
                reasonCode: request.reasonCode, onBehalfOf: request.onBehalfOf, stepIDs: request.stepIDs,
                unrestoredStepIDs: [], steps: [])
            if endedAt == nil { end(event) }
        case .rollbackCompleted(let ended):
            state = .rolledBack
            rollback?.completedAt = event.recordedAt
            if let steps = ended.steps { rollback?.steps = steps }
        case .rollbackIncomplete(let ended):
            state = .rollbackIncomplete
            rollback?.unrestoredStepIDs = ended.unrestoredStepIDs ?? []
            if let steps = ended.steps { rollback?.steps = steps }
        default:
            guard let index = steps.firstIndex(where: { $0.stepID == run.stepID }) else { return }
            var step = steps[index]
            apply(run, to: &step, event)
            steps[index] = step
        }
    }

    private mutating func end(_ event: Event) {
        endedAt = event.recordedAt
        endedEventID = event.eventID
    }

    private mutating func apply(_ run: RunEvent, to step: inout RunStep, _ event: Event) {
        step.eventIDs.append(event.eventID)
        switch run {
        case .stepPrepared(let prepared):
            step.state = .prepared
            step.attempts = 1
            step.idempotencyKey = prepared.idempotencyKey
            step.preState = prepared.preState ?? .null
            step.parameters = prepared.parameters ?? step.parameters
            step.lastSeen = step.preState
            step.preparedAt = event.recordedAt
        case .stepRetried: step.attempts += 1
        case .stepExecuted(let executed):
            step.state = .executed
            step.isApplied = true
            step.unknownSince = nil
            step.output = executed.output ?? .null
            step.lastSeen = executed.after ?? .null
            step.executedAt = event.recordedAt
            step.error = nil
        case .stepVerified(let verified):
            step.state = .verified
            step.observed = verified.observed ?? .null
            step.lastSeen = step.observed
            step.verifiedAt = event.recordedAt
        case .stepFailed(let failed):
            step.state = .failed
            step.error = failed.error ?? RunFailure(code: "unknown", message: "")
            step.unknownSince = nil
            step.isApplied = failed.applied == true
            if !step.isApplied {
                step.executedAt = nil
                rollback?.set(.notApplied, of: step.stepID)
            }
            if let observed = failed.observed, !observed.isNull {
                step.observed = observed
                step.lastSeen = observed
            }
        case .stepOutcomeUnknown(let unknown):
            step.error = unknown.error ?? RunFailure(code: "unknown", message: "")
            // An undo of unknown outcome leaves the step as it was: done.
            guard unknown.during != .rollback else { return }
            step.state = .outcomeUnknown
            step.unknownSince = event.recordedAt
        case .stepSkipped:
            step.state = .skipped
            step.unknownSince = nil
        case .stepRolledBack:
            step.state = .rolledBack
            step.isApplied = false
            step.lastSeen = step.preState
            step.rolledBackAt = event.recordedAt
            rollback?.set(.restored, of: step.stepID)
        case .stepRollbackRefused:
            step.state = .rollbackRefused
            step.refusals += 1
            rollback?.set(.refused, of: step.stepID)
        default: break
        }
    }
}
