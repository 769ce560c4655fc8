/// How a grouping of things agrees with the true one, by pairs: of all pairs put together, which belong together; of all that
/// belong together, which were put together.
package struct Agreement: Sendable {
    package private(set) var together = 0
    package private(set) var putTogether = 0
    package private(set) var belongTogether = 0
    /// Groups that hold things of one true group only, and true groups that are in one group whole.
    package private(set) var pureGroups = 0
    package private(set) var groups = 0
    package private(set) var wholeTruths = 0
    package private(set) var truths = 0

    /// - Parameter pairs: the group and the true group of each thing.
    package init(_ pairs: [(group: Int, truth: Int)]) {
        var byGroup: [Int: [Int: Int]] = [:]
        var byTruth: [Int: [Int: Int]] = [:]
        for (group, truth) in pairs {
            byGroup[group, default: [:]][truth, default: 0] += 1
            byTruth[truth, default: [:]][group, default: 0] += 1
        }
        func count(_ size: Int) -> Int { size * (size - 1) / 2 }
        for parts in byGroup.values {
            putTogether += count(parts.values.reduce(0, +))
            together += parts.values.reduce(0) { $0 + count($1) }
        }
        for parts in byTruth.values { belongTogether += count(parts.values.reduce(0, +)) }
        groups = byGroup.count
        truths = byTruth.count
        pureGroups = byGroup.values.count { $0.count == 1 }
        wholeTruths = byTruth.values.count { $0.count == 1 }
    }

    package var precision: Double { putTogether == 0 ? 1 : Double(together) / Double(putTogether) }
    package var recall: Double { belongTogether == 0 ? 1 : Double(together) / Double(belongTogether) }
}
