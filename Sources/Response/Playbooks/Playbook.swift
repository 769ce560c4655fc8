package import Events
package import JSON

/// A CACAO 2.0 playbook whose workflow is a directed acyclic graph.
///
/// CACAO (OASIS, v2.0 CS01) has neither rollback nor approval, so what Docket needs beyond it travels in a registered
/// step extension (`DocketAction`), and the file stays valid CACAO. A file without the extension loads as *assisted*:
/// its actions are manual steps, done and confirmed by a person.
package struct Playbook: Sendable, Hashable {
    package var id: String
    package var name: String
    package var description: String?
    package var createdBy: String
    package var created: Instant
    package var modified: Instant
    package var revoked: Bool
    package var workflowStart: String
    package var workflowException: String?
    /// Name with its underscores → value, `null` where it is unknown.
    package var variables: [String: JSONValue]
    package var steps: [String: PlaybookStep]
    /// The action steps in topological order; of those that could come next, the smallest id does.
    package var actionOrder: [String]
    /// Action step → the action steps that come directly before it.
    package var dependencies: [String: [String]]
    /// No step says in Docket's extension what it does.
    package var isAssisted: Bool
    package var document: JSONValue
    /// SHA-256 of the document's canonical JSON.
    package var digest: Digest
}

package struct PlaybookStep: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case start, end, action, parallel
        case playbookAction = "playbook-action"
        case ifCondition = "if-condition"
        case switchCondition = "switch-condition"
        case whileCondition = "while-condition"
    }

    package enum Body: Sendable, Hashable {
        case start, end
        case action(PlaybookAction)
        case playbookAction(playbookID: String)
        case parallel([String])
        case ifCondition(condition: String, onTrue: String, onFalse: String?)
        case switchCondition(subject: String, cases: [String: String])
    }

    package var id: String
    package var name: String
    package var onCompletion: String?
    package var onSuccess: String?
    package var onFailure: String?
    package var timeoutMs: Int64?
    package var body: Body

    /// Where the workflow goes after this step, when it went well.
    package var next: String? { onCompletion ?? onSuccess }

    /// The first step of each branch, in a fixed order.
    package var branches: [String] {
        switch body {
        case .parallel(let steps): steps
        case .ifCondition(_, let onTrue, let onFalse): [onTrue] + (onFalse.map { [$0] } ?? [])
        case .switchCondition(_, let cases): cases.sorted { $0.key < $1.key }.map(\.value)
        default: []
        }
    }

    package var isAction: Bool {
        switch body {
        case .action, .playbookAction: true
        default: false
        }
    }
}

package struct PlaybookAction: Sendable, Hashable {
    package var agent: String
    package var targets: [String]
    package var commands: [JSONValue]
    /// What Docket needs to do it by itself; `nil` makes it a manual step.
    package var docket: DocketAction?
}
