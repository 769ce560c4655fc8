import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import EventLog

@Suite(.migrated) struct SealingTests {
    /// Every row of every table of the log as text.
    private func dump(_ database: Database) async throws -> String {
        let tables = try await database.query(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN ('docket', 'projection', 'public')"
        ) { row throws(PostgresError) in try row[0] as String }
        var text = ""
        for table in tables {
            text += try await database.query("SELECT t::text FROM \(unescaped: table) AS t") {
                row throws(PostgresError) in try row[0] as String
            }.joined(separator: "\n")
        }
        return text
    }

    private func normalized(_ log: LogFixture, user: String) -> NewEvent {
        log.event(
            "alert.normalized",
            data: [
                "user_name": .string(user), "title": "not personal",
                "entities": [
                    ["type": "user", "value": .string(user)], ["type": "ip", "value": "198.51.100.7"],
                    ["type": "device", "value": nil],
                ],
            ])
    }

    @Test("personal values are nowhere in the database, in no form, and are read back")
    func sealed() async throws {
        try await LogFixture.with { log in
            let event = normalized(log, user: "ada.lovelace")
            let evidence = Evidence(mediaType: "text/plain", bytes: Array("raw: ada.lovelace logged on".utf8))
            let verdict = try await log.log.append(log.request([event], evidence: [evidence]))
            #expect(verdict.isAppended)

            let text = try await dump(log.superuser)
            #expect(text.contains("not personal"), "the dump shows what is in the clear")
            #expect(!text.contains("lovelace"))
            #expect(!text.contains("198.51.100.7"))
            #expect(!text.contains(Array("lovelace".utf8).hexadecimal))

            let read = try #require(try await log.log.feed(tenant: log.tenant, from: 0, limit: 10).first)
            #expect(read.data == event.data)
            #expect(Set(read.sealed) == ["/data/user_name", "/data/entities/0/value", "/data/entities/1/value"])
            #expect(try await log.log.evidence(tenant: log.tenant, digest: evidence.digest) == evidence)
        }
    }

    @Test("the body carries the matching code of each value: equal for equal values, of the entity's type")
    func matching() async throws {
        try await LogFixture.with { log in
            try await log.append([normalized(log, user: "ada")])
            let codes = try await log.superuser.query(
                """
                SELECT body->'data'->'user_name'->>'hmac', body->'data'->'entities'->0->'value'->>'hmac',
                       body->'data'->'entities'->1->'value'->>'hmac'
                  FROM docket.event
                """
            ) { row throws(PostgresError) in [try row[0] as String, try row[1] as String, try row[2] as String] }[0]
            #expect(codes[0] == codes[1])
            #expect(codes[0] != codes[2])
            let expected = try await log.log.matchingCode(type: "user", value: "ada", tenant: log.tenant)
            let base64 = Data(expected).base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            #expect(codes[0] == base64)
            #expect(try await log.log.matchingCode(type: "user", value: "ada", tenant: UUID()) != expected)
        }
    }

    @Test("all values of one entity share a key, across events; each free text has its own")
    func keys() async throws {
        try await LogFixture.with { log in
            try await log.append([normalized(log, user: "ada"), normalized(log, user: "ada")])
            _ = try await log.sibling().append(log.request([normalized(log, user: "ada")]))
            try await log.append([
                log.event("case.commented", data: ["text": "same"]),
                log.event("case.commented", data: ["text": "same"]),
            ])
            let ada = try await log.log.subjectKeyID(type: "user", value: "ada", tenant: log.tenant)
            let counts = try await log.superuser.query(
                "SELECT count(*), count(*) FILTER (WHERE subject_key_id = \(ada)), count(DISTINCT subject_key_id) FROM docket.sealed"
            ) { row throws(PostgresError) in [try row[0] as Int, try row[1] as Int, try row[2] as Int] }[0]
            // 3 events × (2 of ada, 1 of the address), 2 comments; keys: ada, the address, 2 comments.
            #expect(counts == [11, 6, 4])
        }
    }

    @Test("processes that seal for a new entity at the same moment agree on one key")
    func keyRace() async throws {
        try await LogFixture.with { log in
            let siblings = try (0..<6).map { _ in try log.sibling() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sibling in siblings {
                    group.addTask {
                        for round in 0..<5 {
                            let verdict = try await sibling.append(
                                log.request([normalized(log, user: "user \(round)")]))
                            #expect(verdict.isAppended)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let events = try await log.log.feed(tenant: log.tenant, from: 0, limit: 100)
            #expect(events.count == 30)
            #expect(events.allSatisfy { $0.data["user_name"]?.stringValue?.hasPrefix("user ") == true })
        }
    }

    @Test("an erased key gives null where its values were, and leaves the rest and the leaf as they were")
    func erasure() async throws {
        try await LogFixture.with { log in
            let evidence = Evidence(mediaType: "text/plain", bytes: Array("raw".utf8))
            _ = try await log.log.append(
                log.request([normalized(log, user: "ada"), normalized(log, user: "bob")], evidence: [evidence]))
            let before = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10)
            let ada = try await log.log.subjectKeyID(type: "user", value: "ada", tenant: log.tenant)
            let evidenceKey = try await log.superuser.value("SELECT subject_key_id FROM docket.evidence", as: UUID.self)
            try await log.superuser.execute("SELECT docket.erase(\(log.tenant), \(Int64(0)), \([ada, evidenceKey]))")

            let after = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10)
            #expect(after[0].data["user_name"] == .null)
            #expect(after[0].data.at("/entities/0/value") == .null)
            #expect(after[0].data.at("/entities/1/value") == "198.51.100.7")
            #expect(after[0].sealed == before[0].sealed)
            #expect(after[1] == before[1])
            #expect(after.map(\.leafHash) == before.map(\.leafHash))
            #expect(try await log.log.evidence(tenant: log.tenant, digest: evidence.digest) == nil)

            // A new occurrence of an erased subject gets a new key; the old values stay erased.
            try await log.append([normalized(log, user: "ada")])
            let again = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10)
            #expect(again[2].data["user_name"] == "ada")
            #expect(again[0].data["user_name"] == .null)
        }
    }

    @Test("an erasure is recorded in its own transaction; a legal hold forbids both")
    func recordedErasure() async throws {
        try await LogFixture.with { log in
            try await log.append([normalized(log, user: "ada")])
            let ada = try await log.log.subjectKeyID(type: "user", value: "ada", tenant: log.tenant)
            let request = log.request([log.event("subject.erased", data: ["keys": 1])])
            #expect(try await log.log.setLegalHold(true, keys: [ada, UUID()], tenant: log.tenant) == 1)
            #expect(await logErrorCode { _ = try await log.log.erase(keys: [ada], recording: request) } == .legalHold)
            #expect(try await log.log.head(tenant: log.tenant) == 1)

            _ = try await log.log.setLegalHold(false, keys: [ada], tenant: log.tenant)
            let failing = await logErrorCode {
                _ = try await log.log.erase(keys: [ada], recording: request) { _ throws(PostgresError) in
                    throw PostgresError(.misuse, "a projection's table is missing")
                }
            }
            #expect(failing == .unavailable)
            #expect(try await log.log.feed(tenant: log.tenant, from: 0, limit: 1)[0].data["user_name"] == "ada")

            let (verdict, erasure) = try await log.log.erase(keys: [ada], recording: request)
            #expect(verdict.isAppended)
            #expect(erasure == Erasure(keys: 1, sealedMembers: 2, evidenceItems: 0))
            let events = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10)
            #expect(events.map(\.type) == ["alert.normalized", "subject.erased"])
            #expect(events[0].data["user_name"] == .null)
            let again = try await log.log.erase(keys: [ada], recording: request)
            #expect(again.verdict == .duplicate(try #require(verdict.range)))
            #expect(again.erasure.keys == 0)
        }
    }

    @Test("evidence of one content is stored once, whoever brings it")
    func evidenceTwice() async throws {
        try await LogFixture.with { log in
            let evidence = Evidence(mediaType: "application/json", bytes: Array("{}".utf8))
            for _ in 0..<2 { _ = try await log.log.append(log.request([log.event()], evidence: [evidence])) }
            #expect(try await log.superuser.value("SELECT count(*) FROM docket.evidence", as: Int.self) == 1)
            #expect(try await log.log.evidence(tenant: log.tenant, digest: evidence.digest) == evidence)
            #expect(try await log.log.evidence(tenant: UUID(), digest: evidence.digest) == nil)
            var forged = evidence
            forged.bytes = [1]
            #expect(
                await logErrorCode { _ = try await log.log.append(log.request([log.event()], evidence: [forged])) }
                    == .malformed)
        }
    }

    @Test("data that looks like a marker of the log is only data")
    func forgedMarkers() async throws {
        try await LogFixture.with { log in
            let data: JSONValue = [
                "text": "secret", "evil": ["$sealed": 0, "hmac": "x"], "$$sealed": ["$$$sealed": "$sealed"],
                "$other": 1,
            ]
            try await log.append([log.event("case.commented", data: data)])
            let read = try #require(try await log.log.feed(tenant: log.tenant, from: 0, limit: 1).first)
            #expect(read.data == data)
            #expect(read.sealed == ["/data/text"])
        }
    }

    @Test("what was altered in the sealed tables is noticed, not shown")
    func tampering() async throws {
        try await LogFixture.with { log in
            try await log.append([normalized(log, user: "ada"), normalized(log, user: "bob")])
            // Swapping two ciphertexts with their salts and nonces, as somebody with full rights could.
            try await log.superuser.transaction { tx throws(PostgresError) in
                try tx.run(
                    script: """
                        ALTER TABLE docket.sealed DISABLE TRIGGER USER;
                        UPDATE docket.sealed s SET ciphertext = o.ciphertext, nonce = o.nonce, salt = o.salt
                          FROM docket.sealed o WHERE o.position = 1 - s.position AND o.n = s.n;
                        """)
            }
            #expect(
                await logErrorCode { _ = try await log.log.feed(tenant: log.tenant, from: 0, limit: 10) } == .corrupt)
        }
    }

    @Test("a lost key file is an error, never a new key and never null")
    func lostKeyFile() async throws {
        try await LogFixture.with { log in
            try await log.append([normalized(log, user: "ada")])
            let path = "\(log.keysDirectory)/\(log.tenant.uuidString.lowercased()).key"
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            try FileManager.default.removeItem(atPath: path)
            let restarted = try log.sibling()
            #expect(
                await logErrorCode { _ = try await restarted.append(log.request([normalized(log, user: "ada")])) }
                    == .tenantKey)
            #expect(
                await logErrorCode { _ = try await restarted.feed(tenant: log.tenant, from: 0, limit: 1) } == .tenantKey
            )
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}

@Suite struct TenantKeysTests {
    @Test("processes that race for a tenant's key get one key")
    func race() async throws {
        let directory = "/tmp/docket-keys-\(UUID().uuidString)"
        let tenant = UUID()
        let codes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<20 {
                let keys = try TenantKeys(directory: directory)
                group.addTask { try keys.make(tenant).match("user", [1]) }
            }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(codes.count == 1)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory) == ["\(tenant.uuidString.lowercased()).key"])
        try FileManager.default.removeItem(atPath: directory)
    }

    @Test("a directory that is open to others is refused")
    func openDirectory() throws {
        let directory = "/tmp/docket-keys-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        #expect(throws: EventLogError.self) { try TenantKeys(directory: directory) }
        try FileManager.default.removeItem(atPath: directory)
    }
}
