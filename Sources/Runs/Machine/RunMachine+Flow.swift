import Events
import JSON

extension RunMachine {
    /// Where a branch goes on when it reaches its end step.
    private enum Return {
        case to(String?)
        case branches(ArraySlice<String>, then: String?)
    }

    /// Walks the workflow from its start along what has happened, to the first step that has something to do.
    ///
    /// The way is found anew each time: it depends on nothing but the events, so a crash cannot change it. Branches of a
    /// `parallel` run one after the other (CACAO §4.6 allows it).
    mutating func walk(at now: Instant) -> RunDirective? {
        var cursor: String? = plan.flow.start
        var returns: [Return] = []
        var failure: (step: String, error: RunFailure?)?
        // An acyclic workflow passes each node once for each way in; the exception branch once more.
        var fuel = 16 * (plan.flow.nodes.count + 1)
        while fuel > 0 {
            fuel -= 1
            guard let id = cursor, let node = plan.flow.nodes[id] else { return end(failure) }
            switch node.type {
            case .start: cursor = node.next
            case .end:
                switch returns.popLast() {
                case nil: return end(failure)
                case .to(let next): cursor = next
                case .branches(let rest, let next):
                    if let branch = rest.first {
                        returns.append(.branches(rest.dropFirst(), then: next))
                        cursor = branch
                    } else {
                        cursor = next
                    }
                }
            case .action:
                var failed: Plan.Step?
                for step in node.steps.compactMap(plan.step) {
                    switch state(of: step.stepID).state {
                    case .verified, .skipped: continue
                    case .failed: failed = failed ?? step
                    default:
                        if failed == nil { return directive(for: step, at: now) }
                    }
                }
                guard let failed else {
                    cursor = node.next
                    continue
                }
                let isSecond = failure != nil
                failure = failure ?? (failed.stepID, state(of: failed.stepID).error)
                if let branch = node.onFailure {
                    cursor = branch
                } else if let exception = plan.flow.exception, !isSecond {
                    returns = []
                    cursor = exception
                } else {
                    return end(failure)
                }
            case .parallel:
                returns.append(.branches(node.branches.dropFirst()[...], then: node.next))
                cursor = node.branches.first
            case .ifCondition, .switchCondition:
                guard let choice = choice(node) else {
                    let error = RunFailure(code: "condition-unknown", message: "a condition cannot be decided")
                    return end(failure ?? (id, error))
                }
                if let branch = choice {
                    returns.append(.to(node.next))
                    cursor = branch
                } else {
                    cursor = node.next
                }
            }
        }
        return end(failure ?? ("", RunFailure(code: "workflow", message: "the workflow does not end")))
    }

    /// - Returns: `nil` where the observed values do not decide; `.some(nil)` where no branch is taken.
    private func choice(_ node: PlanFlow.Node) -> String?? {
        let lookup: (ValueReference) -> JSONValue? = { earlier($0) }
        if node.type == .ifCondition {
            guard let result = Condition(node.condition ?? "")?.evaluate(lookup) else { return nil }
            return .some(node.cases[result ? "true" : "false"])
        }
        guard let found = ValueReference(node.condition ?? "").flatMap(lookup) else { return nil }
        return .some(node.cases[found.stringValue ?? found.canonicalString()] ?? node.cases["default"])
    }

    /// What was not reached is skipped, so that no step of an ended run looks as if it were still to come.
    private mutating func end(_ failure: (step: String, error: RunFailure?)?) -> RunDirective? {
        if let step = run.steps.first(where: { $0.state == .pending }) {
            intend(.stepSkipped(StepSkipped(runID: runID, stepID: step.stepID, reason: "not_reached")))
        } else if let failure {
            intend(.failed(RunFailed(runID: runID, failedStepID: failure.step, error: failure.error)))
        } else {
            intend(.completed(RunEnded(runID: runID)))
        }
        return nil
    }
}
