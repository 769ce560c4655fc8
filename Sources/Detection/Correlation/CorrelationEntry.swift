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
    /// Whether it came while its time could still be judged, now or before: what comes later begins no silence.
    var isOnTime = false

    /// What is not needed to count: kept apart so that entries are small where they are moved.
    final class Content: Sendable {
        /// What makes two entries the same one.
        let identity: String
        /// Digest of the record that this is, or by which the hit ended; empty where several ended it together.
        let record: String
        /// Combinations of the counted fields' values, each as one text.
        let values: [String]
        /// Numbers that are measured; several where the field has several, or where rules have fields of their own.
        let measures: [Measure]
        let evidence: CorrelationEvidence

        init(
            identity: String, record: String, values: [String], measures: [Measure], evidence: CorrelationEvidence
        ) {
            self.identity = identity
            self.record = record
            self.values = values
            self.measures = measures
            self.evidence = evidence
        }
    }

    /// A number, under the name that the field has in the record.
    struct Measure: Sendable, Hashable {
        let field: String
        let number: Quantity
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

        func isBefore(_ other: Item) -> Bool { time == other.time ? digest < other.digest : time < other.time }
    }

    private(set) var items: [Item]
    /// Sorted.
    private(set) var rules: [String]

    init(_ item: Item, rules: [String]) {
        items = [item]
        self.rules = rules.count == 1 ? rules : Set(rules).sorted()
    }

    /// The evidence of entries that stand in the order of time: from the newest entry back, until there are `limit`.
    init(of entries: ArraySlice<CorrelationEntry>, limit: Int) {
        let newest = entries.suffix(limit)
        items = []
        rules = []
        items.reserveCapacity(newest.count)
        // A hit makes this list each time, so the usual case, records one after the other, takes the short way.
        for entry in newest {
            guard let item = entry.content.evidence.items.first, entry.content.evidence.items.count == 1,
                items.last.map({ $0.isBefore(item) }) ?? true
            else {
                self = CorrelationEvidence(mixed: entries, limit: limit)
                return
            }
            items.append(item)
            add(entry.content.evidence.rules)
        }
    }

    /// The same where entries are hits, which may stand for the same records.
    private init(mixed entries: ArraySlice<CorrelationEntry>, limit: Int) {
        var seen: Set<Item> = []
        rules = []
        items = []
        for entry in entries.reversed() where items.count < limit {
            for item in entry.content.evidence.items.reversed() where seen.insert(item).inserted { items.append(item) }
            add(entry.content.evidence.rules)
        }
        items.sort { $0.isBefore($1) }
        if items.count > limit { items.removeFirst(items.count - limit) }
    }

    private mutating func add(_ others: [String]) {
        if !others.allSatisfy(rules.contains) { rules = Set(rules).union(others).sorted() }
    }
}
