package import Events
package import Foundation
package import JSON

/// What exactly would be done, to what, by which playbook, on which evidence: the thing that people approve.
///
/// The plan holds everything its execution needs, so that the digest binds all of it: a changed verification or timeout
/// is a changed plan. Values that only the run can know stand as expressions (`inputs`, `$from` over `pre_state`).
/// Every plan step has exactly one target; an action with several becomes as many steps.
package struct Plan: Sendable, Hashable, Codable {
    package var caseId: UUID
    package var playbook: PlanPlaybook
    package var policyVersion: Int64
    package var steps: [PlanStep]
    /// Everything that any step may act on.
    package var targets: [TargetEntity]
    package var maxTargets: Int
    package var evidence: [PlanEvidenceItem]
    package var flow: PlanFlow
}

extension Plan {
    /// `plan_digest`: SHA-256 of the canonical JSON (contract §6).
    package var digest: Digest { .ofCanonical(json) }

    package var json: JSONValue {
        do {
            return try JSONValue(encoding: self)
        } catch {
            preconditionFailure("a plan always has a JSON form: \(error)")
        }
    }

    package init(json: JSONValue) throws {
        self = try json.decode()
    }

    package func step(_ id: String) -> PlanStep? { steps.first { $0.stepId == id } }
}

package struct PlanPlaybook: Sendable, Hashable, Codable {
    package var id: String
    package var version: Int64
    package var digest: Digest
}

package struct PlanEvidenceItem: Sendable, Hashable, Codable {
    package var kind: String
    package var eventId: UUID
    package var digest: Digest

    package init(kind: String, eventId: UUID, digest: Digest) {
        self.kind = kind
        self.eventId = eventId
        self.digest = digest
    }
}

package struct PlanStep: Sendable, Hashable, Codable {
    /// The playbook step's id; where the action has several targets, an id derived from it and the target.
    package var stepId: String
    package var playbookStepId: String
    package var name: String
    package var actionClass: ActionClass
    /// `manual`: a person does it and says so.
    package var connector: String
    package var operation: String
    package var targets: [TargetEntity]
    /// Expression over an earlier step's result that says which targets are acted on; `nil`: this one, whatever it says.
    package var targetFrom: String?
    package var parameters: JSONValue
    /// Parameter → expression over an earlier step's result.
    package var inputs: [String: String]
    package var reversible: Bool
    package var capture: PlanCapture?
    package var verify: [Expectation]
    package var rollback: PlanRollback?
    package var timeoutMs: Int64
    /// Plan steps that come directly before.
    package var dependsOn: [String]

    package static let manualConnector = "manual"
    package var isManual: Bool { connector == Self.manualConnector }
}

/// The workflow without its words: where to go after each node.
package struct PlanFlow: Sendable, Hashable, Codable {
    package var start: String
    package var exception: String?
    package var nodes: [String: Node]

    package struct Node: Sendable, Hashable, Codable {
        package enum Kind: String, Sendable, Codable {
            case start, end, action, parallel
            case ifCondition = "if-condition"
            case switchCondition = "switch-condition"
        }

        package var type: Kind
        package var next: String?
        package var onFailure: String?
        /// The plan steps of an action, one for each target.
        package var steps: [String]
        /// The condition, or the value that a switch looks at.
        package var condition: String?
        package var branches: [String]
        /// Case → step; of an if-condition `true` and `false`.
        package var cases: [String: String]
    }
}
