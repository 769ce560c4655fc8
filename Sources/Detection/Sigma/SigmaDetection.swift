import Yams

/// The `detection` of a rule, compiled: the search identifiers put into the condition.
package struct SigmaDetection: Sendable {
    let test: FieldTest

    init(_ node: Node) throws(Refusal) {
        guard let mapping = node.mapping else { throw Refusal("'detection' is not a map", line: node.line) }
        var identifiers: [String: FieldTest] = [:]
        var names: [String] = []
        var conditions: [(String, Int?)] = []
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            switch name {
            case "condition": conditions = try Self.conditions(value)
            case "timeframe":
                throw Refusal("'timeframe' was replaced by correlations in Sigma 2 and is refused", line: key.line)
            default:
                names.append(name)
                identifiers[name] = try Self.located(at: key) { () throws(Refusal) in try Self.search(value) }
            }
        }
        guard !conditions.isEmpty else { throw Refusal("'detection' has no condition", line: node.line) }
        var tests: [FieldTest] = []
        for (text, line) in conditions {
            do {
                tests.append(Self.resolve(try SigmaCondition(text, identifiers: names), identifiers))
            } catch {
                throw Refusal(error.reason, line: error.line ?? line)
            }
        }
        test = tests.count == 1 ? tests[0] : .any(tests)
    }

    /// Several conditions are linked by "or".
    private static func conditions(_ node: Node) throws(Refusal) -> [(String, Int?)] {
        if let text = node.scalar?.string { return [(text, node.line)] }
        guard let list = node.sequence, !list.isEmpty else {
            throw Refusal("the condition is neither a text nor a list of texts", line: node.line)
        }
        var result: [(String, Int?)] = []
        for item in list {
            guard let text = item.scalar?.string else {
                throw Refusal("the condition is neither a text nor a list of texts", line: item.line)
            }
            result.append((text, item.line))
        }
        return result
    }

    private static func resolve(_ condition: SigmaCondition, _ identifiers: [String: FieldTest]) -> FieldTest {
        switch condition {
        case .identifier(let name): identifiers[name] ?? .any([])
        case .not(let inner): .not(resolve(inner, identifiers))
        case .all(let parts): .all(parts.map { resolve($0, identifiers) })
        case .any(let parts): .any(parts.map { resolve($0, identifiers) })
        }
    }

    /// A map is "and", a list of maps "or", a list of texts keywords of which one must be found.
    private static func search(_ node: Node) throws(Refusal) -> FieldTest {
        if let mapping = node.mapping { return try self.mapping(mapping, line: node.line) }
        if let list = node.sequence {
            guard !list.isEmpty else { throw Refusal("an empty list matches nothing", line: node.line) }
            var tests: [FieldTest] = []
            for item in list { tests.append(try located(at: item) { () throws(Refusal) in try search(item) }) }
            return tests.count == 1 ? tests[0] : .any(tests)
        }
        return try FieldModifiers("").test([try value(node)])
    }

    private static func mapping(_ mapping: Node.Mapping, line: Int?) throws(Refusal) -> FieldTest {
        guard !mapping.isEmpty else { throw Refusal("an empty map matches everything", line: line) }
        var tests: [FieldTest] = []
        for (key, value) in mapping {
            tests.append(
                try located(at: key) { () throws(Refusal) in
                    guard let name = key.scalar?.string else { throw Refusal("a field's name is not a text") }
                    return try FieldModifiers(name).test(try values(value))
                })
        }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    private static func values(_ node: Node) throws(Refusal) -> [String?] {
        guard let list = node.sequence else { return [try value(node)] }
        var result: [String?] = []
        for item in list { result.append(try value(item)) }
        return result
    }

    /// The text as it stands in the file: values are matched as strings, so `0x10` and `007` stay what they are.
    private static func value(_ node: Node) throws(Refusal) -> String? {
        guard let scalar = node.scalar else { throw Refusal("a value is neither a text nor a number", line: node.line) }
        return node.isNull ? nil : scalar.string
    }

    private static func located<Result>(
        at node: Node, _ body: () throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        do {
            return try body()
        } catch {
            throw Refusal(error.reason, line: error.line ?? node.line)
        }
    }
}

extension Node {
    var line: Int? { mark?.line }

    /// YAML's null: written plainly, quoted it is a text.
    var isNull: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// The texts of a list or of a single scalar.
    var texts: [String] {
        if let list = sequence { return list.compactMap { $0.scalar?.string } }
        return scalar.map { isNull ? [] : [$0.string] } ?? []
    }

    func text(_ key: String) -> String? {
        guard let node = mapping?[key], !node.isNull else { return nil }
        return node.scalar?.string
    }
}
