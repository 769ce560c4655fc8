package import Events
package import JSON

extension Plan {
    /// One act on one target; an action with several targets becomes as many steps.
    package struct Step: Codable, Sendable, Hashable {
        /// The playbook step's id; where the action has several targets, an id derived from it and the target.
        package var stepID: String
        package var playbookStepID: String
        package var name: String
        package var actionClass: ActionClass
        /// `manual`: a person does it and says so.
        package var connector: String
        package var operation: String
        package var targets: [Entity]
        /// Expression over an earlier step's result that says which targets are acted on; `nil`: this one in any case.
        package var targetFrom: String?
        package var parameters: JSONValue
        /// Parameter → expression over an earlier step's result.
        package var inputs: [String: String]
        package var reversible: Bool
        package var capture: Capture?
        package var verify: [Expectation]
        package var rollback: Rollback?
        package var timeoutMs: Int64
        /// Plan steps that come directly before.
        package var dependsOn: [String]

        package init(
            stepID: String, playbookStepID: String, name: String, actionClass: ActionClass, connector: String,
            operation: String, targets: [Entity], targetFrom: String?, parameters: JSONValue, inputs: [String: String],
            reversible: Bool, capture: Capture?, verify: [Expectation], rollback: Rollback?, timeoutMs: Int64,
            dependsOn: [String]
        ) {
            self.stepID = stepID
            self.playbookStepID = playbookStepID
            self.name = name
            self.actionClass = actionClass
            self.connector = connector
            self.operation = operation
            self.targets = targets
            self.targetFrom = targetFrom
            self.parameters = parameters
            self.inputs = inputs
            self.reversible = reversible
            self.capture = capture
            self.verify = verify
            self.rollback = rollback
            self.timeoutMs = timeoutMs
            self.dependsOn = dependsOn
        }

        package static let manualConnector = "manual"
        package var isManual: Bool { connector == Self.manualConnector }
    }

    /// The object is read before the act; these pointers must be in it.
    package struct Capture: Codable, Sendable, Hashable {
        package var required: [String]

        package init(required: [String]) { self.required = required }
    }

    package struct Rollback: Codable, Sendable, Hashable {
        package var operation: String
        /// Templates over `pre_state`, `parameters` and `output` of the step.
        package var parameters: JSONValue
        package var maxMs: Int64

        package init(operation: String, parameters: JSONValue, maxMs: Int64) {
            self.operation = operation
            self.parameters = parameters
            self.maxMs = maxMs
        }
    }
}
