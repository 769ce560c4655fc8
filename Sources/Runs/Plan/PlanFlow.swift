/// The workflow of a plan without its words: where to go after each node.
package struct PlanFlow: Codable, Sendable, Hashable {
    package var start: String
    package var exception: String?
    package var nodes: [String: Node]

    package init(start: String, exception: String?, nodes: [String: Node]) {
        self.start = start
        self.exception = exception
        self.nodes = nodes
    }

    package struct Node: Codable, Sendable, Hashable {
        package enum Kind: String, Codable, Sendable {
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

        package init(
            type: Kind, next: String? = nil, onFailure: String? = nil, steps: [String] = [], condition: String? = nil,
            branches: [String] = [], cases: [String: String] = [:]
        ) {
            self.type = type
            self.next = next
            self.onFailure = onFailure
            self.steps = steps
            self.condition = condition
            self.branches = branches
            self.cases = cases
        }
    }
}
