package import JSON

/// One condition that a freshly read object must meet: `{"pointer", "operator", "value"}`.
package struct Expectation: Sendable, Hashable, Codable {
    package enum Operator: String, Sendable, Codable, CaseIterable {
        case equals
        case notEquals = "not_equals"
        case exists, absent
        /// The array there has an element with these members (`value`: object of member → value or list of values).
        case anyMatch = "any_match"
        /// The array there has no such element.
        case noneMatch = "none_match"
    }

    package var pointer: String
    package var `operator`: Operator
    /// May hold templates over `parameters`, `pre_state`, `output`.
    package var value: JSONValue

    package init(pointer: String, operator: Operator, value: JSONValue = .null) {
        self.pointer = pointer
        self.operator = `operator`
        self.value = value
    }

    package init?(_ value: JSONValue) {
        guard let pointer = value["pointer"]?.stringValue, JSONPointer(pointer) != nil,
            let comparison = value["operator"]?.stringValue.flatMap(Operator.init(rawValue:))
        else { return nil }
        self.init(pointer: pointer, operator: comparison, value: value["value"] ?? .null)
    }

    /// - Parameter value: the expectation's value with its templates filled.
    func isMet(by object: JSONValue, value: JSONValue) -> Bool {
        let found = object.at(pointer)
        return switch `operator` {
        case .equals: found == value
        case .notEquals: found != value
        case .exists: found != nil
        case .absent: found == nil
        case .anyMatch: found?.arrayValue?.contains { Template.matches($0, value) } ?? false
        case .noneMatch: found?.arrayValue.map { !$0.contains { Template.matches($0, value) } } ?? false
        }
    }
}
