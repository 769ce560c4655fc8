import Events
import JSON
import Runs

extension Playbook {
    /// Why this playbook must not be published, beyond being well formed: every action that changes the world says how
    /// its effect is captured, verified, and put back within five minutes (domain §6).
    package func publishProblems() -> [PlaybookProblem] {
        actionOrder.flatMap { id -> [PlaybookProblem] in
            guard case .action(let action)? = steps[id]?.body, let docket = action.docket else { return [] }
            return docket.publishProblems(
                at: JSONPointer(tokens: ["workflow", id, "step_extensions", DocketAction.extensionID]))
                + unknownSteps(docket, id)
        } + conditionProblems()
    }

    private func unknownSteps(_ docket: DocketAction, _ id: String) -> [PlaybookProblem] {
        var references = docket.inputs.sorted { $0.key < $1.key }.map { (place: ["inputs", $0.key], text: $0.value) }
        if let from = docket.targetFrom { references.append((place: ["target", "from"], text: from)) }
        return references.compactMap { place, text in
            guard case .step(let step, _, _)? = ValueReference(text), let index = actionOrder.firstIndex(of: step),
                let own = actionOrder.firstIndex(of: id), index < own
            else {
                return PlaybookProblem(
                    pointer: JSONPointer(
                        tokens: ["workflow", id, "step_extensions", DocketAction.extensionID] + place
                    ).description, code: "reference", detail: "names no earlier action")
            }
            return nil
        }
    }

    /// In a playbook that Docket runs by itself, Docket must be able to decide.
    private func conditionProblems() -> [PlaybookProblem] {
        guard !isAssisted else { return [] }
        return steps.sorted { $0.key < $1.key }.compactMap { id, step in
            switch step.body {
            case .ifCondition(let text, _, _) where Condition(text) == nil:
                PlaybookProblem(
                    pointer: JSONPointer(tokens: ["workflow", id, "condition"]).description, code: "format",
                    detail: "this condition cannot be evaluated")
            case .switchCondition(let text, _) where ValueReference(text) == nil:
                PlaybookProblem(
                    pointer: JSONPointer(tokens: ["workflow", id, "switch"]).description, code: "format",
                    detail: "this names no value")
            default: nil
            }
        }
    }
}

extension DocketAction {
    func publishProblems(at pointer: JSONPointer) -> [PlaybookProblem] {
        guard !actionClass.isSideEffectFree else { return [] }
        var problems: [PlaybookProblem] = []
        func note(_ member: String, _ code: String, _ detail: String) {
            problems.append(PlaybookProblem(pointer: pointer.appending(member).description, code: code, detail: detail))
        }
        if !reversible { note("reversible", "irreversible-action", "an action that changes the world can be undone") }
        if capture == nil { note("capture", "irreversible-action", "what was there before must be captured") }
        if let rollback {
            if rollback.maxMs > Self.longestRollbackMs {
                note("rollback", "irreversible-action", "the undo takes at most \(Self.longestRollbackMs) ms")
            }
        } else {
            note("rollback", "irreversible-action", "how the effect is put back, and in how long at most, must be said")
        }
        if verify.isEmpty { note("verify", "verification-required", "the effect must be verified on the fresh object") }
        return problems
    }
}
