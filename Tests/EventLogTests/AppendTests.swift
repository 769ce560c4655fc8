import EventLog
import Events
import Foundation
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.migrated) struct AppendTests {
    @Test("what was appended is read back, in place and unchanged")
    func roundTrip() async throws {
        try await LogFixture.with { log in
            let stream = UUID()
            let caseID = UUID()
            var first = log.event(data: ["text": "Zoë", "list": [1, 2.5, nil, true], "empty": .object([:])])
            first.causedBy = UUID()
            first.traceID = "0af7651916cd43dd8448eb211c80319c"
            first.schemaVersion = 3
            let second = log.event("case.closed")
            let verdict = try await log.log.append(
                log.request([first, second], stream: stream, expected: .exactly(0), caseID: caseID))
            let range = try #require(verdict.range)
            #expect(verdict.isAppended)
            #expect((range.firstPosition, range.lastPosition, range.firstVersion, range.lastVersion) == (0, 1, 1, 2))

            let events = try await log.log.read(
                stream: stream, tenant: log.tenant, after: 0, upTo: nil, limit: 100)
            let event = try #require(events.first)
            #expect(events.map(\.version) == [1, 2])
            #expect(event.eventID == first.eventID && event.type == first.type && event.schemaVersion == 3)
            #expect(event.data == first.data && event.actor == first.actor && event.occurredAt == first.occurredAt)
            #expect(event.causedBy == first.causedBy && event.correlationID == first.correlationID)
            #expect(event.traceID == first.traceID && event.caseID == caseID && event.streamKind == "case")
            #expect(event.sealed == [] && event.leafHash.count == 32 && event.recordedAt == log.clock.now)
            #expect(events[1].recordedAt.microseconds == event.recordedAt.microseconds + 1)
            #expect(events[1].recordedAt == range.recordedAt)
            #expect(try await log.log.event(second.eventID, tenant: log.tenant)?.version == 2)
            #expect(try await log.log.event(UUID(), tenant: log.tenant) == nil)
        }
    }

    @Test("of two concurrent appends at the same version one wins and one conflicts")
    func concurrentVersions() async throws {
        try await LogFixture.with { log in
            for _ in 0..<10 {
                let stream = UUID()
                let sibling = try log.sibling()
                async let left = log.log.append(log.request([log.event()], stream: stream, expected: .exactly(0)))
                async let right = sibling.append(log.request([log.event()], stream: stream, expected: .exactly(0)))
                let verdicts = try await [left, right]
                #expect(verdicts.filter(\.isAppended).count == 1)
                #expect(verdicts.contains(.conflict(current: 1)))
            }
        }
    }

    @Test("a second append at the same version is refused within one process, too")
    func sameProcess() async throws {
        try await LogFixture.with { log in
            let stream = UUID()
            let verdicts = try await withThrowingTaskGroup(of: AppendVerdict.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await log.append([log.event()], stream: stream, expected: .exactly(0)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts.filter(\.isAppended).count == 1)
            #expect(verdicts.filter { $0 == .conflict(current: 1) }.count == 7)
        }
    }

    @Test("the same event twice is one event; with another body it is a mismatch")
    func idempotency() async throws {
        try await LogFixture.with { log in
            let stream = UUID()
            var event = log.event("case.commented", data: ["text": "call Ada"])
            let first = try await log.append([event], stream: stream, expected: .exactly(0))
            let again = try await log.append([event], stream: stream, expected: .exactly(0))
            #expect(again == .duplicate(try #require(first.range)))
            event.data = ["text": "call Bob"]
            #expect(try await log.append([event], stream: stream) == .mismatch(eventID: event.eventID))
            #expect(try await log.log.head(tenant: log.tenant) == 1)
        }
    }

    @Test("many writers in two processes: each event is there once, versions and positions are dense")
    func manyWriters() async throws {
        try await LogFixture.with { log in
            let sibling = try log.sibling()
            let streams = (0..<10).map { _ in UUID() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<40 {
                    group.addTask {
                        let target = writer % 2 == 0 ? log.log : sibling
                        for round in 0..<10 {
                            let verdict = try await target.append(
                                log.request([log.event(), log.event()], stream: streams[(writer + round) % 10]))
                            #expect(verdict.isAppended)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10_000)
            #expect(all.map(\.position) == Array(0..<800))
            #expect(Set(all.map(\.eventID)).count == 800)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.recordedAt < $1.recordedAt })
            for stream in streams {
                let events = try await log.log.read(
                    stream: stream, tenant: log.tenant, after: 0, upTo: nil, limit: 10_000)
                #expect(events.map(\.version) == Array(1...80))
            }
            // Far fewer transactions than requests is what group commit is for.
            let transactions = try await log.superuser.value(
                "SELECT count(DISTINCT xmin::text) FROM docket.event", as: Int.self)
            #expect(transactions < 400)
        }
    }

    @Test("what could not be stored or read again is refused, and harms nobody else in its batch")
    func malformed() async throws {
        try await LogFixture.with { log in
            func code(_ change: (inout NewEvent) -> Void) async -> EventLogError.Code? {
                var event = log.event()
                change(&event)
                return await logErrorCode { try await log.append([event]) }
            }
            #expect(await code { $0.data = ["text": "a\u{0}b"] } == .malformed)
            #expect(await code { $0.data = ["a\u{0}b": 1] } == .malformed)
            #expect(await code { $0.data = ["bytes": [9e16]] } == .malformed)
            #expect(await code { $0.data = ["bytes": .integer(9_007_199_254_740_993)] } == .malformed)
            #expect(await code { $0.data = ["bytes": [9_007_199_254_740_992, 1e21]] } == nil)
            #expect(await code { $0.actor.subject = "\u{0}" } == .malformed)
            #expect(await code { $0.type = "" } == .malformed)
            #expect(await code { $0.occurredAt = Instant(microseconds: .min) } == .malformed)
            #expect(await code { $0.data = ["text": "a\\u0000b is text"] } == nil)
            #expect(await logErrorCode { try await log.append([]) } == .malformed)
            let event = log.event()
            #expect(await logErrorCode { try await log.append([event, event]) } == .malformed)

            // A stream's other kind is noticed by the database only, in the middle of a batch.
            let stream = UUID()
            try await log.append([log.event()], stream: stream)
            let codes = await withTaskGroup(of: EventLogError.Code?.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        var request = log.request([log.event()], stream: index == 7 ? stream : UUID())
                        request.streamKind = index == 7 ? "run" : "case"
                        return await logErrorCode { _ = try await log.log.append(request) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.filter { $0 == .malformed }.count == 1)
            #expect(codes.filter { $0 == nil }.count == 19)
        }
    }

    @Test("an unknown tenant and a fenced epoch are told apart")
    func placement() async throws {
        try await LogFixture.with { log in
            var request = log.request([log.event()])
            request.tenant = UUID()
            #expect(await logErrorCode { _ = try await log.log.append(request) } == .unknownTenant)
            #expect(await logErrorCode { _ = try await log.log.head(tenant: UUID()) } == .unknownTenant)
            try await log.superuser.execute("SELECT docket.fence_tenant(\(log.tenant), \(Int64(1)))")
            #expect(await logErrorCode { try await log.append([log.event()]) } == .fenced)
        }
    }

    @Test("a clock a little behind still gives strictly increasing times; one far behind refuses")
    func clockBehind() async throws {
        try await LogFixture.with { log in
            let first = try #require(try await log.append([log.event(), log.event()]).range)
            log.clock.advance(milliseconds: -4_000)
            let second = try #require(try await log.append([log.event()]).range)
            #expect(second.recordedAt.microseconds == first.recordedAt.microseconds + 1)
            log.clock.advance(milliseconds: -2_000)
            #expect(await logErrorCode { try await log.append([log.event()]) } == .clockBehind)
            log.clock.advance(milliseconds: 60_000)
            let third = try #require(try await log.append([log.event()]).range)
            #expect(third.recordedAt == log.clock.now)
        }
    }

    @Test("the offset to the database's clock is measured")
    func offset() async throws {
        try await LogFixture.with { log in
            let database = try await log.superuser.value("SELECT clock_timestamp()", as: PostgresTimestamp.self)
            let expected = log.clock.now.milliseconds(since: Instant(microseconds: database.microseconds))
            let offset = try await log.log.clockOffset()
            #expect(abs(offset - expected) < 5_000)
            #expect(abs(offset) > 60_000)
        }
    }

    @Test("while the clocks differ by more than a second nothing is recorded, and then it is again")
    func clockOff() async throws {
        try await LogFixture.with { log in
            try await log.append([log.event()])
            #expect(abs(try await log.log.watchClock()) > 60_000)
            #expect(await logErrorCode { try await log.append([log.event()]) } == .clockBehind)
            let database = try await log.superuser.value("SELECT clock_timestamp()", as: PostgresTimestamp.self)
            log.clock.advance(
                milliseconds: Instant(microseconds: database.microseconds).milliseconds(since: log.clock.now))
            try await log.log.watchClock()
            #expect(try await log.append([log.event()]).isAppended)
        }
    }

    @Test("the columns that copy members of the body agree with it")
    func copies() async throws {
        try await LogFixture.with { log in
            var event = log.event(data: ["k": "v"])
            event.causedBy = UUID()
            event.traceID = "0af7651916cd43dd8448eb211c80319c"
            _ = try await log.log.append(log.request([event, log.event()], caseID: UUID()))
            _ = try await log.log.append(log.request([log.event()]))
            let differing = try await log.superuser.value(
                """
                SELECT count(*) FROM docket.event e JOIN docket.stream s USING (tenant_id, stream_id)
                 WHERE (e.type, e.schema_version::text, e.case_id::text, e.caused_by::text, e.correlation_id::text,
                        e.trace_id, e.actor::text, e.occurred_at, s.kind)
                       IS DISTINCT FROM
                       (e.body->>'type', e.body->>'schema_version', e.body->>'case_id', e.body->>'caused_by',
                        e.body->>'correlation_id', e.body->>'trace_id', (e.body->'actor')::text,
                        (e.body->>'occurred_at')::timestamptz, e.body->>'stream_kind')
                """, as: Int.self)
            #expect(differing == 0)
            let keys = try await log.superuser.value(
                "SELECT string_agg(k, ',' ORDER BY k) FROM (SELECT json_object_keys(body) k FROM docket.event WHERE position = 0) x",
                as: String.self)
            #expect(
                keys
                    == "actor,case_id,caused_by,correlation_id,data,occurred_at,schema_version,stream_kind,trace_id,type"
            )
        }
    }

    @Test("backends that are killed during appends lose nothing and double nothing")
    func killedBackends() async throws {
        try await LogFixture.with { log in
            let ids = (0..<2_000).map { _ in UUID() }
            let kills = Tally()
            let killer = Task {
                while !Task.isCancelled {
                    let killed = try await log.superuser.execute(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()
                        """)
                    kills.add(killed)
                    // Long enough for a new backend's first append, which plans the whole function.
                    try await Task.sleep(for: .milliseconds(60))
                }
            }
            let acknowledged = await withTaskGroup(of: UUID?.self) { group in
                for chunk in 0..<10 {
                    group.addTask {
                        var last: UUID?
                        for id in ids[(chunk * 200)..<(chunk * 200 + 200)] {
                            do {
                                let verdict = try await log.append([log.event(id: id)])
                                #expect(verdict.range != nil)
                                last = id
                            } catch {
                                Issue.record(error)
                            }
                        }
                        return last
                    }
                }
                return await group.reduce(into: 0) { count, id in count += id == nil ? 0 : 1 }
            }
            killer.cancel()
            _ = await killer.result
            #expect(acknowledged == 10)
            #expect(kills.value > 3)
            let all = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10_000)
            #expect(all.map(\.position) == Array(0..<2_000))
            #expect(Set(all.map(\.eventID)) == Set(ids))
        }
    }

    @Test("more than may wait is refused at once, and what waits is written")
    func bounded() async throws {
        var limits = EventLog.Limits()
        limits.waitingEventsMaximum = 5
        try await LogFixture.with(limits: limits) { log in
            try await log.append([log.event()])
            // The head row's lock holds the first batch up; meanwhile the queue fills.
            let results = try await withThrowingTaskGroup(of: EventLogError.Code?.self) { group in
                let holder = Task {
                    try await log.superuser.transaction { tx throws(PostgresError) in
                        try tx.execute("SELECT FROM docket.tenant_head FOR UPDATE")
                        try tx.execute("SELECT pg_sleep(600)")
                    }
                }
                let observer = try TestDatabase.current.connect()
                while try await observer.value(
                    "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(600)'",
                    as: Bool.self)
                {
                    try await Task.sleep(for: .milliseconds(2))
                }
                let refused = Tally()
                for _ in 0..<20 {
                    group.addTask {
                        let code = await logErrorCode { try await log.append([log.event()]) }
                        if code == .queueFull { refused.add(1) }
                        // All that cannot wait have been told: the lock has done its part.
                        if refused.value == 14 { holder.cancel() }
                        return code
                    }
                }
                let results = try await group.reduce(into: []) { $0.append($1) }
                holder.cancel()
                _ = await holder.result
                await observer.close()
                return results
            }
            #expect(results.filter { $0 == nil }.count == 6)
            #expect(results.filter { $0 == .queueFull }.count == 14)
            #expect(try await log.log.head(tenant: log.tenant) == 7)
        }
    }

    @Test("a task cancelled while it waits records nothing; a cancelled leader does not fail the others")
    func cancellation() async throws {
        try await LogFixture.with { log in
            let tasks = (0..<50).map { _ in Task { try await log.append([log.event()]) } }
            for task in tasks.prefix(25) { task.cancel() }
            var recorded: Int64 = 0
            for (index, task) in tasks.enumerated() {
                do {
                    if try await task.value.isAppended { recorded += 1 }
                } catch {
                    #expect((error as? EventLogError)?.code == .cancelled)
                    #expect(index < 25)
                }
            }
            #expect(recorded >= 25)
            let head = try await log.log.head(tenant: log.tenant)
            #expect(head == recorded)
        }
    }
}

/// Counts from many tasks.
private final class Tally: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add(_ number: Int) { count.withLock { $0 += number } }
}
