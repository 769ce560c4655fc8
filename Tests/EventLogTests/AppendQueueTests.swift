import Foundation
import Testing

@testable import EventLog

@Suite struct AppendQueueTests {
    private let tenant = UUID()

    private func entry(_ id: UInt64, _ stream: UUID = UUID(), events: Int = 1, bytes: Int = 1) -> AppendQueue<Int>.Entry
    {
        .init(id: id, stream: stream, eventCount: events, byteCount: bytes, ticket: Int(id))
    }

    private func queue(_ change: (inout EventLog.Limits) -> Void = { _ in }) -> AppendQueue<Int> {
        var limits = EventLog.Limits()
        change(&limits)
        return AppendQueue(limits: limits)
    }

    private func ids(_ batch: AppendQueue<Int>.Batch?) -> [UInt64] { batch?.entries.map(\.id) ?? [] }
    private func isWaiting(_ admission: AppendQueue<Int>.Admission) -> Bool {
        if case .wait = admission { true } else { false }
    }
    private func isFull(_ admission: AppendQueue<Int>.Admission) -> Bool {
        if case .full = admission { true } else { false }
    }
    private func leads(_ admission: AppendQueue<Int>.Admission) -> Bool {
        if case .lead = admission { true } else { false }
    }

    @Test("an idle tenant's request goes at once; what comes meanwhile is the next batch")
    func batches() {
        var queue = queue()
        #expect(leads(queue.admit(entry(1), tenant: tenant)))
        #expect(isWaiting(queue.admit(entry(2), tenant: tenant)))
        #expect(isWaiting(queue.admit(entry(3), tenant: tenant)))
        #expect(leads(queue.admit(entry(4), tenant: UUID())), "another tenant does not wait")
        #expect(ids(queue.finished(tenant)) == [2, 3])
        #expect(isWaiting(queue.admit(entry(5), tenant: tenant)), "the second batch is on its way")
        #expect(ids(queue.finished(tenant)) == [5])
        #expect(queue.finished(tenant) == nil)
        #expect(leads(queue.admit(entry(6), tenant: tenant)))
    }

    @Test("tenants without a lane wait, gather, and take turns in the order in which they came")
    func lanes() {
        var queue = queue { $0.lanes = 2 }
        let (a, b, c, d) = (UUID(), UUID(), UUID(), UUID())
        #expect(leads(queue.admit(entry(1), tenant: a)))
        #expect(leads(queue.admit(entry(2), tenant: b)))
        #expect(isWaiting(queue.admit(entry(3), tenant: c)))
        #expect(isWaiting(queue.admit(entry(4), tenant: d)))
        #expect(isWaiting(queue.admit(entry(5), tenant: c)))
        #expect(isWaiting(queue.admit(entry(6), tenant: a)))
        let first = queue.finished(a)
        #expect(first?.tenant == c && ids(first) == [3, 5])
        #expect(isWaiting(queue.admit(entry(7), tenant: c)), "the batch is on its way")
        #expect(ids(queue.finished(b)) == [4])
        #expect(ids(queue.finished(c)) == [6], "who came first goes first")
        #expect(ids(queue.finished(d)) == [7])
        #expect(queue.finished(a) == nil)
        #expect(leads(queue.admit(entry(8), tenant: b)), "a lane is free again")
        #expect(isWaiting(queue.admit(entry(9), tenant: a)))
        #expect(queue.withdraw(9, tenant: a)?.id == 9)
        #expect(queue.finished(c) == nil, "who gave up has no turn")
        #expect(leads(queue.admit(entry(10), tenant: a)))
    }

    @Test("a stream has one request in a batch, and its requests keep their order")
    func streams() {
        var queue = queue { $0.batchEventsMaximum = 3 }
        let stream = UUID()
        _ = queue.admit(entry(0), tenant: tenant)
        for (id, target) in [(1, stream), (2, stream), (3, UUID()), (4, stream)] as [(UInt64, UUID)] {
            _ = queue.admit(entry(id, target), tenant: tenant)
        }
        #expect(ids(queue.finished(tenant)) == [1, 3])
        #expect(ids(queue.finished(tenant)) == [2])
        #expect(ids(queue.finished(tenant)) == [4])
    }

    @Test("a batch ends before it grows too large, but a large request goes alone")
    func size() {
        var queue = queue { $0.batchEventsMaximum = 3 }
        _ = queue.admit(entry(0), tenant: tenant)
        for (id, events) in [(1, 2), (2, 2), (3, 1), (4, 9)] as [(UInt64, Int)] {
            _ = queue.admit(entry(id, events: events), tenant: tenant)
        }
        #expect(ids(queue.finished(tenant)) == [1])
        #expect(ids(queue.finished(tenant)) == [2, 3])
        #expect(ids(queue.finished(tenant)) == [4])
    }

    @Test("events of a tenant and bytes of all are bounded, and room comes back")
    func bounds() {
        var queue = queue {
            $0.waitingEventsMaximum = 2
            $0.waitingBytesMaximum = 10
        }
        let other = UUID()
        _ = queue.admit(entry(0), tenant: tenant)
        _ = queue.admit(entry(1), tenant: other)
        #expect(isWaiting(queue.admit(entry(2, events: 2), tenant: tenant)))
        #expect(isFull(queue.admit(entry(3), tenant: tenant)))
        #expect(isWaiting(queue.admit(entry(4, bytes: 9), tenant: other)))
        #expect(isFull(queue.admit(entry(5, bytes: 1), tenant: other)))
        #expect(queue.withdraw(4, tenant: other)?.id == 4)
        #expect(queue.withdraw(4, tenant: other) == nil)
        #expect(isWaiting(queue.admit(entry(6, bytes: 9), tenant: other)))
        #expect(ids(queue.finished(tenant)) == [2])
        #expect(isWaiting(queue.admit(entry(7, events: 2), tenant: tenant)))
    }
}
