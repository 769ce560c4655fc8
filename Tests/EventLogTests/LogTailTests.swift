import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@Suite("What followers share", .migrated)
struct LogTailTests {
    private static let types = ["case.assigned", "case.commented", "alert.normalized", "case.closed"]

    /// Follows some types to the end, and gives what it has met.
    private func follow(
        _ log: LogFixture, _ types: Set<String>, limit: Int, upTo end: Int64
    ) async throws -> [Event] {
        var next: Int64 = 0
        var events: [Event] = []
        while next < end {
            let page = try await log.log.followedPage(tenant: log.tenant, from: next, limit: limit, types: types)
            #expect(page.events.count <= limit)
            #expect(page.next >= next)
            events += page.events
            next = page.next
        }
        return events
    }

    @Test("followers of any types and paces meet exactly what the log has, while it grows")
    func equal() async throws {
        try await LogFixture.with { log in
            let count = 3_000
            let met = try await withThrowingTaskGroup(of: (Set<String>, [Event])?.self) { group in
                group.addTask {
                    for start in stride(from: 0, to: count, by: 20) {
                        try await log.append(
                            (start..<start + 20).map { number in
                                log.event(Self.types[number * 7 % 11 % 4], data: ["text": .integer(Int64(number))])
                            })
                    }
                    return nil
                }
                for (index, limit) in [1, 7, 64, 500, 64, 16].enumerated() {
                    let types = Set(Self.types.enumerated().filter { $0.offset % (index / 2 + 1) == 0 }.map(\.element))
                    group.addTask { (types, try await follow(log, types, limit: limit, upTo: Int64(count))) }
                }
                var met: [(Set<String>, [Event])] = []
                for try await one in group { if let one { met.append(one) } }
                return met
            }
            let all = try await log.log.feed(tenant: log.tenant, from: 0, limit: count)
            #expect(all.count == count)
            for (types, events) in met {
                let expected = all.filter { types.contains($0.type) }
                #expect(events == expected)
            }
        }
    }

    @Test("after an erasure, by whichever process, nobody is given what it erased")
    func erasure() async throws {
        try await LogFixture.with { log in
            try await log.append([log.event("case.commented", data: ["text": "call Ada"]), log.event()])
            let types: Set<String> = ["case.commented", "case.assigned"]
            let before = try await log.log.followedPage(tenant: log.tenant, from: 0, limit: 10, types: types)
            #expect(before.events.first?.data["text"] == "call Ada")
            let key = try await log.superuser.value("SELECT subject_key_id FROM docket.sealed", as: UUID.self)
            _ = try await log.sibling().erase(
                keys: [key], recording: log.request([log.event("subject.erased", data: [:])]))
            let after = try await log.log.followedPage(tenant: log.tenant, from: 0, limit: 10, types: types)
            #expect(after.events.first?.data["text"] == .null)
            #expect(after.events.count == 2 && after.next == 3)
        }
    }

    @Test("an event that cannot be read stops only who follows its type")
    func unreadable() async throws {
        try await LogFixture.with { log in
            try await log.append([log.event(), log.event("case.commented", data: ["text": "x"]), log.event()])
            try await log.superuser.transaction { tx throws(PostgresError) in
                try tx.run(
                    script: """
                        ALTER TABLE docket.sealed DISABLE TRIGGER USER;
                        UPDATE docket.sealed SET salt = decode(repeat('00', 32), 'hex');
                        """)
            }
            for _ in 0..<2 {
                let page = try await log.log.followedPage(
                    tenant: log.tenant, from: 0, limit: 10, types: ["case.assigned"])
                #expect(page.events.map(\.position) == [0, 2] && page.next == 3)
                let code = await logErrorCode {
                    _ = try await log.log.followedPage(
                        tenant: log.tenant, from: 0, limit: 10, types: ["case.commented"])
                }
                #expect(code == .corrupt)
            }
        }
    }
}
