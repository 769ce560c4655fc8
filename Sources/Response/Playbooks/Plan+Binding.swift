package import Events
package import Foundation
package import JSON
package import Runs

/// What a case brings to a plan.
package struct PlanContext: Sendable {
    package struct Evidence: Sendable, Hashable {
        package var item: Plan.BoundEvidence
        /// What parameters may take values from.
        package var data: JSONValue
        /// The plan rests on it: when it changes, the plan does. Other evidence may only fill parameters.
        package var isBound: Bool

        package init(item: Plan.BoundEvidence, data: JSONValue, isBound: Bool = true) {
            self.item = item
            self.data = data
            self.isBound = isBound
        }
    }

    package var caseID: UUID
    package var policyVersion: Int
    package var entities: [Entity]
    package var evidence: [Evidence]
    /// The request's own `parameters` (`given:` in templates).
    package var given: JSONValue

    package init(
        caseID: UUID, policyVersion: Int, entities: [Entity], evidence: [Evidence],
        given: JSONValue = .object([:])
    ) {
        self.caseID = caseID
        self.policyVersion = policyVersion
        self.entities = entities
        self.evidence = evidence
        self.given = given
    }
}

extension Plan {
    /// Binds a playbook to a case. The same input gives the same plan, byte for byte.
    ///
    /// - Throws: `PlaybookRefusal`: `no-target` and `too-many-targets` where the case does not name what the playbook
    ///   acts on, `unresolved` where a value is in no evidence, and everything that forbids publishing.
    package init(binding playbook: Playbook, version: Int, to context: PlanContext) throws(PlaybookRefusal) {
        var problems = playbook.publishProblems()
        var steps: [Plan.Step] = []
        var expanded: [String: [String]] = [:]
        for id in playbook.actionOrder {
            let made = Self.steps(for: id, of: playbook, context, expanded, &problems)
            expanded[id] = made.map(\.stepID)
            steps += made
        }
        guard problems.isEmpty else { throw PlaybookRefusal(problems: problems) }
        let evidence = context.evidence.filter(\.isBound).map(\.item).sorted {
            ($0.kind.rawValue, $0.eventID.uuidString, $0.digest.text)
                < ($1.kind.rawValue, $1.eventID.uuidString, $1.digest.text)
        }
        let content = Content(
            caseID: context.caseID,
            playbook: Plan.PlaybookReference(id: playbook.id, version: version, digest: playbook.digest),
            policyVersion: context.policyVersion, steps: steps, targets: Self.unique(steps.flatMap(\.targets)),
            maxTargets: Self.maxTargets(playbook), evidence: evidence, flow: Self.flow(playbook, expanded))
        do {
            try self.init(content)
        } catch {
            throw PlaybookRefusal(problems: [PlaybookProblem(pointer: "", code: "format", detail: "\(error)")])
        }
    }

    private static func unique(_ targets: [Entity]) -> [Entity] {
        Set(targets).sorted {
            ($0.type.rawValue, $0.value, $0.role.rawValue) < ($1.type.rawValue, $1.value, $1.role.rawValue)
        }
    }

    private static func maxTargets(_ playbook: Playbook) -> Int {
        playbook.steps.values.reduce(0) { largest, step in
            guard case .action(let action) = step.body, let docket = action.docket else { return largest }
            return max(largest, docket.maxTargets)
        }
    }

    private static func steps(
        for id: String, of playbook: Playbook, _ context: PlanContext, _ expanded: [String: [String]],
        _ problems: inout [PlaybookProblem]
    ) -> [Plan.Step] {
        guard let step = playbook.steps[id] else { return [] }
        let dependsOn = (playbook.dependencies[id] ?? []).flatMap { expanded[$0] ?? [] }
        guard case .action(let action) = step.body, let docket = action.docket else {
            return [manual(step, dependsOn)]
        }
        let pointer = JSONPointer(tokens: ["workflow", id, "step_extensions", DocketAction.extensionID])
        let targets = unique(
            context.entities.filter {
                docket.entityTypes.contains($0.type.rawValue)
                    && (docket.roles.isEmpty || docket.roles.contains($0.role.rawValue))
            })
        if targets.isEmpty {
            problems.append(
                PlaybookProblem(
                    pointer: pointer.appending("target").description, code: "no-target",
                    detail: "the case names no \(docket.entityTypes.joined(separator: " or "))"))
        }
        if Set(targets.map { [$0.type.rawValue, $0.value] }).count > docket.maxTargets {
            problems.append(
                PlaybookProblem(
                    pointer: pointer.appending("scope").description, code: "too-many-targets",
                    detail: "the case names \(targets.count) targets, at most \(docket.maxTargets) are allowed"))
        }
        return targets.compactMap { target in
            bind(docket, step, to: target, isOnly: targets.count == 1, pointer, playbook, context, dependsOn, &problems)
        }
    }

    private static func manual(_ step: PlaybookStep, _ dependsOn: [String]) -> Plan.Step {
        let operation = if case .playbookAction = step.body { "playbook" } else { "manual" }
        let instructions: JSONValue =
            switch step.body {
            case .action(let action): .object(["commands": .array(action.commands)])
            case .playbookAction(let id): .object(["playbook_id": .string(id)])
            default: .object([:])
            }
        return Plan.Step(
            stepID: step.id, playbookStepID: step.id, name: step.name, actionClass: .openTicket,
            connector: Plan.Step.manualConnector, operation: operation, targets: [], targetFrom: nil,
            parameters: instructions,
            inputs: [:], reversible: false, capture: nil, verify: [], rollback: nil,
            timeoutMs: step.timeoutMs ?? 0, dependsOn: dependsOn)
    }

    private static func bind(
        _ docket: DocketAction, _ step: PlaybookStep, to target: Entity, isOnly: Bool, _ pointer: JSONPointer,
        _ playbook: Playbook, _ context: PlanContext, _ dependsOn: [String], _ problems: inout [PlaybookProblem]
    ) -> Plan.Step? {
        let place = pointer.appending("parameters")
        var parameters = docket.parameters
        var inputs = docket.inputs
        // A whole parameter that comes from an earlier step is an input: the approver sees where it comes from.
        for (name, value) in docket.parameters.objectValue ?? [:] {
            guard let text = value["$from"]?.stringValue, case .step? = ValueReference(text) else { continue }
            inputs[name] = text
            parameters[name] = nil
        }
        do {
            parameters = try Template.fill(parameters, at: place) { reference in
                known(reference, target, playbook, context)
            }
        } catch {
            problems.append(PlaybookProblem(pointer: error.pointer, code: "unresolved", detail: error.detail))
            return nil
        }
        return Plan.Step(
            stepID: isOnly ? step.id : derivedID(step.id, target), playbookStepID: step.id,
            name: isOnly ? step.name : "\(step.name) (\(target.value))", actionClass: docket.actionClass,
            connector: docket.connector, operation: docket.operation, targets: [target], targetFrom: docket.targetFrom,
            parameters: parameters,
            inputs: inputs, reversible: docket.reversible && docket.rollback != nil, capture: docket.capture,
            verify: docket.verify, rollback: docket.rollback, timeoutMs: docket.timeoutMs, dependsOn: dependsOn)
    }

    private static func known(
        _ reference: ValueReference, _ target: Entity, _ playbook: Playbook, _ context: PlanContext
    ) -> Template.Lookup {
        let found: JSONValue?
        switch reference {
        case .evidence(let kind, let pointer):
            found =
                context.evidence.lazy.filter { $0.item.kind.rawValue == kind }.compactMap { $0.data.at(pointer) }.first
        case .entity(let pointer):
            found = JSONValue.object([
                "type": .string(target.type.rawValue), "value": .string(target.value),
                "role": .string(target.role.rawValue),
            ]).at(pointer)
        case .given(let pointer): found = context.given.at(pointer)
        case .variable(let name):
            guard let value = playbook.variables[name], !value.isNull else { return .missing }
            found = value
        case .preState, .parameters, .output, .step: return .later
        }
        return found.map { .value($0) } ?? .missing
    }

    /// `action--` and a UUID derived from the step and the target.
    private static func derivedID(_ step: String, _ target: Entity) -> String {
        let namespace = UUID(uuidString: String(step.suffix(36))) ?? UUID.v5(namespace: .planSteps, name: step)
        return "action--" + UUID.v5(namespace: namespace, name: target.type.rawValue + ":" + target.value).lowercased
    }

    private static func flow(_ playbook: Playbook, _ expanded: [String: [String]]) -> PlanFlow {
        let nodes = playbook.steps.mapValues { step in
            var node = PlanFlow.Node(
                type: .action, next: step.next, onFailure: step.onFailure, steps: expanded[step.id] ?? [])
            switch step.body {
            case .start: node.type = .start
            case .end: node.type = .end
            case .action, .playbookAction: break
            case .parallel(let branches):
                node.type = .parallel
                node.branches = branches
            case .ifCondition(let condition, let onTrue, let onFalse):
                node.type = .ifCondition
                node.condition = condition
                node.cases["true"] = onTrue
                node.cases["false"] = onFalse
            case .switchCondition(let subject, let cases):
                node.type = .switchCondition
                node.condition = subject
                node.cases = cases
            }
            return node
        }
        return PlanFlow(start: playbook.workflowStart, exception: playbook.workflowException, nodes: nodes)
    }
}

extension UUID {
    /// Namespace of ids that plans derive (RFC 9562 §5.5).
    fileprivate static let planSteps = UUID.v5(
        namespace: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), name: "docket plan step")
}
