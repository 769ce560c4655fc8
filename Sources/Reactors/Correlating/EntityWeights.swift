import Cases
import Events

/// How much each strong entity of an alert weighs, in halves, so that sums are exact: 2 as actor or target, 1 where it is
/// only related. Weak types (data of the policy) weigh nothing and are not here.
struct EntityWeights: Sendable, Hashable {
    struct Item: Sendable, Hashable {
        var key: EntityKey
        var halves: Int
    }

    /// Each entity once, in order.
    private(set) var items: [Item] = []
    /// Of actors and targets: what is only related counts where it is shared.
    private(set) var ownTotal = 0

    /// - Parameter common: what weighs as if it were only related.
    init(of alert: NormalizedAlert, _ rules: Policy.Correlation, common: Set<EntityKey>) {
        var halves: [EntityKey: Int] = [:]
        for entity in alert.entities where !rules.weakEntityTypes.contains(entity.type) {
            let key = entity.key
            guard !key.value.isEmpty else { continue }
            halves[key] = max(halves[key] ?? 0, entity.role == .related || common.contains(key) ? 1 : 2)
        }
        items = halves.map { Item(key: $0.key, halves: $0.value) }.sorted { $0.key < $1.key }
        ownTotal = items.reduce(0) { $0 + ($1.halves == 2 ? 2 : 0) }
    }
}

/// The same of a case: an entity weighs what it weighs at most in one of the case's alerts. Counted, so that an alert that
/// leaves takes its part along.
struct EntityTally: Sendable {
    private struct Count: Sendable {
        var whole = 0
        var half = 0
        var halves: Int { whole > 0 ? 2 : half > 0 ? 1 : 0 }
    }

    private var counts: [EntityKey: Count] = [:]
    private(set) var ownTotal = 0

    var keys: Dictionary<EntityKey, some Sendable>.Keys { counts.keys }

    func halves(of key: EntityKey) -> Int { counts[key]?.halves ?? 0 }

    /// - Returns: the entities that were not there before.
    mutating func add(_ weights: EntityWeights) -> [EntityKey] {
        var new: [EntityKey] = []
        for item in weights.items {
            var count = counts[item.key] ?? Count()
            let before = count.halves
            if item.halves == 2 { count.whole += 1 } else { count.half += 1 }
            ownTotal += (count.halves == 2 ? 2 : 0) - (before == 2 ? 2 : 0)
            counts[item.key] = count
            if before == 0 { new.append(item.key) }
        }
        return new
    }

    /// - Returns: the entities that are gone.
    mutating func remove(_ weights: EntityWeights) -> [EntityKey] {
        var gone: [EntityKey] = []
        for item in weights.items {
            guard var count = counts[item.key] else { continue }
            let before = count.halves
            if item.halves == 2 { count.whole -= 1 } else { count.half -= 1 }
            ownTotal += (count.halves == 2 ? 2 : 0) - (before == 2 ? 2 : 0)
            counts[item.key] = count.halves == 0 ? nil : count
            if count.halves == 0 { gone.append(item.key) }
        }
        return gone
    }

    /// The weight of what both have, divided by the smaller of the two totals: 1 when one is contained in the other, 0 when
    /// nothing is shared. What is only related counts in a total where it is shared: context that the other side does not
    /// name says nothing against it.
    func overlap(with weights: EntityWeights) -> Double {
        var (shared, theirs, own) = (0, weights.ownTotal, ownTotal)
        for item in weights.items {
            let here = halves(of: item.key)
            guard here > 0 else { continue }
            shared += min(item.halves, here)
            if item.halves == 1 { theirs += 1 }
            if here == 1 { own += 1 }
        }
        return shared == 0 ? 0 : Double(shared) / Double(min(own, theirs))
    }

    func shared(with weights: EntityWeights) -> [EntityKey] {
        weights.items.map(\.key).filter { halves(of: $0) > 0 }
    }
}
