/// What a base rule's match contributes: one record, once, with all the rules that held for it.
package struct CorrelationInput: Sendable, Hashable {
    /// Ids of the rules that held for the record, in lower case; those that feed no correlation do no harm.
    package var rules: [String]
    /// Event time, microseconds since 1970.
    package var occurredAt: Int64
    /// When the log recorded it, microseconds since 1970; it never decreases from call to call. An earlier one counts
    /// as the latest that was seen.
    package var arrivedAt: Int64
    /// Identity of the raw record: only distinct ones count. An input that stands for records which were only counted
    /// needs a digest of its own.
    package var digest: String
    /// Values by the record's own names of fields (`CorrelationSet.fields(for:)`).
    package var fields: [String: [String]]
    /// Records that this input stands for: 1, or more where a cap on the rate let them only be counted, all of them at
    /// `occurredAt`. What is below 1 counts as 1.
    package var count: Int

    package init(
        rules: [String], occurredAt: Int64, arrivedAt: Int64, digest: String, fields: [String: [String]] = [:],
        count: Int = 1
    ) {
        self.rules = rules
        self.occurredAt = occurredAt
        self.arrivedAt = arrivedAt
        self.digest = digest
        self.fields = fields
        self.count = count
    }
}
