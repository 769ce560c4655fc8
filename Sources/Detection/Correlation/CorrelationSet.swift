/// Correlations with what they refer to, ready to be evaluated; a plan that does not change.
///
/// A correlation that cannot be kept exactly is refused with a reason, and silences nothing: the rules that it meant to
/// gather then alert on their own.
package struct CorrelationSet: Sendable {
    /// Reference of a correlation, resolved.
    struct Source: Sendable {
        enum Origin: Sendable, Hashable {
            case rule(String)
            /// Place in `plans`.
            case correlation(Int)
        }

        let origin: Origin
        /// Names of the source's fields by which it is grouped, in the order of `group-by`.
        let groupBy: [String]
        /// Names of the source's fields whose values are counted.
        let values: [String]
    }

    /// Where the matches of a source go.
    struct Target: Sendable {
        let plan: Int
        let source: Int
    }

    /// One usable correlation. What it refers to stands before it.
    struct Plan: Sendable {
        let correlation: SigmaCorrelation
        let sources: [Source]
        /// Whether its matches are told; others only feed.
        var alerts = true
        var feeds: [Target] = []
        /// Timespan in microseconds.
        let span: Int64
        /// What the correlation says of itself, asked for each record.
        let isAbsence: Bool
        let isMeasured: Bool

        init(correlation: SigmaCorrelation, sources: [Source]) {
            self.correlation = correlation
            self.sources = sources
            span = Int64(correlation.timespanSeconds) * 1_000_000
            isAbsence = correlation.isAbsence
            isMeasured = correlation.isMeasured
        }
    }

    /// How late what a correlation counts may come, and for how long it is remembered; microseconds.
    struct Patience: Sendable {
        /// A silence below is told when it is over and judged, so it comes later than a record does.
        let lateness: Int64
        let memory: Int64
        /// For how long after its arrival an input can have an effect on what is counted.
        let reach: Int64
    }

    package private(set) var refused: [SigmaProblem] = []
    /// The usable ones, each after those that it refers to.
    package var correlations: [SigmaCorrelation] { plans.map(\.correlation) }
    private(set) var plans: [Plan] = []
    /// By id of the base rule in lower case.
    private(set) var targets: [String: [Target]] = [:]
    private var silenced: Set<String> = []

    /// How late a record may come, unless the engine is told otherwise; microseconds.
    package static let standardLateness: Int64 = 3_600_000_000

    package init(correlations: [SigmaCorrelation], rules: [SigmaRule]) {
        var resolution = CorrelationResolution(correlations: correlations, rules: rules)
        plans = resolution.plans()
        refused = resolution.refused
        var generated: Set<String> = []
        for (place, plan) in plans.enumerated() {
            for (index, source) in plan.sources.enumerated() {
                let id: String
                switch source.origin {
                case .rule(let rule):
                    id = rule
                    targets[rule, default: []].append(Target(plan: place, source: index))
                case .correlation(let other):
                    id = plans[other].correlation.id.lowercased()
                    plans[other].feeds.append(Target(plan: place, source: index))
                }
                if plan.correlation.generate { generated.insert(id) } else { silenced.insert(id) }
            }
        }
        silenced.subtract(generated)
        for place in plans.indices { plans[place].alerts = !isSilenced(plans[place].correlation.id) }
    }

    /// Whether a rule or correlation makes no alert of its own: a usable correlation refers to it, and none of those
    /// that do has `generate`.
    package func isSilenced(_ ruleID: String) -> Bool { silenced.contains(ruleID.lowercased()) }

    /// Whether a base rule feeds a correlation.
    package func needs(_ ruleID: String) -> Bool { targets[ruleID.lowercased()] != nil }

    /// The names of fields to be read from a record for which these rules hold: what correlations group by and count,
    /// under the names that the record has.
    package func fields(for ruleIDs: [String]) -> Set<String> {
        var names: Set<String> = []
        for id in ruleIDs {
            for target in targets[id.lowercased()] ?? [] {
                let source = plans[target.plan].sources[target.source]
                names.formUnion(source.groupBy)
                names.formUnion(source.values)
            }
        }
        return names
    }

    /// The same, with the values that an event has: what `CorrelationInput.fields` takes.
    package func fields(for ruleIDs: [String], of event: DetectionEvent) -> [String: [String]] {
        var values: [String: [String]] = [:]
        for name in fields(for: ruleIDs) {
            let texts = event.texts(name)
            if !texts.isEmpty { values[name] = texts }
        }
        return values
    }

    /// `reach(lateness:)` with the standard lateness.
    package var reach: Int64 { reach(lateness: Self.standardLateness) }

    /// Whether a correlation holds for what does not happen, so that time alone can complete a match.
    package var hasAbsences: Bool { plans.contains(where: \.isAbsence) }

    /// How long after its arrival an input can still have an effect, in microseconds: an engine that is given the
    /// inputs of this time goes on exactly as one that was never stopped.
    ///
    /// Each level of a chain remembers for its timespan and the lateness; the last one also remembers for as long what
    /// it has told.
    package func reach(lateness: Int64) -> Int64 {
        patience(lateness: CorrelationEngine.bounded(lateness: lateness)).map { $0.reach + $0.memory }.max() ?? 0
    }

    /// For each plan. A window that ends in silence is judged a microsecond after it can no longer be filled.
    func patience(lateness: Int64) -> [Patience] {
        var result: [Patience] = []
        for plan in plans {
            let own = plan.correlation.docket?.latenessSeconds.map { Int64($0) * 1_000_000 }
            var late = own ?? lateness
            var reach: Int64 = 0
            for case .correlation(let other) in plan.sources.map(\.origin) {
                let delay: Int64 = plans[other].isAbsence ? 1 : 0
                late = max(late, result[other].lateness + delay)
                reach = max(reach, result[other].reach)
            }
            let memory = plan.span + late + (plan.isAbsence ? 1 : 0)
            result.append(Patience(lateness: late, memory: memory, reach: reach + memory))
        }
        return result
    }
}
