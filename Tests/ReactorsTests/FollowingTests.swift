import Cases
import EventLog
import Events
import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Reactors

private struct Refusal: Error {}

/// What a test lets happen from now on.
private final class Switch: Sendable {
    private let value = Mutex(false)
    var isOn: Bool { value.withLock { $0 } }
    func turnOn() { value.withLock { $0 = true } }
}

@Suite("Following the log", .migrated, .timeLimit(.minutes(25)))
struct FollowingTests {
    @Test("twenty reactions that ask to be called again hold no place: a twenty-first is done at once")
    func again() async throws {
        try await FollowedLog.with { followed in
            let settled = Switch()
            let later = followed.clock.now.adding(milliseconds: 3_600_000)
            let reactor = ToyReactor { text, _ in
                text.hasPrefix("unknown") && !settled.isOn ? .again(at: later) : .done
            }
            for index in 0..<20 { try await followed.comment("unknown \(index)", on: UUID()) }
            try await followed.comment("clear", on: UUID())
            try await followed.lead(reactor)
            #expect(reactor.texts.last == "clear" || reactor.texts.count == 21)
            #expect(reactor.texts.contains("clear"))
            let place = try await followed.place(reactor)
            #expect(place.next == 21 && place.marks.count == 20)
            #expect(place.marks.allSatisfy { $0.dueAt == later && $0.reason == nil && !$0.setsAside })

            // Before their time nothing is called again; the times outlive the process.
            try await followed.lead(reactor)
            #expect(reactor.texts.count == 21)
            settled.turnOn()
            followed.clock.advance(milliseconds: 3_600_001)
            #expect(try await followed.positions.due(at: followed.clock.now, reactors: ["toy"]).count == 1)
            try await followed.lead(ToyReactor { _, _ in .done })
            #expect(try await followed.place(reactor).marks.isEmpty)
        }
    }

    @Test("what happens to a case meanwhile is reacted to at once, and one wish a case is kept")
    func meanwhile() async throws {
        try await FollowedLog.with { followed in
            let later = followed.clock.now.adding(milliseconds: 60_000)
            let reactor = ToyReactor { text, _ in text == "last" ? .done : .again(at: later) }
            let stream = UUID()
            try await followed.comment("first", on: stream)
            try await followed.lead(reactor)
            let second = try await followed.comment("second", on: stream)
            try await followed.lead(reactor)
            #expect(reactor.texts == ["first", "second"])
            #expect(try await followed.place(reactor).marks.map(\.position) == [second])
        }
    }

    @Test("a reaction that fails sets its own stream aside, in order, and nothing else", arguments: [true, false])
    func failing(isConcurrent: Bool) async throws {
        try await FollowedLog.with { followed in
            let isMended = Switch()
            let answer: @Sendable (String, Event) async throws -> Reaction = { text, _ in
                if text == "bad" && !isMended.isOn { throw Refusal() }
                return .done
            }
            let serial = SerialReactor(answer)
            let toy = isConcurrent ? ToyReactor(answer) : serial.toy
            let reactor: any Reactor = isConcurrent ? toy : serial
            let (sick, sound) = (UUID(), UUID())
            try await followed.comment("one", on: sick)
            let bad = try await followed.comment("bad", on: sick)
            try await followed.comment("other", on: sound)
            try await followed.comment("three", on: sick)
            try await followed.lead(reactor)
            #expect(Set(toy.texts) == ["one", "other"])
            let place = try await followed.place(reactor)
            #expect(place.next == 4)
            #expect(place.marks.map(\.position) == [bad] && place.marks[0].setsAside && place.marks[0].caseID == sick)
            #expect(try await followed.positions.failures(tenant: followed.tenant).count == 1)

            // What comes later for the stream waits too; a process that starts tries again at once, in vain.
            try await followed.comment("four", on: sick)
            try await followed.comment("another", on: sound)
            try await followed.lead(reactor)
            #expect(Set(toy.texts) == ["one", "other", "another"])
            #expect(try await followed.place(reactor).marks.first?.attempts == 2)

            isMended.turnOn()
            try await followed.lead(reactor)
            #expect(Array(toy.texts.suffix(3)) == ["bad", "three", "four"], "in their order")
            let after = try await followed.place(reactor)
            #expect(after.next == 6 && after.marks.isEmpty)
            try await followed.comment("five", on: sick)
            try await followed.lead(reactor)
            #expect(toy.texts.last == "five")
        }
    }

    @Test("an event whose body cannot be read sets its own stream aside")
    func unreadable() async throws {
        try await FollowedLog.with { followed in
            let (sick, sound) = (UUID(), UUID())
            for (text, stream) in [("one", sick), ("two", sick), ("other", sound), ("three", sick)] {
                try await followed.comment(text, on: stream)
            }
            try await followed.superuser.execute("ALTER TABLE docket.event DISABLE TRIGGER ALL")
            try await followed.superuser.execute("UPDATE docket.event SET body = '{}' WHERE position = 1")
            let reactor = ToyReactor()
            try await followed.lead(reactor)
            #expect(Set(reactor.texts) == ["one", "other"])
            let place = try await followed.place(reactor)
            #expect(place.next == 4 && place.marks.map(\.position) == [1] && place.marks[0].streamID == sick)
            try await followed.lead(reactor)
            #expect(try await followed.place(reactor).marks.first?.attempts == 2)
        }
    }

    @Test("a stream that is stuck again further on is marked there")
    func further() async throws {
        try await FollowedLog.with { followed in
            let isMended = Switch()
            let reactor = ToyReactor { text, _ in
                if text == "first" && !isMended.isOn || text == "second" { throw Refusal() }
                return .done
            }
            let stream = UUID()
            for text in ["first", "between", "second", "end"] { try await followed.comment(text, on: stream) }
            try await followed.lead(reactor)
            #expect(try await followed.place(reactor).marks.map(\.position) == [0])
            isMended.turnOn()
            try await followed.lead(reactor)
            #expect(reactor.texts == ["first", "between"])
            let marks = try await followed.place(reactor).marks
            #expect(marks.map(\.position) == [2] && marks[0].setsAside && marks[0].attempts == 1)
        }
    }

    @Test("while the log cannot be reached nothing is taken for a fault of an event")
    func transient() async throws {
        try await FollowedLog.with { followed in
            let attempts = Mutex(0)
            let reactor = ToyReactor { _, _ in
                let count = attempts.withLock { attempts in
                    attempts += 1
                    return attempts
                }
                if count < 6 { throw EventLogError(.unavailable, "away") }
                return .done
            }
            try await followed.comment("one", on: UUID())
            try await followed.lead(reactor)
            #expect(attempts.withLock { $0 } == 6)
            let place = try await followed.place(reactor)
            #expect(place.next == 1 && place.marks.isEmpty)
        }
    }

    @Test("a reactor that fails everywhere stands still instead of setting everything aside")
    func systemic() async throws {
        try await FollowedLog.with { followed in
            var limits = ReactorFollower.Limits()
            limits.asideMaximum = 3
            limits.linger = .milliseconds(1)
            let isMended = Switch()
            let tried = AsyncStream.makeStream(of: String.self)
            let reactor = SerialReactor { text, _ in
                tried.continuation.yield(text)
                if !isMended.isOn { throw Refusal() }
                return .done
            }
            for index in 0..<6 { try await followed.comment("\(index)", on: UUID()) }
            let narrow = limits
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await followed.lead(reactor, limits: narrow) }
                // Three attempts each set three streams aside; then the fourth is tried for as long as it takes.
                var count = 0
                for await text in tried.stream where text == "3" {
                    count += 1
                    if count == 5 { break }
                }
                #expect(try await followed.place(reactor).marks.map(\.position) == [0, 1, 2])
                #expect(try await followed.place(reactor).next == 3)
                isMended.turnOn()
                try await group.waitForAll()
            }
            #expect(reactor.toy.texts == ["3", "4", "5"])
            followed.clock.advance(milliseconds: 60_000)
            try await followed.lead(reactor)
            #expect(Set(reactor.toy.texts) == ["0", "1", "2", "3", "4", "5"])
            #expect(try await followed.place(reactor).marks.isEmpty)
        }
    }

    @Test("a crash repeats, and never skips: what was marked and what was not is reacted to by the next process")
    func crash() async throws {
        try await FollowedLog.with { followed in
            let reached = AsyncStream.makeStream(of: Void.self)
            let hanging = ToyReactor { text, _ in
                if text == "bad" { throw Refusal() }
                if text == "slow" {
                    reached.continuation.yield()
                    try await Task.sleep(for: .seconds(3_600))
                }
                return .done
            }
            try await followed.comment("bad", on: UUID())
            try await followed.comment("slow", on: UUID())
            try await followed.comment("quick", on: UUID())
            let running = Task { try await followed.lead(hanging) }
            for await _ in reached.stream { break }
            let deadline = ContinuousClock.now + .seconds(300)
            while try await followed.place(hanging).marks.isEmpty, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            running.cancel()
            _ = await running.result
            let next = ToyReactor()
            try await followed.lead(next)
            #expect(Set(next.texts).isSuperset(of: ["bad", "slow"]))
            let place = try await followed.place(next)
            #expect(place.next == 3 && place.marks.isEmpty)
        }
    }
}

@Suite("Several processes", .migrated, .timeLimit(.minutes(25)))
struct ReactorShareTests {
    @Test("each tenant is led by one of the processes, and only the share of one that comes or goes moves")
    func shares() {
        let tenants = (0..<1_000).map { _ in UUID() }
        let names = ["a", "b", "c"]
        let three = names.map { ReactorShare(owner: $0, owners: names) }
        let two = names.prefix(2).map { ReactorShare(owner: $0, owners: Array(names.prefix(2))) }
        for tenant in tenants {
            #expect(three.count { $0.isMine(tenant) } == 1)
            #expect(two.count { $0.isMine(tenant) } == 1)
            if !three[2].isMine(tenant) {
                #expect(three[0].isMine(tenant) == two[0].isMine(tenant))
            }
        }
        for share in three { #expect((200...470).contains(tenants.count { share.isMine($0) })) }
        #expect(!ReactorShare(owner: "a").isMine(tenants[0]), "before it is known who is there")
    }

    private func runner(
        _ followed: FollowedLog, _ log: EventLog, _ owner: String, _ seen: AsyncStream<String>.Continuation
    ) -> ReactorRunner {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var limits = ReactorRunner.Limits()
        limits.beat = .milliseconds(100)
        return ReactorRunner(
            log: log, positions: followed.positions, clock: { .now() }, owner: owner, limits: limits, logger: logger
        ) { _ in
            [
                ToyReactor { text, _ in
                    seen.yield("\(owner) \(text)")
                    return .done
                }
            ]
        }
    }

    @Test("two processes share the tenants, and what one leaves behind without a word the other does within seconds")
    func takeover() async throws {
        try await FollowedLog.with { followed in
            let tenants = (0..<20).map { _ in UUID() }
            for tenant in tenants { try await followed.log.createTenant(tenant) }
            let seen = AsyncStream.makeStream(of: String.self)
            let (one, two) = (
                runner(followed, followed.log, "one", seen.continuation),
                runner(followed, try followed.sibling(), "two", seen.continuation)
            )
            let first = Task { try await one.run() }
            let second = Task { try await two.run() }
            let deadline = ContinuousClock.now + .seconds(300)
            while one.share.ownerCount < 2 || two.share.ownerCount < 2, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
            for tenant in tenants { try await followed.comment("\(tenant)", on: UUID(), tenant: tenant) }
            var iterator = seen.stream.makeAsyncIterator()
            var doers: [String: Set<String>] = [:]
            while Set(doers.values.flatMap(\.self)).count < tenants.count, let text = await iterator.next() {
                let parts = text.split(separator: " ").map(String.init)
                doers[parts[0], default: []].insert(parts[1])
            }
            #expect(doers["one"]?.isEmpty == false && doers["two"]?.isEmpty == false)

            // Gone without a word, as after kill -9: cancelled, and its row put back.
            let hers = try #require(doers["two"])
            second.cancel()
            _ = await second.result
            _ = try await followed.positions.beat("two", reactors: ["toy"], now: .now(), milliseconds: 1_500)
            for tenant in tenants { try await followed.comment("after \(tenant)", on: UUID(), tenant: tenant) }
            var after: Set<String> = []
            while after.count < tenants.count, let text = await iterator.next() {
                let parts = text.split(separator: " ").map(String.init)
                if parts.count == 3 { after.insert(parts[2]) }
            }
            #expect(after.isSuperset(of: hers))
            first.cancel()
            _ = await first.result
        }
    }
}
