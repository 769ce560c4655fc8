/// A correlation that holds, told once for each episode (`CorrelationEngine`).
package struct CorrelationMatch: Sendable, Hashable {
    /// One value that the records of a match have in common.
    package struct GroupValue: Sendable, Hashable {
        /// The field, or the alias, as `group-by` has it.
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package let id: String
    package let title: String
    package let level: SigmaLevel?
    package let tags: [String]
    package let author: String?
    package let docket: DocketHints?
    /// In the order of `group-by`; empty where all records belong together.
    package let group: [GroupValue]
    /// Event time of the earliest record that contributed, at whatever level of the chain; as known when the match was
    /// made, so a record that arrives later may be older. Microseconds since 1970.
    package let firstOccurredAt: Int64
    /// Event time of the record that completes the window, or where the window ended in silence its end; microseconds
    /// since 1970.
    package let lastOccurredAt: Int64
    /// Events in the window, or distinct values in it, or the rules of a correlation over time.
    package let count: Int
    /// The sum, the average or the percentile that the condition holds for; `nil` for other kinds.
    package let measured: Quantity?
    /// When a window that ended in silence was judged; `nil` where a record completed the window. Microseconds since
    /// 1970 by arrival.
    package let judgedAt: Int64?
    /// The raw records of all levels of the chain in the order of their event times: the newest, `digestLimit` at most,
    /// and of each hit of a chained correlation the newest `chainedDigestLimit`.
    package let digests: [String]
    /// Ids of the base rules by which the records in `digests` contributed, sorted.
    package let rules: [String]

    package static let digestLimit = 1_000
    package static let chainedDigestLimit = 100
}
