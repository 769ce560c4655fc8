package import Events
package import JSON

package import struct Foundation.UUID

/// One execution of an approved plan.
package struct Run: Codable, Sendable, Hashable {
    package struct Rollback: Codable, Sendable, Hashable {
        package var requestedAt: Instant
        package var requestedBy: Actor
        package var reason: String?
        package var reasonCode: RollbackReason
        package var onBehalfOf: String?
        package var stepIDs: [String]
        package var unrestoredStepIDs: [String]
        package var completedAt: Instant?
    }

    package var id: UUID
    package var version: Int64
    package var caseID: UUID
    package var approvalID: UUID?
    package var plan: Plan?
    package var planDigest: Digest
    package var mode: RunMode
    package var trigger: RunTrigger
    package var state: RunState
    package var startedAt: Instant
    package var startedEventID: UUID
    package var endedAt: Instant?
    package var endedEventID: UUID?
    /// When its last step was verified, whatever became of it later.
    package var completedAt: Instant?
    package var rollback: Rollback?
    package var steps: [RunStep]
    package var reason: String?

    package func step(_ id: String) -> RunStep? { steps.first { $0.stepID == id } }

    /// Steps that changed the world and are not undone.
    package var standingSteps: [RunStep] {
        steps.filter {
            [.executed, .verified, .rollbackRefused, .outcomeUnknown].contains($0.state)
                || ($0.state == .failed && $0.executedAt != nil)
        }
    }
}

package struct RunStep: Codable, Sendable, Hashable {
    package struct Failure: Codable, Sendable, Hashable {
        package var code: String
        package var message: String?
    }

    package var stepID: String
    package var name: String
    package var actionClass: ActionClass
    package var state: StepState
    package var attempts: Int
    package var idempotencyKey: UUID?
    package var targets: [Entity]
    package var parameters: JSONValue
    package var preState: JSONValue
    package var output: JSONValue
    package var observed: JSONValue
    package var error: Failure?
    package var preparedAt: Instant?
    package var executedAt: Instant?
    package var verifiedAt: Instant?
    package var rolledBackAt: Instant?
    package var expiresAt: Instant?
    package var eventIDs: [UUID]
}

extension CaseRecord {
    mutating func applyRun(_ kind: EventType, _ event: Event) throws {
        if kind == .runStarted { return try started(event) }
        guard let text = event.data["run_id"]?.stringValue, let runID = UUID(uuidString: text),
            let index = runs.firstIndex(where: { $0.id == runID })
        else { return }
        runs[index].version = event.version
        switch kind {
        case .runPaused: runs[index].state = .paused
        case .runResumed: runs[index].state = runs[index].rollback == nil ? .running : .rollingBack
        case .runCancelled, .runFailed, .runCompleted:
            runs[index].state = kind == .runCompleted ? .completed : kind == .runFailed ? .failed : .cancelled
            runs[index].reason = event.data["reason"]?.stringValue
            if kind == .runCompleted { runs[index].completedAt = event.recordedAt }
            end(index, event)
        case .rollbackRequested:
            let payload: RollbackRequested = try event.payload()
            runs[index].state = .rollingBack
            runs[index].rollback = Run.Rollback(
                requestedAt: event.recordedAt, requestedBy: event.actor, reason: payload.reason,
                reasonCode: payload.reasonCode, onBehalfOf: payload.onBehalfOf, stepIDs: payload.stepIDs,
                unrestoredStepIDs: [], completedAt: nil)
            if runs[index].endedAt == nil { end(index, event) }
        case .rollbackCompleted:
            runs[index].state = .rolledBack
            runs[index].rollback?.completedAt = event.recordedAt
        case .rollbackIncomplete:
            runs[index].state = .rollbackIncomplete
            runs[index].rollback?.unrestoredStepIDs = try event.payload(RollbackIncomplete.self).unrestoredStepIDs
        default: try applyStep(kind, event, run: index)
        }
    }

    private mutating func started(_ event: Event) throws {
        let payload: RunStarted = try event.payload()
        let names = Dictionary(
            (recommendation?.actions ?? []).map { ($0.stepID, $0.name) }, uniquingKeysWith: { first, _ in first })
        let steps = (payload.plan?.steps ?? []).map { step in
            RunStep(
                stepID: step.stepID, name: names[step.stepID] ?? step.operation, actionClass: step.actionClass,
                state: .pending, attempts: 0, idempotencyKey: nil, targets: step.targets, parameters: step.parameters,
                preState: [:], output: [:], observed: [:], error: nil, preparedAt: nil, executedAt: nil,
                verifiedAt: nil, rolledBackAt: nil, expiresAt: nil, eventIDs: [])
        }
        runs.append(
            Run(
                id: payload.runID, version: event.version, caseID: id, approvalID: payload.approvalID,
                plan: payload.plan, planDigest: payload.planDigest, mode: payload.mode, trigger: payload.trigger,
                state: .running, startedAt: event.recordedAt, startedEventID: event.eventID, endedAt: nil,
                endedEventID: nil, completedAt: nil, rollback: nil, steps: steps, reason: nil))
        if let index = approvals.firstIndex(where: { $0.id == payload.approvalID }) {
            approvals[index].runID = payload.runID
            approvals[index].version = event.version
        }
    }

    private mutating func end(_ index: Int, _ event: Event) {
        runs[index].endedAt = event.recordedAt
        runs[index].endedEventID = event.eventID
    }

    private mutating func applyStep(_ kind: EventType, _ event: Event, run: Int) throws {
        guard let stepID = event.data["step_id"]?.stringValue,
            let index = runs[run].steps.firstIndex(where: { $0.stepID == stepID })
        else { return }
        var step = runs[run].steps[index]
        step.eventIDs.append(event.eventID)
        switch kind {
        case .stepPrepared:
            step.state = .prepared
            step.attempts = 1
            step.idempotencyKey = event.data["idempotency_key"]?.stringValue.flatMap(UUID.init(uuidString:))
            step.preState = event.data["pre_state"] ?? .null
            step.parameters = event.data["parameters"] ?? step.parameters
            step.preparedAt = event.recordedAt
        case .stepExecuted:
            step.state = .executed
            step.output = event.data["output"] ?? .null
            step.executedAt = event.recordedAt
            step.error = nil
        case .stepVerified:
            step.state = .verified
            step.observed = event.data["observed"] ?? .null
            step.verifiedAt = event.recordedAt
            anchors.lastVerifiedAt = event.recordedAt
            anchors.eventIDs["last_verified"] = event.eventID
            if step.actionClass.isContainment, runs[run].mode == .live {
                anchor(\.containedAt, "contained", event, first: false)
            }
        case .stepFailed:
            step.state = .failed
            step.error = Self.failure(event)
            if let observed = event.data["observed"], !observed.isNull { step.observed = observed }
            if event.data["applied"] != true { step.executedAt = nil }
        case .stepOutcomeUnknown:
            step.error = Self.failure(event)
            // An undo of unknown outcome leaves the step as it was: done.
            if event.data["during"] != "rollback" { step.state = .outcomeUnknown }
        case .stepRetried: step.attempts += 1
        case .stepSkipped: step.state = .skipped
        case .stepRolledBack:
            step.state = .rolledBack
            step.rolledBackAt = event.recordedAt
        case .stepRollbackRefused: step.state = .rollbackRefused
        default: break
        }
        runs[run].steps[index] = step
    }

    private static func failure(_ event: Event) -> RunStep.Failure {
        RunStep.Failure(
            code: event.data["error"]?["code"]?.stringValue ?? "unknown",
            message: event.data["error"]?["message"]?.stringValue)
    }
}
