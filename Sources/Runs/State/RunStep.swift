package import Events
package import JSON

package import struct Foundation.UUID

/// One step's part of a run (contract §7).
package struct RunStep: Codable, Sendable, Hashable {
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
    package var error: RunFailure?
    package var preparedAt: Instant?
    package var executedAt: Instant?
    package var verifiedAt: Instant?
    package var rolledBackAt: Instant?
    package var expiresAt: Instant?
    package var eventIDs: [UUID]

    /// The plan says how it is undone.
    package var isReversible: Bool
    package var isManual: Bool
    /// What the object looked like when Docket last saw it; `null` before the capture.
    package var lastSeen: JSONValue
    /// The act had its effect, and it was not undone.
    package var isApplied: Bool
    /// Since when nobody can tell whether the act had its effect.
    package var unknownSince: Instant?
    /// How often an undo was refused: each new request acts under a new key.
    package var refusals: Int

    package init(_ step: Plan.Step) {
        stepID = step.stepID
        name = step.name
        actionClass = step.actionClass
        state = .pending
        attempts = 0
        targets = step.targets
        parameters = step.parameters
        preState = [:]
        output = [:]
        observed = [:]
        eventIDs = []
        isReversible = step.reversible
        isManual = step.isManual
        lastSeen = .null
        isApplied = false
        refusals = 0
    }

    /// The step's effect is in the world, or may be: an act that is under way, or of unknown outcome, counts.
    package var mayStand: Bool { isApplied || state == .prepared || state == .outcomeUnknown }

    /// Somebody would have to put something back if this step's effect stands. A step that only reads or adds records
    /// takes nothing from anyone; what a person did by hand is not known here.
    package var needsRestoring: Bool { isReversible || isManual || !actionClass.isSideEffectFree }
}

extension RunStep {
    /// A step that the run does not have: nothing of it ever happened.
    static func absent(_ stepID: String) -> RunStep {
        RunStep(
            Plan.Step(
                stepID: stepID, playbookStepID: stepID, name: "", actionClass: .enrich, connector: "", operation: "",
                targets: [], targetFrom: nil, parameters: .null, inputs: [:], reversible: false, capture: nil,
                verify: [], rollback: nil, timeoutMs: 0, dependsOn: []))
    }
}
