import Yams

/// Search identifiers, their fields and values, and the condition.
extension DocumentLint {
    mutating func lookAtSearches(
        in section: Node, besides others: Set<String>, _ logsource: Logsource?, _ fields: LogsourceFields?
    ) {
        guard let mapping = section.mapping else { return }
        let isFilter = others.contains("rules")
        let reasoning = Satisfiability { fields?.isSingle($0) ?? false }
        var tests: [String: FieldTest] = [:]
        var places: [(name: String, line: Int?)] = []
        var unreachable: Set<String> = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string, !others.contains(name) else { continue }
            places.append((name, key.line))
            lookAtFields(value, logsource, fields)
            // What could not be read was refused before it came here.
            guard let test = try? Search(placeholders: placeholders).test(value) else { continue }
            tests[name] = test
            if !reasoning.canHold(test) {
                unreachable.insert(name)
                warn(.neverMatches, "no event can be as '\(name)' wants it", at: key.line)
            }
        }
        guard let node = mapping["condition"], let conditions = try? SigmaDetection.conditions(node) else { return }
        var used: Set<String> = []
        for (text, line) in conditions {
            guard let condition = try? SigmaCondition(text, identifiers: places.map(\.name)) else { continue }
            used.formUnion(condition.identifiers)
            let place = line ?? node.line
            if condition.holds(where: { _ in false }) {
                warn(.inverted, Self.inversion(isFilter: isFilter), at: place)
            } else if !reasoning.canHold(SigmaDetection.resolve(condition, tests)),
                unreachable.isDisjoint(with: condition.identifiers)
            {
                warn(.neverMatches, "no event can be as the condition wants it", at: place)
            }
        }
        for place in places where !used.contains(place.name) {
            warn(.unused, "the condition does not use '\(place.name)'", at: place.line)
        }
    }

    private static func inversion(isFilter: Bool) -> String {
        isFilter
            ? "the filter looks inverted: it suppresses every event that it does not describe; its condition says what is to be left out"
            : "the condition holds for an event in which none of the selections is found"
    }

    private mutating func lookAtFields(_ node: Node, _ logsource: Logsource?, _ fields: LogsourceFields?) {
        for item in node.sequence ?? [] { lookAtFields(item, logsource, fields) }
        for (key, value) in node.mapping ?? [:] {
            guard let text = key.scalar?.string, let modifiers = try? FieldModifiers(text) else { continue }
            if let fields, let logsource, !modifiers.field.isEmpty, !fields.knows(modifiers.field) {
                warn(.unknownField, "events of \(logsource) have no field '\(modifiers.field)'", at: key.line)
            }
            lookAtValues(value, modifiers, at: key.line)
        }
    }

    private mutating func lookAtValues(_ node: Node, _ modifiers: FieldModifiers, at line: Int?) {
        let nodes = node.sequence.map(Array.init) ?? [node]
        if modifiers.isAll, nodes.count == 1 {
            warn(.value, "'all' with a single value does nothing", at: line)
        }
        if node.sequence != nil, nodes.contains(where: \.isNull) {
            warn(.value, "null is not part of a list in Sigma: give it a selection of its own", at: line)
        }
        for value in nodes {
            guard let text = value.scalar?.string, !value.isNull else { continue }
            if modifiers.isExpanded, !PlaceholderValues.hasPlaceholder(text) {
                warn(.value, "'expand' finds no placeholder in '\(text)'", at: value.line)
            }
            if nodes.count > 1, let test = try? modifiers.test([text], placeholders: placeholders),
                !Satisfiability(isSingle: { _ in true }).canHold(modifiers.isNegated ? .not(test) : test)
            {
                warn(.neverMatches, "no value of '\(modifiers.field)' can be as '\(text)' wants it", at: value.line)
            }
        }
    }
}

extension SigmaCondition {
    /// The search identifiers that it names.
    var identifiers: Set<String> {
        switch self {
        case .identifier(let name): [name]
        case .not(let inner): inner.identifiers
        case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion($1.identifiers) }
        }
    }

    func holds(where found: (String) -> Bool) -> Bool {
        switch self {
        case .identifier(let name): found(name)
        case .not(let inner): !inner.holds(where: found)
        case .all(let parts): parts.allSatisfy { $0.holds(where: found) }
        case .any(let parts): parts.contains { $0.holds(where: found) }
        }
    }
}
