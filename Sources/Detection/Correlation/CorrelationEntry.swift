/// One thing that a correlation counts: a record, or a hit of a correlation below it.
struct CorrelationEntry: Sendable {
    /// Event time; of a hit that of its last event.
    let time: Int64
    /// When it came, or came again.
    let arrival: Int64
    /// Records that it stands for.
    let count: Int
    /// Event time of the earliest record at the bottom of it.
    let first: Int64
    let content: Content

    /// What is not needed to count: kept apart so that entries are small where they are moved.
    final class Content: Sendable {
        /// What makes two entries the same one.
        let identity: String
        /// Digest of the record that this is, or by which the hit ended; empty where several ended it together.
        let record: String
        /// Combinations of the counted fields' values, each as one text.
        let values: [String]
        let evidence: CorrelationEvidence

        init(identity: String, record: String, values: [String], evidence: CorrelationEvidence) {
            self.identity = identity
            self.record = record
            self.values = values
            self.evidence = evidence
        }
    }

    /// By time; where that is the same, in an order that does not depend on how they came.
    func isBefore(_ time: Int64, _ identity: String) -> Bool {
        self.time == time ? content.identity < identity : self.time < time
    }
}

/// The records behind an entry or a match, in the order of their event times.
struct CorrelationEvidence: Sendable {
    struct Item: Sendable, Hashable {
        let time: Int64
        let digest: String
    }

    private(set) var items: [Item]
    private(set) var rules: Set<String>

    init(_ item: Item, rules: [String]) {
        items = [item]
        self.rules = Set(rules)
    }

    /// The evidence of entries that stand in the order of time: from the newest entry back, until there are `limit`.
    init(of entries: some BidirectionalCollection<CorrelationEntry>, limit: Int) {
        var seen: Set<Item> = []
        rules = []
        items = []
        for entry in entries.reversed() where items.count < limit {
            let evidence = entry.content.evidence
            if !evidence.rules.isSubset(of: rules) { rules.formUnion(evidence.rules) }
            for item in evidence.items.reversed() where seen.insert(item).inserted { items.append(item) }
        }
        items.sort { $0.time == $1.time ? $0.digest < $1.digest : $0.time < $1.time }
        if items.count > limit { items.removeFirst(items.count - limit) }
    }
}
