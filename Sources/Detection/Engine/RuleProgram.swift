/// The conditions of many rules over shared predicates, flat: what is evaluated for a record.
struct RuleProgram: Sendable {
    enum Kind: UInt8, Sendable { case all, any, not, predicate }

    struct Node: Sendable {
        var kind: Kind
        /// Of `all`, `any`: the first place in `parts`. Of `not`: a node. Of `predicate`: its number.
        var first: Int32
        var count: Int32
    }

    private(set) var nodes: [Node] = []
    private(set) var parts: [Int32] = []
    private(set) var predicates: [Predicate] = []
    /// By predicate, apart from it: what is asked most often.
    private(set) var hasLiterals: [Bool] = []
    private(set) var isByLiterals: [Bool] = []
    /// The node of each rule.
    private(set) var roots: [Int32] = []
    /// Of each rule the predicates of which at least one is true where the rule holds; `nil` where there are none.
    private(set) var anchors: [[Int32]?] = []
    private var known: [Leaf: Int32] = [:]

    init(_ tests: [FieldTest], names: FieldNames) {
        for test in tests {
            let root = add(test, names)
            roots.append(root)
            anchors.append(anchor(root)?.predicates)
        }
    }

    private mutating func add(_ test: FieldTest, _ names: FieldNames) -> Int32 {
        switch test {
        case .all(let tests): return add(.all, tests, names)
        case .any(let tests): return add(.any, tests, names)
        case .not(let test):
            let inner = add(test, names)
            return add(Node(kind: .not, first: inner, count: 1))
        default: return add(Node(kind: .predicate, first: number(of: test, names), count: 1))
        }
    }

    private mutating func add(_ kind: Kind, _ tests: [FieldTest], _ names: FieldNames) -> Int32 {
        var inner = tests.map { add($0, names) }
        // What is known already is asked first, what has to be searched last.
        inner.sort { (cost($0), $0) < (cost($1), $1) }
        let first = Int32(parts.count)
        parts += inner
        return add(Node(kind: kind, first: first, count: Int32(inner.count)))
    }

    private mutating func add(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    private mutating func number(of test: FieldTest, _ names: FieldNames) -> Int32 {
        let predicate = Predicate(test, names: names)
        let leaf = Leaf(test)
        if let leaf, let number = known[leaf] { return number }
        predicates.append(predicate)
        hasLiterals.append(!predicate.literals.isEmpty)
        if case .byLiterals = predicate.finding { isByLiterals.append(true) } else { isByLiterals.append(false) }
        let number = Int32(predicates.count - 1)
        if let leaf { known[leaf] = number }
        return number
    }

    /// How much it may take to answer a node: 0 for what the literals tell.
    private func cost(_ node: Int32) -> Int {
        let node = nodes[Int(node)]
        switch node.kind {
        case .predicate:
            if case .byLiterals = predicates[Int(node.first)].finding { return 0 }
            return predicates[Int(node.first)].literals.isEmpty ? 100 : 10
        case .not: return 1 + cost(node.first)
        case .all, .any:
            return parts[Int(node.first)..<Int(node.first + node.count)].reduce(1) { min($0 + cost($1), 1_000) }
        }
    }

    private struct Anchor {
        var predicates: [Int32]
        /// How often it is expected to be there; only the comparison counts.
        var weight: Double
    }

    /// Of "all" the rarest part will do, of "any" every part is needed; what is not there anchors nothing.
    private func anchor(_ place: Int32) -> Anchor? {
        let node = nodes[Int(place)]
        switch node.kind {
        case .not: return nil
        case .predicate:
            let literals = predicates[Int(node.first)].literals
            if literals.isEmpty { return nil }
            return Anchor(predicates: [node.first], weight: literals.reduce(0) { $0 + Self.weight($1) })
        case .all:
            return parts[Int(node.first)..<Int(node.first + node.count)].compactMap(anchor)
                .min { $0.weight < $1.weight }
        case .any:
            var sum = Anchor(predicates: [], weight: 0)
            for part in parts[Int(node.first)..<Int(node.first + node.count)] {
                guard let anchor = anchor(part) else { return nil }
                sum.predicates += anchor.predicates
                sum.weight += anchor.weight
            }
            return sum
        }
    }

    /// Long literals are rare; numbers and single words, such as event ids and levels, are not.
    private static func weight(_ literal: Predicate.Literal) -> Double {
        let letters = min(literal.text.count, 24)
        let base = 1 / Double(1 << letters)
        let isNumber = literal.text.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
        return isNumber && literal.place == .whole ? 0.05 : base
    }
}

/// What makes two leaves the same question, for those that can be compared.
private enum Leaf: Hashable {
    case text(String, TextMatcher, isCased: Bool)
    case keyword(TextMatcher, isCased: Bool)
    case isNull(String)
    case exists(String)

    init?(_ test: FieldTest) {
        switch test {
        case .field(let name, .text(let box)): self = .text(name, box.matcher, isCased: box.isCased)
        case .keyword(.text(let box)): self = .keyword(box.matcher, isCased: box.isCased)
        case .isNull(let name): self = .isNull(name)
        case .exists(let name): self = .exists(name)
        default: return nil
        }
    }
}
