package import Events
package import JSON
package import Runs

/// Docket's CACAO step extension: what an action does, how its effect is captured, verified and undone.
///
/// ```jsonc
/// "step_extensions": { "extension-definition--9f5b4f4e-7d0c-4a8e-9b1d-3c6f2a1e8d70": {
///   "action_class": "cloud_containment", "reversible": true, "connector": "lab", "operation": "revoke_ingress",
///   "target": {"entity_types": ["cloud_resource"], "roles": ["target"]},   // roles optional: any
///   //   "from": "step:action--…:output:/moved_to": which of them, is known only then; none: nothing to do
///   "parameters": {"rule": {"$from": "evidence:cloud_audit:/rule"}},       // see Template
///   "inputs": {"snapshot_id": "step:action--…:output.id"},                 // merged into parameters at execution
///   "capture": {"required": ["/rules"]},                                   // must be in the captured object
///   "verify": [{"pointer": "/rules", "operator": "none_match", "value": {"from_port": 22}}],
///   "rollback": {"operation": "authorize_ingress", "parameters": {"rule": {"$from": "parameters:/rule"}}, "max_ms": 60000},
///   "scope": {"max_targets": 1}, "timeout_ms": 10000, "gate": {} } }
/// ```
package struct DocketAction: Sendable, Hashable {
    /// The extension's id, the same for ever.
    package static let extensionID = "extension-definition--9f5b4f4e-7d0c-4a8e-9b1d-3c6f2a1e8d70"
    /// The longest that an undo may be announced to take (domain §6).
    package static let longestRollbackMs: Int64 = 300_000

    package var actionClass: ActionClass
    package var reversible: Bool
    package var connector: String
    package var operation: String
    package var entityTypes: [String]
    /// Empty: any role.
    package var roles: [String]
    /// Which of the candidates is acted on, as an earlier step finds out; `nil`: all of them.
    package var targetFrom: String?
    package var parameters: JSONValue
    package var inputs: [String: String]
    package var capture: Plan.Capture?
    package var verify: [Expectation]
    package var rollback: Plan.Rollback?
    package var maxTargets: Int
    package var timeoutMs: Int64
    /// Hints for the gate; Docket's policy decides.
    package var gate: JSONValue
}

extension DocketAction {
    /// Reads the extension, noting every problem. `nil` where there is too much wrong to go on.
    init?(_ value: JSONValue, at pointer: JSONPointer, defaultTimeoutMs: Int64?, problems: inout [PlaybookProblem]) {
        var reader = MemberReader(value, pointer)
        defer { problems += reader.problems }
        let className = reader.string("action_class")
        let actionClass = className.flatMap(ActionClass.init(rawValue:))
        if className != nil, actionClass == nil { reader.note("action_class", "enum", "no such action class") }
        let reversible = reader.bool("reversible")
        let connector = reader.string("connector")
        let operation = reader.string("operation")
        for (name, text) in [("connector", connector), ("operation", operation)] {
            if let text, !Self.isName(text) {
                reader.note(name, "format", "lower-case letters, digits, '_' and '-', at most 64")
            }
        }
        var target = MemberReader(value["target"] ?? .null, pointer.appending("target"))
        let entityTypes = target.strings("entity_types")
        let roles = target.strings("roles", required: false) ?? []
        let from = target.string("from", required: false)
        if let from {
            if case .step? = ValueReference(from) {
            } else {
                target.note("from", "format", "names no value of an earlier step")
            }
        }
        if entityTypes?.isEmpty == true { target.note("entity_types", "length", "at least one entity type") }
        reader.problems += target.problems
        let parameters = value["parameters"] ?? .object([:])
        if parameters.objectValue == nil { reader.note("parameters", "type", "an object is expected") }
        reader.problems += Template.problems(of: parameters, at: pointer.appending("parameters"))
        let inputs = Self.inputs(value["inputs"], &reader)
        let capture = Self.capture(value["capture"], pointer, &reader)
        let verify = Self.verify(value["verify"], pointer, &reader)
        let rollback = Self.rollback(value["rollback"], pointer, &reader)
        var scope = MemberReader(value["scope"] ?? .null, pointer.appending("scope"))
        let maxTargets = scope.integer("max_targets", in: 1...1_000)
        reader.problems += scope.problems
        let timeoutMs = reader.integer("timeout_ms", in: 1...600_000, required: false) ?? defaultTimeoutMs ?? 30_000
        guard reader.problems.isEmpty, let actionClass, let reversible, let connector, let operation,
            let entityTypes, let maxTargets
        else { return nil }
        self.init(
            actionClass: actionClass, reversible: reversible, connector: connector, operation: operation,
            entityTypes: entityTypes, roles: roles, targetFrom: from, parameters: parameters, inputs: inputs,
            capture: capture,
            verify: verify, rollback: rollback, maxTargets: Int(maxTargets), timeoutMs: timeoutMs,
            gate: value["gate"] ?? .object([:]))
    }

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-")
            }
    }

    private static func inputs(_ value: JSONValue?, _ reader: inout MemberReader) -> [String: String] {
        guard let value, !value.isNull else { return [:] }
        var inputs: [String: String] = [:]
        for (name, expression) in value.objectValue ?? [:] {
            if let text = expression.stringValue, case .step? = ValueReference(text) {
                inputs[name] = text
            } else {
                reader.note("inputs", "format", "'\(name)' names no value of an earlier step")
            }
        }
        if value.objectValue == nil { reader.note("inputs", "type", "an object is expected") }
        return inputs
    }

    private static func capture(
        _ value: JSONValue?, _ pointer: JSONPointer, _ reader: inout MemberReader
    ) -> Plan.Capture? {
        guard let value, !value.isNull else { return nil }
        var member = MemberReader(value, pointer.appending("capture"))
        let required = member.strings("required", required: false) ?? []
        for text in required where JSONPointer(text) == nil {
            member.note("required", "format", "'\(text)' is no JSON Pointer")
        }
        reader.problems += member.problems
        return Plan.Capture(required: required)
    }

    private static func verify(
        _ value: JSONValue?, _ pointer: JSONPointer, _ reader: inout MemberReader
    ) -> [Expectation] {
        guard let value, !value.isNull else { return [] }
        guard let elements = value.arrayValue else {
            reader.note("verify", "type", "an array is expected")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let place = pointer.appending("verify").appending(String(index))
            guard let expectation = Expectation(element) else {
                reader.problems.append(
                    PlaybookProblem(
                        pointer: place.description, code: "format", detail: "pointer, operator and value are expected"))
                return nil
            }
            reader.problems += Template.problems(of: expectation.value, at: place.appending("value"))
            return expectation
        }
    }

    private static func rollback(
        _ value: JSONValue?, _ pointer: JSONPointer, _ reader: inout MemberReader
    ) -> Plan.Rollback? {
        guard let value, !value.isNull else { return nil }
        let place = pointer.appending("rollback")
        var member = MemberReader(value, place)
        let operation = member.string("operation")
        if let operation, !isName(operation) { member.note("operation", "format", "an operation's name is expected") }
        // The limit is a rule of publishing, so that the refusal can say `irreversible-action`.
        let maxMs = member.integer("max_ms", in: 1...Int64.max)
        let parameters = value["parameters"] ?? .object([:])
        if parameters.objectValue == nil { member.note("parameters", "type", "an object is expected") }
        member.problems += Template.problems(of: parameters, at: place.appending("parameters"))
        reader.problems += member.problems
        guard let operation, let maxMs else { return nil }
        return Plan.Rollback(operation: operation, parameters: parameters, maxMs: maxMs)
    }
}
