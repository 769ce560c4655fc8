import JSON

/// What a step's templates may look up while the run goes on.
extension RunMachine {
    /// A value of an earlier step, by the playbook's step id or the plan's.
    func earlier(_ reference: ValueReference) -> JSONValue? {
        guard case .step(let id, let part, let pointer) = reference,
            let step = plan.steps.first(where: { $0.stepID == id })
                ?? plan.steps.first(where: { $0.playbookStepID == id })
        else { return nil }
        let run = state(of: step.stepID)
        guard run.state == .verified || run.state == .executed else { return nil }
        let whole =
            switch part {
            case .output: run.output
            case .observed: run.observed
            case .parameters: run.parameters
            case .preState: run.preState
            }
        return whole.at(pointer)
    }

    /// Values of the step itself, for verifying and undoing it.
    func own(_ step: Plan.Step) -> (ValueReference) -> Template.Lookup {
        let run = state(of: step.stepID)
        return { reference in
            let found: JSONValue? =
                switch reference {
                case .preState(let pointer): run.preState.at(pointer)
                case .parameters(let pointer): run.parameters.at(pointer)
                case .output(let pointer): run.output.at(pointer)
                default: nil
                }
            return found.map { .value($0) } ?? .missing
        }
    }
}
