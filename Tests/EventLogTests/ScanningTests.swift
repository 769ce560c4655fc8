import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import EventLog

@Suite(.migrated) struct ScanningTests {
    @Test(
        "a scan gives what the pages give, in order and without a gap, whatever the chunks", arguments: [1, 7, 1_000])
    func same(size: Int) async throws {
        try await LogFixture.with { log in
            for index in 0..<30 {
                try await log.append([
                    log.event("case.commented", data: ["text": .string("Zoë says \"\(index)\" \\ $ {}")]),
                    log.event(data: ["$sealed": 1, "n": .integer(Int64(index)), "list": [1, 2.5, nil]]),
                    log.event(data: [:]),
                ])
            }
            let paged = try await log.log.feed(tenant: log.tenant, from: 3, limit: 500)
            var scanned: [Event] = []
            try await log.log.scan(tenant: log.tenant, from: 3, chunksOf: size) { scanned += try $0.events() }
            #expect(scanned == paged && paged.count == 87)
            #expect(scanned.map(\.sealed) == paged.map(\.sealed) && paged[0].sealed == ["/data/text"])
            var part: [Int64] = []
            try await log.log.scan(tenant: log.tenant, from: 10, upTo: 21, chunksOf: size) { chunk in
                part += try chunk.events().map(\.position)
            }
            #expect(part == Array(10..<21))
        }
    }

    @Test("a page that is long enough to be copied is the same as short ones, and ends at the head")
    func pages() async throws {
        try await LogFixture.with { log in
            for _ in 0..<5 { try await log.append((0..<250).map { _ in log.event() }) }
            let long = try await log.log.page(tenant: log.tenant, from: 0, limit: .max)
            #expect(long.next == 1_250 && long.events.count == 1_250)
            var short: [Event] = []
            while short.count < 1_250 {
                short += try await log.log.feed(tenant: log.tenant, from: Int64(short.count), limit: 400)
            }
            #expect(short == long.events)
            #expect(try await log.log.page(tenant: log.tenant, from: 1_250, limit: 2_000).events.isEmpty)
        }
    }

    @Test("an erased value is null in a scan, and a position that was removed is an error, not a gap")
    func holes() async throws {
        try await LogFixture.with { log in
            for _ in 0..<3 { try await log.append([log.event("case.commented", data: ["text": "call Ada"])]) }
            let key = try await log.superuser.value(
                "SELECT subject_key_id FROM docket.sealed WHERE position = 1", as: UUID.self)
            _ = try await log.log.erase(keys: [key], recording: log.request([log.event("subject.erased", data: [:])]))
            var texts: [JSONValue] = []
            try await log.log.scan(tenant: log.tenant, from: 0) {
                texts += try $0.events().map { $0.data["text"] ?? "none" }
            }
            #expect(texts == ["call Ada", .null, "call Ada", "none"])
            try await log.superuser.transaction { tx throws(PostgresError) in
                try tx.run(
                    script: "SET LOCAL session_replication_role = replica; DELETE FROM docket.event WHERE position = 2")
            }
            #expect(
                await logErrorCode { try await log.log.scan(tenant: log.tenant, from: 0) { _ = try $0.events() } }
                    == .corrupt)
        }
    }

    @Test(
        "an envelope is read as a parser reads it, and what is no envelope is refused",
        arguments: 0..<8 as Range<UInt64>)
    func envelope(seed: UInt64) throws {
        let body: JSONValue = [
            "actor": ["issuer": "docket", "kind": "person", "lane": "analyst", "subject": "o\"neil é"],
            "case_id": seed % 2 == 0 ? nil : "0190f0a0-0000-7000-8000-00000000abcd", "caused_by": nil,
            "correlation_id": "0190f0a0-0000-7000-8000-000000000000", "data": ["a": [1, ["}": "\\\""]], "$x": nil],
            "occurred_at": "2026-11-21T02:38:00.123456Z", "schema_version": 12, "stream_kind": "case",
            "trace_id": seed % 3 == 0 ? nil : "0af7651916cd43dd8448eb211c80319c", "type": "case.commented",
        ]
        let bytes = body.canonicalBytes()
        let envelope = try #require(Envelope(bytes))
        #expect(envelope.actor == Actor(kind: .person, subject: "o\"neil é", lane: .analyst))
        #expect(envelope.caseID?.lowercased == body["case_id"]?.stringValue && envelope.causedBy == nil)
        #expect(envelope.correlationID.lowercased == body["correlation_id"]?.stringValue)
        #expect(envelope.occurredAt.rfc3339 == "2026-11-21T02:38:00.123456Z" && envelope.schemaVersion == 12)
        #expect(envelope.traceID == body["trace_id"]?.stringValue && envelope.type == "case.commented")
        #expect(try JSONValue.parse(Array(bytes[envelope.data])) == body["data"])
        #expect(LazyJSON(bytes, envelope.data).value == body["data"])

        // Whatever one byte is changed to, an envelope that is still read says what a parser says.
        for index in bytes.indices {
            var edited = bytes
            edited[index] = edited[index] &+ UInt8(truncatingIfNeeded: seed &* 31 &+ 1)
            guard let envelope = Envelope(edited) else { continue }
            let parsed = try JSONValue.parseEvidence(edited).value
            #expect(
                envelope.type == parsed["type"]?.stringValue
                    && envelope.streamKind == parsed["stream_kind"]?.stringValue)
            #expect(envelope.actor.subject == parsed.at(JSONPointer("/actor/subject")!)?.stringValue)
            #expect(envelope.correlationID.lowercased == parsed["correlation_id"]?.stringValue)
            #expect(LazyJSON(edited, envelope.data).value == parsed["data"])
        }
        for cut in [0, 1, 40, bytes.count - 1] { #expect(Envelope(Array(bytes.prefix(cut))) == nil) }
        #expect(Envelope(bytes + [0x20]) == nil)
    }
}
