import Yams

/// The `detection` of a rule or the `filter` of a filter, compiled: the search identifiers put into the condition.
package struct SigmaDetection: Sendable {
    let test: FieldTest

    init(test: FieldTest) { self.test = test }

    /// - Parameters:
    ///   - name: what the section is called.
    ///   - others: members that are no search identifiers.
    init(
        _ node: Node, called name: String = "detection", besides others: Set<String> = [],
        placeholders: PlaceholderValues
    ) throws(Refusal) {
        guard let mapping = node.mapping else { throw Refusal("'\(name)' is not a map", line: node.line) }
        let search = Search(placeholders: placeholders)
        var identifiers: [String: FieldTest] = [:]
        var names: [String] = []
        var conditions: [(String, Int?)] = []
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            if others.contains(name) { continue }
            switch name {
            case "condition": conditions = try Self.conditions(value)
            case "timeframe":
                throw Refusal("'timeframe' was replaced by correlations in Sigma 2 and is refused", line: key.line)
            default:
                names.append(name)
                identifiers[name] = try located(at: key) { () throws(Refusal) in try search.test(value) }
            }
        }
        guard !conditions.isEmpty else { throw Refusal("'\(name)' has no condition", line: node.line) }
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
    static func conditions(_ node: Node) throws(Refusal) -> [(String, Int?)] {
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

    static func resolve(_ condition: SigmaCondition, _ identifiers: [String: FieldTest]) -> FieldTest {
        switch condition {
        case .identifier(let name): identifiers[name] ?? .any([])
        case .not(let inner): .not(resolve(inner, identifiers))
        case .all(let parts): .all(parts.map { resolve($0, identifiers) })
        case .any(let parts): .any(parts.map { resolve($0, identifiers) })
        }
    }
}

/// What stands under a search identifier, read into a question.
struct Search {
    let placeholders: PlaceholderValues

    /// A map is "and", a list of maps "or", a list of texts keywords of which one must be found.
    func test(_ node: Node) throws(Refusal) -> FieldTest {
        if let mapping = node.mapping { return try test(mapping, line: node.line) }
        if let list = node.sequence {
            guard !list.isEmpty else { throw Refusal("an empty list matches nothing", line: node.line) }
            var tests: [FieldTest] = []
            for item in list { tests.append(try located(at: item) { () throws(Refusal) in try test(item) }) }
            return tests.count == 1 ? tests[0] : .any(tests)
        }
        return try FieldModifiers("").test([try Self.value(node)], placeholders: placeholders)
    }

    private func test(_ mapping: Node.Mapping, line: Int?) throws(Refusal) -> FieldTest {
        guard !mapping.isEmpty else { throw Refusal("an empty map matches everything", line: line) }
        var tests: [FieldTest] = []
        for (key, value) in mapping {
            tests.append(
                try located(at: key) { () throws(Refusal) in
                    guard let name = key.scalar?.string else { throw Refusal("a field's name is not a text") }
                    return try FieldModifiers(name).test(try Self.values(value), placeholders: placeholders)
                })
        }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    static func values(_ node: Node) throws(Refusal) -> [String?] {
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
}

/// Says the line of a refusal that does not say it itself.
private func located<Result>(at node: Node, _ body: () throws(Refusal) -> Result) throws(Refusal) -> Result {
    do {
        return try body()
    } catch {
        throw Refusal(error.reason, line: error.line ?? node.line)
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
