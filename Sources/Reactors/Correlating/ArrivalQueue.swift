import Events

import struct Foundation.UUID

/// What is to be looked at again when its time is over, in the order in which it came in. Taking from the front costs
/// nothing for what stays.
struct ArrivalQueue: Sendable {
    private var items: [(at: Instant, id: UUID)] = []
    private var first = 0

    mutating func append(_ id: UUID, at instant: Instant) { items.append((instant, id)) }

    /// The next one that came in before an instant; `nil` as soon as the front is younger.
    mutating func next(before instant: Instant) -> UUID? {
        guard first < items.count, items[first].at < instant else { return nil }
        defer { first += 1 }
        let id = items[first].id
        if first > 1_024, first * 2 > items.count {
            items.removeFirst(first)
            first = 0
        }
        return id
    }
}
