/// What a rule set did: counted by one evaluator, added up where they end.
package struct RuleStatistics: Sendable {
    package internal(set) var records = 0
    /// By number of the rule: records for which it was skipped, since a search for one of its regular expressions took too
    /// many steps.
    package internal(set) var skipped: [Int]
    /// By number of the rule: records for which it was evaluated, since one of its necessary literals was there.
    package internal(set) var evaluations: [Int]
    /// By number of the rule: records for which it holds.
    package internal(set) var matches: [Int]

    /// By number of the rule: nanoseconds that its evaluations took, estimated from one record in `sampling`. What all
    /// rules share, reading the record and looking for literals, is not in it.
    package private(set) var nanoseconds: [Int]

    /// Of so many records one is timed.
    package static let sampling = 64

    package init(ruleCount: Int) {
        evaluations = [Int](repeating: 0, count: ruleCount)
        matches = evaluations
        skipped = evaluations
        nanoseconds = evaluations
    }

    mutating func note(_ duration: Duration, rule: Int) {
        nanoseconds[rule] += Int(duration.components.attoseconds / 1_000_000_000) * Self.sampling
    }

    /// Adds what another evaluator of the same set counted.
    package static func += (sum: inout RuleStatistics, other: RuleStatistics) {
        sum.records += other.records
        for rule in other.evaluations.indices {
            sum.evaluations[rule] += other.evaluations[rule]
            sum.matches[rule] += other.matches[rule]
            sum.skipped[rule] += other.skipped[rule]
            sum.nanoseconds[rule] += other.nanoseconds[rule]
        }
    }
}
