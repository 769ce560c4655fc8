/// The rules of some log sources compiled for records that belong to all of them; it does not change.
///
/// In the course of reading a record's fields the literals of all rules are looked for at once (`FieldMatcher`). What is
/// found calls for the rules that it is a necessary part of, and only these are evaluated, and those few that no
/// literal is necessary for.
final class EventEngine: Sendable {
    let program: RuleProgram
    /// The rules by their number in the set.
    let rules: [Int32]
    /// Rules, by place in `rules`, that are evaluated for every record.
    let unanchored: [Int32]
    /// Rules by predicate, flat.
    let anchoredRules: [Int32]
    private let anchoredStart: [Int32]
    /// By number of the field a place in `matchers`, or -1.
    let matcherOfField: [Int32]
    let matchers: [FieldMatcher]
    /// For keywords.
    let anywhere: FieldMatcher?

    init(_ rules: [(number: Int32, test: FieldTest)], names: FieldNames) {
        self.rules = rules.map(\.number)
        let program = RuleProgram(rules.map(\.test), names: names)
        self.program = program
        var byPredicate = [[Int32]](repeating: [], count: program.predicates.count)
        var unanchored: [Int32] = []
        for (rule, anchors) in program.anchors.enumerated() {
            guard let anchors else {
                unanchored.append(Int32(rule))
                continue
            }
            for predicate in Set(anchors) { byPredicate[Int(predicate)].append(Int32(rule)) }
        }
        self.unanchored = unanchored
        var start: [Int32] = [0]
        var flat: [Int32] = []
        for list in byPredicate {
            flat += list
            start.append(Int32(flat.count))
        }
        anchoredRules = flat
        anchoredStart = start
        var byField: [Int32: [(Predicate.Literal, Int32)]] = [:]
        for (number, predicate) in program.predicates.enumerated() {
            for literal in predicate.literals { byField[literal.field, default: []].append((literal, Int32(number))) }
        }
        anywhere = byField.removeValue(forKey: Predicate.anyField).map { FieldMatcher($0) }
        var places = [Int32](repeating: -1, count: names.names.count)
        var matchers: [FieldMatcher] = []
        for (field, literals) in byField.sorted(by: { $0.key < $1.key }) {
            places[Int(field)] = Int32(matchers.count)
            matchers.append(FieldMatcher(literals))
        }
        matcherOfField = places
        self.matchers = matchers
    }

    var predicateCount: Int { program.predicates.count }
    var ruleCount: Int { rules.count }

    @inline(__always)
    func anchored(to predicate: Int32) -> Range<Int> {
        Int(anchoredStart[Int(predicate)])..<Int(anchoredStart[Int(predicate) + 1])
    }
}
