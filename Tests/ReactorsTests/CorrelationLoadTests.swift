import Detection
import Foundation
import Testing

@testable import Reactors

@Suite("The load of correlations")
struct CorrelationLoadTests {
    private static func counters(held: Int, dropped: Int) -> CorrelationCounters {
        var counters = CorrelationCounters()
        counters.entriesHeld = held
        counters.groupsHeld = 1
        counters.entriesDropped = dropped
        return counters
    }

    @Test("what is held is that of all tenants now, what was dropped never goes back, also over a new engine")
    func sums() {
        let load = CorrelationLoad()
        #expect(load.counters == nil)
        let first = UUID()
        load.note(Self.counters(held: 5, dropped: 2), of: first)
        load.note(Self.counters(held: 7, dropped: 3), of: first)
        load.note(Self.counters(held: 1, dropped: 10), of: UUID())
        #expect(load.counters?.entriesHeld == 8 && load.counters?.groupsHeld == 2)
        #expect(load.counters?.entriesDropped == 13)
        load.note(Self.counters(held: 2, dropped: 1), of: first)
        #expect(load.counters?.entriesHeld == 3 && load.counters?.entriesDropped == 14)
    }
}
