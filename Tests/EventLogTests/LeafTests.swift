import Crypto
import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

/// The leaf of an event, computed here from the definition alone (event-log: `SHA-256(0x00 ‖ header ‖ SHA-256(body) ‖
/// sealed_digest)`), beside what the database stores and what `Vectors/leaf.py` computed.
@Suite(.migrated) struct LeafTests {
    private struct Vectors {
        let cases: [JSONValue]

        init() throws {
            let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Vectors/leaf.json")
            cases = try #require(try JSONValue.parse(Array(try Data(contentsOf: path)))["cases"]?.arrayValue)
        }
    }

    private func leaf(
        tenant: UUID, position: Int64, stream: UUID, version: Int64, event: UUID, schemaVersion: Int32, recorded: Int64,
        type: String, body: [UInt8], sealedDigest: [UInt8]
    ) -> [UInt8] {
        func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
            stride(from: T.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> T($0)) }
        }
        var bytes: [UInt8] = [0] + tenant.bytes + big(position) + stream.bytes + big(version) + event.bytes
        bytes += big(schemaVersion) + big(recorded) + big(UInt16(type.utf8.count)) + Array(type.utf8)
        bytes += Digest.sha256(body).bytes + sealedDigest
        return Digest.sha256(bytes).bytes
    }

    @Test("the vectors computed in Python are met here and by the database's function")
    func vectors() async throws {
        let vectors = try Vectors()
        #expect(vectors.cases.count >= 4)
        let database = try TestDatabase.current.database
        for vector in vectors.cases {
            func text(_ name: String) throws -> String { try #require(vector[name]?.stringValue) }
            let name = try text("name")
            let tenant = try #require(UUID(uuidString: try text("tenant_id")))
            let stream = try #require(UUID(uuidString: try text("stream_id")))
            let event = try #require(UUID(uuidString: try text("event_id")))
            let position = try #require(Int64(try text("position")))
            let version = try #require(Int64(try text("version")))
            let recorded = try #require(Int64(try text("recorded_us")))
            let schemaVersion = Int32(try #require(vector["schema_version"]?.int64Value))
            let digest = try #require([UInt8](hexadecimal: try text("sealed_digest")))
            let expected = try #require([UInt8](hexadecimal: try text("leaf")))
            let body = try text("body")
            let type = try text("type")
            #expect(
                leaf(
                    tenant: tenant, position: position, stream: stream, version: version, event: event,
                    schemaVersion: schemaVersion, recorded: recorded, type: type, body: Array(body.utf8),
                    sealedDigest: digest) == expected, "\(name)")
            let stored = try await database.value(
                """
                SELECT docket.leaf_hash(\(tenant), \(position), \(stream), \(version), \(event), \(schemaVersion),
                    \(recorded), \(type), \(body), \(digest))
                """, as: [UInt8].self)
            #expect(stored == expected, "\(name)")
        }
    }

    @Test("what an append stores is the leaf of the bytes that it stored, sealed members included")
    func stored() async throws {
        try await LogFixture.with { log in
            try await log.append([
                log.event(data: ["text": "Ünïcode \u{1F989} \"quoted\" \u{7f}"]),
                log.event("case.commented", data: ["text": "sealed"]),
            ])
            struct Row: Sendable {
                let leaf, own: [UInt8]
            }
            let tenant = log.tenant
            let rows = try await log.superuser.query(
                """
                SELECT position, stream_id, version, event_id, schema_version, recorded_at, type, body::text,
                       sealed_digest, leaf_hash,
                       (SELECT sha256(string_agg(digest, '' ORDER BY n)) FROM docket.sealed s
                         WHERE s.tenant_id = e.tenant_id AND s.position = e.position)
                  FROM docket.event e ORDER BY position
                """
            ) { row throws(PostgresError) in
                let sealedDigest = (try row[10] as [UInt8]?) ?? [UInt8](repeating: 0, count: 32)
                let recorded: PostgresTimestamp = try row[5]
                let body: String = try row[7]
                let own = leaf(
                    tenant: tenant, position: try row[0], stream: try row[1], version: try row[2], event: try row[3],
                    schemaVersion: try row[4], recorded: recorded.microseconds, type: try row[6],
                    body: Array(body.utf8), sealedDigest: sealedDigest)
                return Row(leaf: try row[9], own: own)
            }
            #expect(rows.count == 2)
            for row in rows { #expect(row.leaf == row.own) }
            let read = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10)
            #expect(read.map(\.leafHash) == rows.map(\.leaf))
        }
    }
}
