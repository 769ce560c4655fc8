import Events
package import JSON

extension Playbook {
    /// Reads and checks a CACAO 2.0 playbook.
    ///
    /// - Throws: `PlaybookRefusal` with every problem found, each with its JSON Pointer. A `while-condition` is refused:
    ///   what may run for ever cannot be approved as a whole.
    package init(document: JSONValue) throws(PlaybookRefusal) {
        var reader = MemberReader(document, JSONPointer(tokens: []))
        if let type = reader.string("type"), type != "playbook" {
            reader.note("type", "enum", "'playbook' is expected")
        }
        if let version = reader.string("spec_version"), version != "cacao-2.0" {
            reader.note("spec_version", "enum", "'cacao-2.0' is expected")
        }
        let id = reader.identifier("id", types: ["playbook"])
        let name = reader.string("name")
        let createdBy = reader.identifier("created_by")
        let created = Self.instant("created", &reader)
        let modified = Self.instant("modified", &reader)
        if let created, let modified, modified < created {
            reader.note("modified", "range", "before 'created'")
        }
        let start = reader.identifier("workflow_start", types: ["start"])
        let exception = reader.identifier("workflow_exception", required: false)
        let steps = Self.steps(document, &reader)
        if let start, document["workflow"]?.objectValue != nil, document["workflow"]?[start] == nil {
            reader.note("workflow_start", "reference", "no such step")
        }
        if let exception, document["workflow"]?[exception] == nil {
            reader.note("workflow_exception", "reference", "no such step")
        }
        Self.checkExtension(document, &reader)
        guard reader.problems.isEmpty, let id, let name, let createdBy, let created, let modified, let start else {
            throw PlaybookRefusal(problems: reader.problems)
        }
        let graph = PlaybookGraph(steps: steps, start: start, exception: exception)
        guard graph.problems.isEmpty else { throw PlaybookRefusal(problems: graph.problems) }
        self.init(
            id: id, name: name, description: document["description"]?.stringValue, createdBy: createdBy,
            created: created, modified: modified, revoked: document["revoked"] == true, workflowStart: start,
            workflowException: exception,
            variables: (document["playbook_variables"]?.objectValue ?? [:]).mapValues { $0["value"] ?? .null },
            steps: steps, actionOrder: graph.actionOrder, dependencies: graph.dependencies,
            isAssisted: !steps.values.contains { step in
                if case .action(let action) = step.body { action.docket != nil } else { false }
            },
            document: document, digest: .ofCanonical(document))
    }

    private static func instant(_ member: String, _ reader: inout MemberReader) -> Instant? {
        guard let text = reader.string(member) else { return nil }
        guard let instant = Instant(rfc3339: text), text.hasSuffix("Z") else {
            reader.note(member, "format", "an RFC 3339 time in UTC is expected")
            return nil
        }
        return instant
    }

    private static func checkExtension(_ document: JSONValue, _ reader: inout MemberReader) {
        let isUsed = (document["workflow"]?.objectValue ?? [:]).values.contains {
            $0["step_extensions"]?[DocketAction.extensionID] != nil
        }
        if isUsed, document["extension_definitions"]?[DocketAction.extensionID] == nil {
            reader.note(
                "extension_definitions", "required", "the extension \(DocketAction.extensionID) is used, not defined")
        }
    }

    private static func steps(_ document: JSONValue, _ reader: inout MemberReader) -> [String: PlaybookStep] {
        guard let workflow = document["workflow"] else {
            reader.note("workflow", "required", "the workflow is required")
            return [:]
        }
        guard let members = workflow.objectValue else {
            reader.note("workflow", "type", "an object of steps is expected")
            return [:]
        }
        var steps: [String: PlaybookStep] = [:]
        for (id, value) in members.sorted(by: { $0.key < $1.key }) {
            let pointer = JSONPointer(tokens: ["workflow", id])
            var step = StepReader(id: id, value: value, pointer: pointer, document: document)
            steps[id] = step.read()
            reader.problems += step.members.problems
        }
        let types = Set(members.values.compactMap { $0["type"]?.stringValue })
        for (type, present) in [
            ("start", types.contains("start")), ("end", types.contains("end")),
            ("action", types.contains("action") || types.contains("playbook-action")),
        ] where !present {
            reader.note("workflow", "required", "a workflow has at least one \(type) step")
        }
        return steps
    }
}

/// Reads one step of a workflow.
private struct StepReader {
    let id: String
    let value: JSONValue
    let pointer: JSONPointer
    let document: JSONValue
    var members: MemberReader

    init(id: String, value: JSONValue, pointer: JSONPointer, document: JSONValue) {
        self.id = id
        self.value = value
        self.pointer = pointer
        self.document = document
        members = MemberReader(value, pointer)
    }

    mutating func read() -> PlaybookStep? {
        guard let typeName = members.string("type") else { return nil }
        guard let kind = PlaybookStep.Kind(rawValue: typeName) else {
            members.note("type", "enum", "CACAO knows no step of this type")
            return nil
        }
        guard kind != .whileCondition else {
            members.note(
                "type", "while-condition", "Docket runs acyclic workflows only: a loop cannot be approved whole")
            return nil
        }
        if CACAOIdentifier.type(of: id) != typeName {
            members.problems.append(
                PlaybookProblem(
                    pointer: pointer.description, code: "format", detail: "a step's id is '\(typeName)--' and a UUID"))
        }
        let onCompletion = reference("on_completion")
        let onSuccess = reference("on_success")
        let onFailure = reference("on_failure")
        checkContinuation(kind)
        let timeout = members.integer("timeout", in: 0...Int64.max, required: false)
        guard let body = body(kind, timeout) else { return nil }
        return PlaybookStep(
            id: id, name: members.string("name", required: false) ?? id, onCompletion: onCompletion,
            onSuccess: onSuccess, onFailure: onFailure, timeoutMs: timeout, body: body)
    }

    /// `on_completion` or `on_success` with `on_failure`, never both; none on `end` (CACAO §4.1).
    private mutating func checkContinuation(_ kind: PlaybookStep.Kind) {
        let present = ["on_completion", "on_success", "on_failure"].filter { value[$0] != nil }
        switch kind {
        case .end:
            for member in present { members.note(member, "not-allowed", "an end step leads nowhere") }
        case .start:
            for member in present where member != "on_completion" {
                members.note(member, "not-allowed", "a start step has on_completion only")
            }
            if !present.contains("on_completion") {
                members.note("on_completion", "required", "the next step is required")
            }
        default:
            if present.contains("on_completion"), present.count > 1 {
                members.note("on_completion", "not-allowed", "stands alone, without on_success and on_failure")
            } else if !present.contains("on_completion"), !present.contains("on_success") {
                members.note("on_completion", "required", "on_completion or on_success is required")
            }
        }
    }

    private mutating func reference(_ member: String, required: Bool = false) -> String? {
        guard let step = members.identifier(member, required: required) else { return nil }
        guard document["workflow"]?[step] != nil else {
            members.note(member, "reference", "no such step: \(step)")
            return nil
        }
        return step
    }

    private mutating func body(_ kind: PlaybookStep.Kind, _ timeout: Int64?) -> PlaybookStep.Body? {
        switch kind {
        case .start: return .start
        case .end: return .end
        case .action: return action(timeout).map { .action($0) }
        case .playbookAction:
            return members.identifier("playbook_id", types: ["playbook"]).map { .playbookAction(playbookID: $0) }
        case .parallel: return parallel()
        case .ifCondition:
            let condition = members.string("condition")
            let onTrue = reference("on_true", required: true)
            let onFalse = reference("on_false")
            guard let condition, let onTrue else { return nil }
            return .ifCondition(condition: condition, onTrue: onTrue, onFalse: onFalse)
        case .switchCondition: return switchCondition()
        case .whileCondition: return nil
        }
    }

    private mutating func parallel() -> PlaybookStep.Body? {
        guard let steps = members.strings("next_steps") else { return nil }
        if Set(steps).count < 2 { members.note("next_steps", "length", "at least two different steps") }
        for step in steps where document["workflow"]?[step] == nil {
            members.note("next_steps", "reference", "no such step: \(step)")
        }
        return .parallel(steps)
    }

    private mutating func switchCondition() -> PlaybookStep.Body? {
        let subject = members.string("switch")
        guard let cases = value["cases"]?.objectValue, !cases.isEmpty else {
            members.note("cases", "required", "at least one case is required")
            return nil
        }
        var branches: [String: String] = [:]
        for (name, step) in cases.sorted(by: { $0.key < $1.key }) {
            guard let step = step.stringValue, document["workflow"]?[step] != nil else {
                members.note("cases", "reference", "the case '\(name)' leads to no step")
                continue
            }
            branches[name] = step
        }
        return subject.map { .switchCondition(subject: $0, cases: branches) }
    }

    private mutating func action(_ timeout: Int64?) -> PlaybookAction? {
        let agent = members.identifier("agent")
        if let agent, document["agent_definitions"]?[agent] == nil {
            members.note("agent", "reference", "not in agent_definitions: \(agent)")
        }
        let targets = members.strings("targets", required: false) ?? []
        for target in targets where document["target_definitions"]?[target] == nil {
            members.note("targets", "reference", "not in target_definitions: \(target)")
        }
        let commands = value["commands"]?.arrayValue
        if let commands, !commands.isEmpty {
            for (index, command) in commands.enumerated() where command["type"]?.stringValue == nil {
                members.note("commands", "required", "command \(index) has no type")
            }
        } else {
            members.note("commands", "required", "at least one command is required")
        }
        var docket: DocketAction?
        if let value = value["step_extensions"]?[DocketAction.extensionID] {
            docket = DocketAction(
                value, at: pointer.appending("step_extensions").appending(DocketAction.extensionID),
                defaultTimeoutMs: timeout, problems: &members.problems)
        }
        guard let agent, let commands else { return nil }
        return PlaybookAction(agent: agent, targets: targets, commands: commands, docket: docket)
    }
}
