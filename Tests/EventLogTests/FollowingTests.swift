import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@Suite(.migrated) struct FollowingTests {
    @Test("a follower beside 16 writers misses nothing and sees dense positions in order")
    func follower() async throws {
        try await LogFixture.with { log in
            let total: Int64 = 16 * 25
            let sibling = try log.sibling()
            async let followed: [Event] = {
                var seen: [Event] = []
                var next: Int64 = 0
                while next < total {
                    _ = try await sibling.waitForHead(tenant: log.tenant, beyond: next, timeout: .seconds(5))
                    let page = try await sibling.page(tenant: log.tenant, from: next, limit: 37)
                    seen += page.events
                    next = page.next
                }
                return seen
            }()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask { for _ in 0..<25 { try await log.append([log.event()]) } }
                }
                try await group.waitForAll()
            }
            let seen = try await followed
            #expect(seen.map(\.position) == Array(0..<total))
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.recordedAt < $1.recordedAt })
        }
    }

    @Test("an append in this process wakes a waiter without waiting for the poll")
    func signal() async throws {
        var limits = EventLog.Limits()
        limits.pollInterval = .seconds(30)
        try await LogFixture.with(limits: limits) { log in
            // The poll that finds nothing is over before the append.
            #expect(try await log.log.waitForHead(tenant: log.tenant, beyond: 0, timeout: .milliseconds(1)) == 0)
            let start = ContinuousClock.now
            async let head = log.log.waitForHead(tenant: log.tenant, beyond: 0, timeout: .seconds(60))
            try await log.append([log.event()])
            #expect(try await head == 1)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("another process's append is seen by the poll, and the sequence gives each growth")
    func changes() async throws {
        try await LogFixture.with { log in
            let sibling = try log.sibling()
            var changes = sibling.headChanges(tenant: log.tenant).makeAsyncIterator()
            try await log.append([log.event()])
            #expect(try await changes.next() == 1)
            try await log.append([log.event(), log.event()])
            #expect(try await changes.next() == 3)
        }
    }

    @Test("waiting ends in time, and at once when the task is cancelled")
    func timeout() async throws {
        try await LogFixture.with { log in
            let head = try await log.log.waitForHead(tenant: log.tenant, beyond: 0, timeout: .milliseconds(20))
            #expect(head == 0)
            let task = Task {
                var changes = log.log.headChanges(tenant: log.tenant).makeAsyncIterator()
                return try await changes.next()
            }
            task.cancel()
            let start = ContinuousClock.now
            let code = await logErrorCode {
                let next = try await task.value
                #expect(next == nil)
            }
            #expect(code == nil || code == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("a filtered feed gives its events in order and goes on past the others")
    func filters() async throws {
        try await LogFixture.with { log in
            let caseID = UUID()
            for index in 0..<30 {
                let type = ["case.assigned", "case.closed", "run.started"][index % 3]
                _ = try await log.log.append(log.request([log.event(type)], caseID: index % 2 == 0 ? caseID : nil))
            }
            let closed = try await log.log.page(
                tenant: log.tenant, from: 0, limit: 100, types: ["case.closed", "none"])
            #expect(closed.events.map(\.position) == stride(from: Int64(1), to: 30, by: 3).map { $0 })
            #expect(closed.next == 30)
            let first = try await log.log.page(
                tenant: log.tenant, from: 0, limit: 3, types: ["case.closed", "run.started"])
            #expect(first.events.map(\.position) == [1, 2, 4])
            #expect(first.next == 5)
            let ofCase = try await log.log.feed(tenant: log.tenant, from: 10, limit: 3, caseID: caseID)
            #expect(ofCase.map(\.position) == [10, 12, 14])
            let both = try await log.log.feed(
                tenant: log.tenant, from: 0, limit: 100, types: ["case.closed"], caseID: caseID)
            #expect(both.map(\.position) == [4, 10, 16, 22, 28])
            let nothing = try await log.log.page(tenant: log.tenant, from: 0, limit: 100, types: ["none"])
            #expect(nothing.events.isEmpty && nothing.next == 30)
            #expect(try await log.log.heads()[log.tenant] == 30)
        }
    }

    @Test("a stream is read from a version on and up to a position")
    func bounds() async throws {
        try await LogFixture.with { log in
            let stream = UUID()
            for _ in 0..<5 {
                try await log.append([log.event()], stream: stream)
                try await log.append([log.event()])
            }
            let some = try await log.log.read(stream: stream, tenant: log.tenant, after: 1, upTo: 6, limit: 10)
            #expect(some.map(\.version) == [2, 3, 4])
            #expect(
                try await log.log.read(stream: stream, tenant: log.tenant, after: 0, upTo: nil, limit: 2).count == 2)
            #expect(try await log.log.read(stream: stream, tenant: UUID(), after: 0, upTo: nil, limit: 2).isEmpty)
        }
    }

    @Test("payloads of old schema versions are read in their newest form, and stay as they are in the log")
    func upcasting() async throws {
        var upcasters = Upcasters()
        upcasters.register("case.assigned", from: 1) { ["second": $0["n"] ?? .null] }
        upcasters.register("case.assigned", from: 2) { ["third": $0["second"] ?? .null] }
        try await LogFixture.with(upcasters: upcasters) { log in
            try await log.append([log.event(data: ["n": 7])])
            let event = try #require(try await log.log.feed(tenant: log.tenant, from: 0, limit: 1).first)
            #expect(event.schemaVersion == 3)
            #expect(event.data == ["third": 7])
            #expect(
                try await log.superuser.value("SELECT body->'data'->>'n' FROM docket.event", as: String.self) == "7")
        }
    }
}

@Suite(.migrated) struct ReactorPositionsTests {
    @Test("one owner holds the lease, renews it, and loses it when its time is up")
    func lease() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            let now = log.clock.now
            func lease(_ owner: String, after milliseconds: Int64) async throws -> Int64? {
                try await positions.lease(
                    "gate", tenant: log.tenant, owner: owner, now: now.adding(milliseconds: milliseconds))
            }
            #expect(try await lease("a", after: 0) == 0)
            #expect(try await lease("b", after: 1_000) == nil)
            #expect(try await lease("a", after: 2_000) == 0)
            #expect(try await lease("b", after: 4_000) == nil, "renewed at 2 s, so held until 5 s")
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 7, owner: "a"))
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 6, owner: "a") == false)
            #expect(try await lease("b", after: 5_001) == 7)
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 9, owner: "a") == false)
            try await positions.release("gate", tenant: log.tenant, owner: "b")
            #expect(try await lease("c", after: 5_002) == 7)
            #expect(try await positions.position(of: "gate", tenant: log.tenant) == 7)
            #expect(try await positions.position(of: "other", tenant: log.tenant) == 0)
        }
    }
}
