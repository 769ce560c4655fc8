import EventLog
import Events
import Foundation
import JSON
import Postgres
import Proof
import TestSupport
import Testing

@testable import Sealing

@Suite("Sealing a log", .migrated, .timeLimit(.minutes(25)))
struct SealerTests {
    @Test("the root is that of the leaves, whatever was sealed at once, and goes on after a restart")
    func root() async throws {
        try await SealedLog.with { fixture in
            for count in [1, 2, 254, 3, 300] {
                try await fixture.fill(count)
                // A new sealer each time: it knows nothing but what is stored.
                _ = try await fixture.sealer.seal(fixture.tenant)
            }
            let head = try await fixture.log.head(tenant: fixture.tenant)
            let newest = try #require(try await fixture.tree.checkpoint())
            #expect(newest.size == head && head == 560)
            var naive = Frontier()
            for event in try await fixture.log.feed(tenant: fixture.tenant, from: 0, limit: 1_000) {
                naive.append(try #require(TreeHash(event.leafHash)))
            }
            #expect(naive.root.bytes == newest.root)
            let key = try #require(try fixture.keys.find(fixture.tenant)).verifierKey
            let signed = try Checkpoint(try SignedNote(Array(newest.note.utf8)), verifiedBy: [key])
            #expect(signed.size == head && signed.root.bytes == newest.root)

            var tree = TileTree(size: head, source: fixture.tree)
            let inclusion = try await tree.inclusionProof(of: 257)
            try inclusion.verify(leaf: try await tree.leaf(257), root: signed.root)
            for earlier in try await fixture.tree.checkpoints() {
                let proof = try await tree.consistencyProof(from: earlier.size)
                try proof.verify(firstRoot: try #require(TreeHash(earlier.root)), secondRoot: signed.root)
            }
        }
    }

    @Test("sealing again adds nothing, and two sealers at once make one tree")
    func concurrent() async throws {
        try await SealedLog.with { fixture in
            try await fixture.fill(20)
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<6 { group.addTask { try await fixture.sealer.seal(fixture.tenant) } }
                for try await size in group { #expect(size == 20) }
            }
            #expect(try await fixture.sealer.seal(fixture.tenant) == 20)
            #expect(try await fixture.tree.checkpoints().count == 1)
            #expect(try await fixture.check() == [])
        }
    }

    @Test("what was changed before it was sealed is not signed, and the position is named")
    func changedBefore() async throws {
        try await SealedLog.with { fixture in
            try await fixture.fill(5)
            try await fixture.attack(
                "UPDATE docket.event SET version = version + 1 WHERE tenant_id = TENANT AND position = 3;")
            await #expect(throws: SealingError.self) { try await fixture.sealer.seal(fixture.tenant) }
            #expect(try await fixture.tree.checkpoint() == nil)
            #expect(try await fixture.check().contains { $0.kind == .leafMismatch && $0.position == 3 })
        }
    }

    @Test("the signing key is made once, for its owner alone, and read back")
    func keys() async throws {
        try await SealedLog.with { fixture in
            let keys = fixture.keys
            #expect(try keys.find(fixture.tenant) == nil)
            let made = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 { group.addTask { try keys.make(fixture.tenant, hasSigned: false).text } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(made.count == 1)
            let path = fixture.folder.appending(path: "keys/\(fixture.tenant.uuidString.lowercased()).signing").path
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test("a key is rotated, also in two tries, and whoever trusts the first one can follow to the newest")
    func rotation() async throws {
        try await SealedLog.with { fixture in
            let actor = Actor(kind: .person, subject: "ada", lane: .analyst)
            let rotation = KeyRotation(log: fixture.log, keys: fixture.keys)
            try await fixture.fill(5)
            try await fixture.sealer.seal(fixture.tenant)
            let first = try #require(try fixture.keys.find(fixture.tenant)).verifierKey
            let second = try await rotation.rotate(fixture.tenant, reason: "Yearly.", by: actor)
            // The second try stops after its event; the next call goes on with the same key.
            let third = try fixture.keys.makeSuccessor(fixture.tenant).verifierKey
            #expect(try await rotation.rotate(fixture.tenant, reason: "Again.", by: actor) == third)
            #expect(try fixture.keys.find(fixture.tenant)?.verifierKey == third)
            #expect(Set([first, second, third]).count == 3)
            try await fixture.fill(5)
            try await fixture.sealer.seal(fixture.tenant)
            #expect(try await fixture.check() == [])
            let url = try await fixture.export("rotated")
            for key in [first, second, third] {
                #expect(try PackageVerifier.verify(at: url, key: key).findings == [])
            }
            let stranger = try SigningKey(name: first.name).verifierKey
            #expect(try PackageVerifier.verify(at: url, key: stranger).findings.contains { $0.class == .wrongKey })
        }
    }

    @Test("raw input is found where a body names it: one, a list, each once; other digests are none")
    func digests() {
        let body =
            #"{"data":{"plan_digest":"sha256:p","raw_digest":"sha256:a","raw_digests":["sha256:b","sha256:a"],"#
            + #""x":{"raw_digest":"sha256:c"},"raw_digests_of":["sha256:d"],"y":{"raw_digests":[]}}}"#
        #expect(Exporter.digests(in: Array(body.utf8)) == ["sha256:a", "sha256:c", "sha256:b"])
        #expect(Exporter.digests(in: Array(#"{"raw_digest":"sha256:a"#.utf8)) == [])
    }

    @Test("a package of a live log verifies, whole, in part, and of one case, with the key from elsewhere")
    func export() async throws {
        try await SealedLog.with { fixture in
            try await fixture.fill(30)
            try await fixture.sealer.seal(fixture.tenant)
            let key = try #require(try fixture.keys.find(fixture.tenant)).verifierKey
            let first = try await fixture.log.feed(tenant: fixture.tenant, from: 0, limit: 1)[0]
            for (name, scope, count) in [
                ("all", Exporter.Scope.range(from: 0, to: nil), 30), ("part", .range(from: 7, to: 19), 12),
                ("case", .caseID(first.streamID), 10),
            ] {
                let url = try await fixture.export(name, scope)
                let report = try PackageVerifier.verify(at: url, key: key)
                #expect(report.findings == [], "\(name)")
                #expect(report.events == Int64(count) && report.exitCode == 0)
            }
            // What was signed before is in it; a history that somebody else was shown is told.
            try await fixture.fill(3)
            try await fixture.sealer.seal(fixture.tenant)
            let later = try await fixture.export("later")
            let seen = try #require(try await fixture.tree.checkpoint(upTo: 30))
            let note = try SignedNote(Array(seen.note.utf8))
            #expect(try PackageVerifier.verify(at: later, checkpoint: note, key: key).findings == [])
            let signing = try #require(try fixture.keys.find(fixture.tenant))
            let split = try Checkpoint(origin: signing.name, size: 30, root: .sha256([1])).signed(by: [signing])
            let views = try PackageVerifier.verify(at: later, checkpoint: split, key: key)
            #expect(views.findings.contains { $0.class == .splitView }, "\(views.findings)")
            let other = try SigningKey(name: "docket/other").verifierKey
            let wrong = try PackageVerifier.verify(at: fixture.folder.appending(path: "all"), key: other)
            #expect(wrong.findings.contains { $0.class == .wrongKey })
        }
    }
}

/// What somebody with all rights of the database can do to it, and how it is told.
@Suite("Tampering with a live log", .migrated, .timeLimit(.minutes(25)))
struct TamperTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var statements: String
        var kind: LogCheck.Finding.Kind
        var position: Int64?
        /// What the verifier says of a package exported afterwards; `nil`: nothing can be exported any more.
        var found: Finding.Class?
        var at: Int64?
        /// Whether a package can be made that has no findings: it shows nothing of what was altered.
        var isExported = false
    }

    static let attacks: [Attack] = [
        Attack(
            testDescription: "a changed body",
            statements: """
                UPDATE docket.event SET body = replace(body::text, '"number":7', '"number":8')::json
                 WHERE tenant_id = TENANT AND position = 7;
                """, kind: .leafMismatch, position: 7, found: .eventChanged, at: 7),
        Attack(
            testDescription: "a changed body with its leaf computed anew",
            statements: """
                UPDATE docket.event AS e SET body = n.body::json, leaf_hash = docket.leaf_hash(
                       e.tenant_id, e.position, e.stream_id, e.version, e.event_id, e.schema_version,
                       (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.type, n.body, e.sealed_digest)
                  FROM (SELECT replace(body::text, '"number":7', '"number":8') AS body FROM docket.event
                         WHERE tenant_id = TENANT AND position = 7) AS n
                 WHERE e.tenant_id = TENANT AND e.position = 7;
                """, kind: .rootMismatch, position: 19, found: .eventChanged, at: 7),
        Attack(
            testDescription: "a changed actor column",
            statements: """
                UPDATE docket.event SET actor = replace(actor::text, 'alice', 'mallory')::json
                 WHERE tenant_id = TENANT AND position = 4;
                """, kind: .columnMismatch, position: 4, found: .columnMismatch, at: 4),
        Attack(
            testDescription: "a changed time",
            statements: """
                UPDATE docket.event SET recorded_at = recorded_at + interval '1 microsecond'
                 WHERE tenant_id = TENANT AND position = 9;
                """, kind: .leafMismatch, position: 9, found: .eventChanged, at: 9),
        Attack(
            testDescription: "a changed column of the case",
            statements: """
                UPDATE docket.event SET case_id = gen_random_uuid() WHERE tenant_id = TENANT AND position = 2;
                """, kind: .columnMismatch, position: 2, found: .columnMismatch, at: 2),
        Attack(
            testDescription: "a removed event",
            statements: "DELETE FROM docket.event WHERE tenant_id = TENANT AND position = 5;",
            kind: .positionMissing, position: 5, found: .eventMissing, at: 5),
        Attack(
            testDescription: "swapped events",
            statements: """
                UPDATE docket.event SET position = 1010 WHERE tenant_id = TENANT AND position = 10;
                UPDATE docket.event SET position = 10 WHERE tenant_id = TENANT AND position = 11;
                UPDATE docket.event SET position = 11 WHERE tenant_id = TENANT AND position = 1010;
                """, kind: .leafMismatch, position: 10, found: .orderChanged, at: 10),
        Attack(
            testDescription: "a truncated tail",
            statements: """
                DELETE FROM docket.event WHERE tenant_id = TENANT AND position >= 15;
                UPDATE docket.tenant_head SET next_position = 15 WHERE tenant_id = TENANT;
                """, kind: .truncated, position: 15, found: .truncated, at: 15),
        Attack(
            testDescription: "renumbered positions behind a removed event",
            statements: """
                DELETE FROM docket.event WHERE tenant_id = TENANT AND position = 6;
                UPDATE docket.event SET position = position - 1 + 1000 WHERE tenant_id = TENANT AND position > 6;
                UPDATE docket.event SET position = position - 1000 WHERE tenant_id = TENANT AND position >= 1000;
                UPDATE docket.tenant_head SET next_position = 19 WHERE tenant_id = TENANT;
                """, kind: .leafMismatch, position: 6, found: .positionsRenumbered, at: nil),
        Attack(
            testDescription: "an inserted event",
            statements: """
                UPDATE docket.event SET position = position + 1001 WHERE tenant_id = TENANT AND position >= 12;
                UPDATE docket.event SET position = position - 1000 WHERE tenant_id = TENANT AND position >= 1000;
                INSERT INTO docket.event SELECT (e).* FROM (
                    SELECT jsonb_populate_record(e, jsonb_build_object(
                        'position', 12, 'event_id', gen_random_uuid(), 'stream_id', gen_random_uuid(),
                        'recorded_at', (SELECT recorded_at + interval '1 microsecond' FROM docket.event
                                         WHERE tenant_id = TENANT AND position = 11))) AS e
                      FROM docket.event AS e WHERE tenant_id = TENANT AND position = 3) AS n;
                UPDATE docket.tenant_head SET next_position = 21 WHERE tenant_id = TENANT;
                """, kind: .leafMismatch, position: 12, found: .eventInserted, at: 12),
        Attack(
            testDescription: "a forged checkpoint",
            statements: """
                UPDATE docket.checkpoint SET root = sha256('forged'), note = replace(note, E'\n20\n', E'\n19\n')
                 WHERE tenant_id = TENANT;
                """, kind: .signatureInvalid, position: 19, found: nil, at: nil),
        Attack(
            testDescription: "an altered tile",
            statements: """
                UPDATE docket.tile SET hashes = set_byte(hashes, 32 * 8, get_byte(hashes, 32 * 8) # 1)
                 WHERE tenant_id = TENANT AND level = 0;
                """, kind: .tileMismatch, position: 0, found: .tileAltered, at: 8),
        Attack(
            testDescription: "another ciphertext",
            statements: """
                UPDATE docket.sealed SET ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)
                 WHERE tenant_id = TENANT AND position = 6;
                """, kind: .sealedMismatch, position: 6, found: nil, at: nil, isExported: true),
        Attack(
            testDescription: "another digest of what was sealed",
            statements: """
                UPDATE docket.event SET sealed_digest = sha256('nothing') WHERE tenant_id = TENANT AND position = 1;
                """, kind: .leafMismatch, position: 1, found: .sealedValueMismatch, at: 1),
    ]

    @Test("fsck names kind and position, and so does the verifier of a package made afterwards", arguments: attacks)
    func attack(_ attack: Attack) async throws {
        try await SealedLog.with { fixture in
            try await fixture.fill(20)
            try await fixture.sealer.seal(fixture.tenant)
            #expect(try await fixture.check() == [])
            let key = try #require(try fixture.keys.find(fixture.tenant)).verifierKey
            try await fixture.attack(attack.statements)
            let findings = try await fixture.check()
            #expect(
                findings.contains { $0.kind == attack.kind && $0.position == attack.position },
                "\(findings)")
            guard let expected = attack.found else {
                if attack.isExported {
                    let report = try PackageVerifier.verify(at: try await fixture.export(), key: key)
                    #expect(report.findings == [])
                    return
                }
                await #expect(throws: (any Error).self) { try await fixture.export() }
                return
            }
            let report = try PackageVerifier.verify(at: try await fixture.export(), key: key)
            #expect(report.exitCode == 2)
            #expect(
                report.findings.contains { finding in
                    finding.class == expected && (attack.at.map { finding.positions?.contains($0) == true } ?? true)
                }, "\(report.findings)")
        }
    }
}
