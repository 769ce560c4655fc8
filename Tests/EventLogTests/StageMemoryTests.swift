import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@Suite("Memories of stages", .migrated)
struct StageMemoryTests {
    @Test("the newest of two snapshots that lies before a position is given back, part by part")
    func snapshots() async throws {
        try await LogFixture.with { log in
            let memories = log.log.memories
            let ticket = try await memories.ticket("close", code: "1", tenant: log.tenant)
            #expect(try await memories.load(ticket, before: .max) == nil)
            for (position, text) in [(Int64(10), "a"), (20, "b"), (30, "c")] {
                #expect(try await memories.save([.string(text), [1, 2.5, .null]], before: position, ticket))
            }
            let newest = try #require(try await memories.load(ticket, before: .max))
            #expect(newest.nextPosition == 30 && newest.parts == ["c", [1, 2.5, .null]])
            #expect(try await memories.load(ticket, before: 29)?.parts.first == "b")
            // Of three the oldest is gone.
            #expect(try await memories.load(ticket, before: 19) == nil)
        }
    }

    @Test("what other code wrote is not given back, and is overwritten first")
    func code() async throws {
        try await LogFixture.with { log in
            let memories = log.log.memories
            let old = try await memories.ticket("close", code: "1", tenant: log.tenant)
            try await memories.save(["old"], before: 100, old)
            let new = try await memories.ticket("close", code: "2", tenant: log.tenant)
            #expect(try await memories.load(new, before: .max) == nil)
            try await memories.save(["new"], before: 5, new)
            #expect(try await memories.load(new, before: .max)?.parts == ["new"])
            try await memories.save(["newer"], before: 6, new)
            #expect(try await memories.load(new, before: .max)?.parts == ["newer"])
            #expect(try await memories.load(old, before: .max) == nil)
        }
    }

    @Test(
        "a snapshot that somebody altered in the database is none",
        arguments: [
            "UPDATE projection.stage_memory_part SET body = '\"admin\"'",
            "UPDATE projection.stage_memory SET next_position = next_position + 1",
            "UPDATE projection.stage_memory SET code_of_key = NULL",
            "INSERT INTO projection.stage_memory_part SELECT tenant_id, name, slot, 7, body FROM projection.stage_memory_part",
            "DELETE FROM projection.stage_memory_part",
        ])
    func altered(statement: String) async throws {
        try await LogFixture.with { log in
            let memories = log.log.memories
            let ticket = try await memories.ticket("registry", code: "1", tenant: log.tenant)
            try await memories.save(["analyst"], before: 10, ticket)
            #expect(try await memories.load(ticket, before: .max)?.parts == ["analyst"])
            try await log.superuser.execute("\(unescaped: statement)")
            #expect(try await memories.load(ticket, before: .max) == nil)
        }
    }

    @Test("tenants and stages have memories of their own")
    func apart() async throws {
        try await LogFixture.with { log in
            let other = UUID()
            try await log.log.createTenant(other)
            let memories = log.log.memories
            let ticket = try await memories.ticket("close", code: "1", tenant: log.tenant)
            try await memories.save(["mine"], before: 1, ticket)
            for (name, tenant) in [("close", other), ("link", log.tenant)] {
                let foreign = try await memories.ticket(name, code: "1", tenant: tenant)
                #expect(try await memories.load(foreign, before: .max) == nil)
            }
        }
    }

    @Test("once the rows of a tenant are taken away, as an erasure does, nobody writes what was read before")
    func erasure() async throws {
        try await LogFixture.with { log in
            let memories = log.log.memories
            let before = try await memories.ticket("close", code: "1", tenant: log.tenant)
            try await memories.save(["a name"], before: 10, before)
            for table in ["stage_memory", "stage_memory_part"] {
                try await log.superuser.execute("DELETE FROM projection.\(unescaped: table)")
            }
            #expect(try await memories.save(["a name"], before: 20, before) == false)
            let after = try await memories.ticket("close", code: "1", tenant: log.tenant)
            #expect(try await memories.save(["a name"], before: 30, before) == false)
            #expect(try await memories.load(after, before: .max) == nil)
            #expect(try await memories.save(["no name"], before: 30, after))
            #expect(try await memories.load(after, before: .max)?.parts == ["no name"])
        }
    }
}
