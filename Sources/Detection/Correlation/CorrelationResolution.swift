/// Finds what correlations refer to, by id or by name, and refuses those for which that fails.
struct CorrelationResolution {
    private enum Referent: Hashable {
        case rule(String)
        /// Place in `correlations`.
        case correlation(Int)
    }

    private enum Outcome {
        /// Being resolved: to meet it again is a cycle.
        case begun
        case refused
        /// Place in the plans.
        case usable(Int)
    }

    private let correlations: [SigmaCorrelation]
    private var byID: [String: Set<Referent>] = [:]
    private var byName: [String: Set<Referent>] = [:]
    private var outcomes: [Outcome?]
    private var finished: [CorrelationSet.Plan] = []
    private(set) var refused: [SigmaProblem] = []

    init(correlations: [SigmaCorrelation], rules: [SigmaRule]) {
        self.correlations = correlations
        outcomes = Array(repeating: nil, count: correlations.count)
        for rule in rules { note(.rule(rule.id.lowercased()), id: rule.id, name: rule.name) }
        var ids: Set<String> = []
        for (place, correlation) in correlations.enumerated() {
            if ids.insert(correlation.id.lowercased()).inserted {
                note(.correlation(place), id: correlation.id, name: correlation.name)
            } else {
                refuse(place, "the id '\(correlation.id)' belongs to another correlation")
            }
        }
    }

    private mutating func note(_ referent: Referent, id: String, name: String?) {
        byID[id.lowercased(), default: []].insert(referent)
        if let name { byName[name, default: []].insert(referent) }
    }

    /// The usable correlations, each after those that it refers to.
    mutating func plans() -> [CorrelationSet.Plan] {
        for place in correlations.indices { resolve(place) }
        return finished
    }

    private mutating func refuse(_ place: Int, _ reason: String) {
        let correlation = correlations[place]
        refused.append(
            SigmaProblem(
                file: correlation.file, line: correlation.line, reason: reason, ruleID: correlation.id))
        outcomes[place] = .refused
    }

    /// Levels at most in a chain.
    private static let depthLimit = 32

    private mutating func resolve(_ place: Int, level: Int = 1) {
        guard outcomes[place] == nil else { return }
        outcomes[place] = .begun
        guard level <= Self.depthLimit else {
            return refuse(place, "the chain of correlations has more than \(Self.depthLimit) levels")
        }
        let correlation = correlations[place]
        do throws(Refusal) {
            let found = try correlation.rules.map { (reference) throws(Refusal) in try referent(of: reference) }
            var origins: [CorrelationSet.Source.Origin] = []
            for (reference, referent) in zip(correlation.rules, found) {
                origins.append(try origin(of: referent, called: reference, level: level))
            }
            for (index, origin) in origins.enumerated() where origins[..<index].contains(origin) {
                throw Refusal("the rule '\(correlation.rules[index])' is named twice")
            }
            let aliases = try aliases(of: correlation, among: found)
            let sources = try zip(origins, aliases).enumerated().map { (index, pair) throws(Refusal) in
                try source(pair.0, aliases: pair.1, of: correlation, called: correlation.rules[index])
            }
            finish(place, sources)
        } catch {
            refuse(place, error.reason)
        }
    }

    /// Ids are compared without regard to case, names exactly.
    private func referent(of reference: String) throws(Refusal) -> Referent {
        let found = (byName[reference] ?? []).union(byID[reference.lowercased()] ?? [])
        guard let first = found.first else { throw Refusal("no rule or correlation is called '\(reference)'") }
        guard found.count == 1 else { throw Refusal("'\(reference)' names more than one rule or correlation") }
        return first
    }

    private mutating func origin(
        of referent: Referent, called reference: String, level: Int
    ) throws(Refusal) -> CorrelationSet.Source.Origin {
        switch referent {
        case .rule(let id): return .rule(id)
        case .correlation(let other):
            resolve(other, level: level + 1)
            switch outcomes[other] {
            case .usable(let plan): return .correlation(plan)
            case .begun: throw Refusal("the correlation refers to itself, through '\(reference)'")
            case .refused, nil: throw Refusal("the correlation '\(reference)', to which this one refers, is refused")
            }
        }
    }

    /// For each rule of a correlation its own names of fields by alias.
    private func aliases(
        of correlation: SigmaCorrelation, among found: [Referent]
    ) throws(Refusal) -> [[String: String]] {
        var result = Array(repeating: [String: String](), count: found.count)
        for (alias, fields) in correlation.aliases.sorted(by: { $0.key < $1.key }) {
            for (reference, field) in fields.sorted(by: { $0.key < $1.key }) {
                guard let place = found.firstIndex(of: try referent(of: reference)) else {
                    throw Refusal("the alias '\(alias)' is for '\(reference)', to which the correlation does not refer")
                }
                guard result[place].updateValue(field, forKey: alias) == nil else {
                    throw Refusal("the alias '\(alias)' has two fields for one rule")
                }
            }
        }
        return result
    }

    /// A chained correlation has no fields but its groups, under the names by which it groups.
    private func source(
        _ origin: CorrelationSet.Source.Origin, aliases: [String: String], of correlation: SigmaCorrelation,
        called reference: String
    ) throws(Refusal) -> CorrelationSet.Source {
        var values: [String] = []
        switch correlation.kind {
        case .valueCount(let fields, _): values = fields.map { aliases[$0] ?? $0 }
        case .measure(_, let field, _): values = [aliases[field] ?? field]
        case .eventCount, .temporal, .temporalOrdered: break
        }
        let groupBy = correlation.groupBy.map { aliases[$0] ?? $0 }
        if case .correlation(let other) = origin {
            let names = finished[other].correlation.groupBy
            for field in groupBy + values where !names.contains(field) {
                throw Refusal("'\(field)' is needed of the correlation '\(reference)', which does not group by it")
            }
        }
        return CorrelationSet.Source(origin: origin, groupBy: groupBy, values: values)
    }

    private mutating func finish(_ place: Int, _ sources: [CorrelationSet.Source]) {
        let correlation = correlations[place]
        outcomes[place] = .usable(finished.count)
        finished.append(CorrelationSet.Plan(correlation: correlation, sources: sources))
    }
}
