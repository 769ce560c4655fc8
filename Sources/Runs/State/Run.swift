package import Events

package import struct Foundation.UUID

/// One execution of an approved plan, as its events tell it: the one fold that the case, the machine, the executor and
/// the pages all look at.
package struct Run: Codable, Sendable, Hashable {
    package var id: UUID
    /// The case stream's version of the run's last event.
    package var version: Int64
    package var caseID: UUID
    package var approvalID: UUID?
    /// `nil` once erased.
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
    /// The newest request to undo it.
    package var rollback: Rollback?
    /// In plan order.
    package var steps: [RunStep]
    package var reason: String?
    /// How many events the run has: part of the ids of those to come.
    package var eventCount: Int

    package struct Rollback: Codable, Sendable, Hashable {
        package var requestedAt: Instant
        package var requestedBy: Actor
        package var reason: String?
        package var reasonCode: RollbackReason
        package var onBehalfOf: String?
        /// Empty: all.
        package var stepIDs: [String]
        package var unrestoredStepIDs: [String]
        package var completedAt: Instant?
        /// What became of each step, so far as it is known.
        package var steps: [RollbackEnded.StepResult]

        /// Whether the request is about this step.
        package func asks(for stepID: String) -> Bool { stepIDs.isEmpty || stepIDs.contains(stepID) }

        package func outcome(of stepID: String) -> RollbackEnded.Outcome? {
            steps.first { $0.stepID == stepID }?.outcome
        }

        mutating func set(_ outcome: RollbackEnded.Outcome, of stepID: String) {
            steps.removeAll { $0.stepID == stepID }
            steps.append(.init(stepID: stepID, outcome: outcome))
        }
    }

    package func step(_ id: String) -> RunStep? { steps.first { $0.stepID == id } }
}

extension Run {
    /// Steps whose effect stands, or may stand, and would have to be put back.
    ///
    /// Whoever asks what there is to undo asks here: the case's decision, the machine and the pages.
    package var standing: [RunStep] { steps.filter { $0.mayStand && $0.needsRestoring } }

    /// The standing steps that can be undone by the plan.
    package var undoable: [RunStep] { standing.filter(\.isReversible) }

    /// Something of the run is under way, or its outcome is not known, although nothing new is started.
    package var isUnsettled: Bool {
        steps.contains { [.prepared, .executed, .outcomeUnknown].contains($0.state) }
    }

    /// The machine has something to do by itself. A paused run waits for a person; of one that has ended, only what is
    /// not known yet is found out.
    package var needsDriving: Bool {
        switch state {
        case .running, .rollingBack: true
        case .paused, .cancelled, .rollbackIncomplete: isUnsettled
        case .rolledBack, .completed, .failed: steps.contains { $0.state == .prepared || $0.state == .outcomeUnknown }
        }
    }
}
