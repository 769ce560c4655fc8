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
    @Test("a process is there for as long as it says so, and gone at once when it leaves")
    func processes() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            let now = log.clock.now
            func beat(_ owner: String, after milliseconds: Int64) async throws -> [String] {
                try await positions.beat(owner, reactors: ["gate"], now: now.adding(milliseconds: milliseconds))
            }
            #expect(try await beat("a", after: 0) == ["a"])
            #expect(try await beat("b", after: 1_000) == ["a", "b"])
            #expect(try await beat("b", after: 3_001) == ["b"], "a was last there until 3 s")
            #expect(try await beat("a", after: 3_500) == ["a", "b"])
            try await positions.leave("b")
            #expect(try await beat("a", after: 3_600) == ["a"])
        }
    }

    @Test("a position only grows, whoever moves it")
    func growing() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            for next: Int64 in [7, 6, 9] { _ = try await positions.advance("gate", tenant: log.tenant, to: next) }
            #expect(try await positions.position(of: "gate", tenant: log.tenant) == 9)
            #expect(try await positions.position(of: "other", tenant: log.tenant) == 0)
        }
    }

    @Test("work is what was not handled, what is marked, and what wants to be woken")
    func work() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            let now = log.clock.now
            #expect(try await positions.tenantsWithWork(for: ["gate"]).isEmpty)
            let event = try await log.appended()
            #expect(try await positions.tenantsWithWork(for: ["gate"]) == [log.tenant])
            _ = try await positions.advance("gate", tenant: log.tenant, to: 1)
            #expect(try await positions.tenantsWithWork(for: ["gate"]).isEmpty)
            #expect(try await positions.tenantsWithWork(for: ["gate", "new"]) == [log.tenant])

            let later = now.adding(milliseconds: 5_000)
            _ = try await positions.advance("gate", tenant: log.tenant, to: 1, tickAt: later)
            #expect(try await positions.due(at: now, reactors: ["gate"]).isEmpty)
            let due = DueReactor(tenant: log.tenant, reactor: "gate")
            #expect(try await positions.due(at: later, reactors: ["gate"]) == [due])
            #expect(try await positions.due(at: later, reactors: ["other"]).isEmpty)
            _ = try await positions.advance("gate", tenant: log.tenant, to: 1)

            let mark = ReactorMark(event, setsAside: false, reason: nil, attempts: 0, since: now, dueAt: later)
            try await positions.mark(mark, reactor: "gate", tenant: log.tenant)
            #expect(try await positions.tenantsWithWork(for: ["gate"]) == [log.tenant])
            #expect(try await positions.due(at: later, reactors: ["gate"]) == [due])
            #expect(try await positions.place(of: "gate", tenant: log.tenant).marks == [mark])
            #expect(try await positions.failures().isEmpty, "asking to be called again is no failure")
        }
    }

    @Test(
        "nothing is passed over behind a mark that another process has lifted, nor is a mark lifted behind which more was"
    )
    func marks() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            let now = log.clock.now
            let event = try await log.appended()
            let mark = ReactorMark(event, setsAside: true, reason: "no", attempts: 1, since: now, dueAt: now)
            try await positions.mark(mark, reactor: "gate", tenant: log.tenant)
            #expect(try await positions.failures().map(\.mark) == [mark])
            let stream = event.streamID
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 5, settingAside: [stream]))
            #expect(
                try await positions.lift(mark, reactor: "gate", tenant: log.tenant, upTo: 4) == false,
                "somebody has passed over what lies at 4")
            #expect(try await positions.lift(mark, reactor: "gate", tenant: log.tenant, upTo: 5))
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 9, settingAside: [stream]) == false)
            #expect(try await positions.position(of: "gate", tenant: log.tenant) == 5)
            #expect(try await positions.advance("gate", tenant: log.tenant, to: 9))
        }
    }

    @Test("an erasure waits for the reactors of the processes that are there, and for no others")
    func passing() async throws {
        try await LogFixture.with { log in
            let positions = ReactorPositions(log.application)
            let now = log.clock.now
            _ = try await positions.advance("retired", tenant: log.tenant, to: 1)
            #expect(try await positions.havePassed(5, tenant: log.tenant, now: now))
            _ = try await positions.beat("a", reactors: ["gate", "enrich"], now: now)
            #expect(try await positions.havePassed(5, tenant: log.tenant, now: now) == false)
            for reactor in ["gate", "enrich"] { _ = try await positions.advance(reactor, tenant: log.tenant, to: 5) }
            #expect(try await positions.havePassed(5, tenant: log.tenant, now: now))
            #expect(try await positions.havePassed(6, tenant: log.tenant, now: now) == false)
            #expect(try await positions.havePassed(6, tenant: log.tenant, now: now.adding(milliseconds: 3_001)))
        }
    }
}

@Suite(.migrated) struct HeadMovesTests {
    @Test("heads of all tenants come as they move, from this process and from another, each tenant's newest once")
    func moves() async throws {
        try await LogFixture.with { log in
            let sibling = try log.sibling()
            let moves = log.log.headMoves()
            #expect(try await moves.current()[log.tenant] == 0)
            #expect(try await moves.next(timeout: .milliseconds(1)).isEmpty, "nothing has moved since")
            for _ in 0..<3 { _ = try await log.appended() }
            #expect(try await moves.next() == [log.tenant: 3])
            async let moved = moves.next()
            _ = try await log.appended(through: sibling)
            #expect(try await moved == [log.tenant: 4])
            let other = UUID()
            try await sibling.createTenant(other)
            #expect(try await moves.next() == [other: 0])
        }
    }
}
