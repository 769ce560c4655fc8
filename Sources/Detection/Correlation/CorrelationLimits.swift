/// How much a `CorrelationEngine` remembers at most.
///
/// The policy when a bound is hit: of a group the oldest in event time goes, of a correlation the group to which nothing
/// was added for the longest time. Each loss is counted, since what was lost can no longer complete a match; and it is
/// the one thing that a restart may not reproduce.
package struct CorrelationLimits: Sendable, Hashable {
    /// Records and hits, for each group of each correlation; as many of the windows that were told.
    package var entriesPerGroup: Int
    package var groupsPerCorrelation: Int

    package init(entriesPerGroup: Int = 10_000, groupsPerCorrelation: Int = 100_000) {
        self.entriesPerGroup = max(1, entriesPerGroup)
        self.groupsPerCorrelation = max(1, groupsPerCorrelation)
    }

    /// Groups at most to which one record belongs when its fields have several values; and combinations of values at
    /// most that are counted of it.
    package static let combinations = 16
}

/// What a `CorrelationEngine` holds, and what it gave up since it was made.
package struct CorrelationCounters: Sendable, Hashable {
    package var entriesHeld = 0
    package var groupsHeld = 0
    /// Entries and told windows that a bound cost, those of dropped groups included.
    package var entriesDropped = 0
    package var groupsDropped = 0
    /// Groups to which a record would have belonged, and combinations of its values, beyond the sixteenth.
    package var combinationsDropped = 0

    package init() {}

    static func += (sum: inout CorrelationCounters, other: CorrelationCounters) {
        sum.entriesHeld += other.entriesHeld
        sum.groupsHeld += other.groupsHeld
        sum.entriesDropped += other.entriesDropped
        sum.groupsDropped += other.groupsDropped
        sum.combinationsDropped += other.combinationsDropped
    }
}
