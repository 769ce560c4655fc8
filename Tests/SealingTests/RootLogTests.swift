import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import Sealing

@Suite("The log of roots", .migrated)
struct RootLogTests {
    private func roots(_ fixture: SealedLog) async throws -> (RootLog, system: UUID) {
        let system = UUID()
        try await fixture.log.createTenant(system)
        return (RootLog(log: fixture.log, database: fixture.application, system: system), system)
    }

    private func check(_ fixture: SealedLog, _ roots: RootLog) async throws -> [LogCheck.Finding] {
        try await LogCheck(log: fixture.log, database: fixture.application, keys: fixture.keys, roots: roots)
            .check(fixture.tenant)
    }

    @Test("a tail that is removed together with all that was signed for it is told by the log of roots")
    func tail() async throws {
        try await SealedLog.with { fixture in
            let (roots, _) = try await roots(fixture)
            var known: [UUID: Int64] = [:]
            try await fixture.fill(10)
            try await fixture.sealer.seal(fixture.tenant)
            try await roots.record(beyond: &known)
            try await fixture.fill(7)
            try await fixture.sealer.seal(fixture.tenant)
            try await roots.record(beyond: &known)
            #expect(try await check(fixture, roots) == [])
            try await fixture.attack(
                """
                DELETE FROM docket.event WHERE tenant_id = TENANT AND position >= 10;
                DELETE FROM docket.sealed WHERE tenant_id = TENANT AND position >= 10;
                DELETE FROM docket.checkpoint WHERE tenant_id = TENANT AND tree_size > 10;
                UPDATE docket.tile SET width = 10, hashes = substring(hashes FROM 1 FOR 320) WHERE tenant_id = TENANT;
                UPDATE docket.tenant_head SET next_position = 10 WHERE tenant_id = TENANT;
                """)
            // The last head that was signed here lies outside the database.
            let told = try await fixture.check()
            #expect(told.map(\.kind) == [.truncated] && told.first?.position == 10, "\(told)")
            #expect(told.first?.detail.contains("7 are missing") == true)
            let head = try #require(try fixture.keys.head(fixture.tenant))
            try fixture.forgetHead()
            // What is left of the tenant fits together; only the other log remembers, and whoever kept a checkpoint.
            #expect(try await fixture.check() == [])
            #expect(try await fixture.check(seen: [head]).map(\.kind) == [.truncated])
            let findings = try await check(fixture, roots)
            #expect(findings.map(\.kind) == [.truncated] && findings.first?.position == 10, "\(findings)")
        }
    }

    @Test("another history under the same number of events is told, with the size at which the roots part")
    func fork() async throws {
        try await SealedLog.with { fixture in
            let (roots, _) = try await roots(fixture)
            var known: [UUID: Int64] = [:]
            try await fixture.fill(4)
            try await fixture.sealer.seal(fixture.tenant)
            try await roots.record(beyond: &known)
            // The last event again, as if it had been another one, and everything derived from it made new.
            try await fixture.attack(
                """
                UPDATE docket.event SET event_id = gen_random_uuid() WHERE tenant_id = TENANT AND position = 3;
                UPDATE docket.event SET leaf_hash = docket.leaf_hash(tenant_id, position, stream_id, version, event_id,
                    schema_version, (extract(epoch FROM recorded_at) * 1000000)::bigint, type, body::text, sealed_digest)
                 WHERE tenant_id = TENANT AND position = 3;
                DELETE FROM docket.checkpoint WHERE tenant_id = TENANT;
                DELETE FROM docket.tile WHERE tenant_id = TENANT;
                """)
            try await fixture.sealer.seal(fixture.tenant)
            // The head beside the keys tells; without it nothing else is wrong within the tenant than that the member no
            // longer opens, for its key is bound to the event's id.
            #expect(Set(try await fixture.check().map(\.kind)) == [.sealedMismatch, .rootMismatch])
            try fixture.forgetHead()
            #expect(Set(try await fixture.check().map(\.kind)) == [.sealedMismatch])
            let findings = try await check(fixture, roots)
            #expect(findings.map(\.kind) == [.sealedMismatch, .rootMismatch], "\(findings)")
            #expect(findings.last?.position == 3)
        }
    }

    @Test("an event holds what has grown, under labels that do not tell whose it is")
    func labels() async throws {
        try await SealedLog.with { fixture in
            let (roots, system) = try await roots(fixture)
            var known: [UUID: Int64] = [:]
            try await roots.record(beyond: &known)
            try await fixture.fill(2)
            try await fixture.sealer.seal(fixture.tenant)
            try await roots.record(beyond: &known)
            try await roots.record(beyond: &known)
            #expect(known == [fixture.tenant: 2])
            let events = try await fixture.log.feed(tenant: system, from: 0, limit: 10)
            #expect(events.map(\.type) == ["checkpoint.recorded"], "what did not grow is not recorded again")
            let text = try #require(events.first).data.canonicalString()
            #expect(!text.lowercased().contains(fixture.tenant.lowercased))
            #expect(text.contains(try await roots.label(of: fixture.tenant)))
            #expect(try await roots.recorded(of: fixture.tenant).map(\.size) == [2])
            #expect(try await roots.recorded(of: UUID()).isEmpty)
        }
    }
}
