import Foundation
import JSON
import NIOHTTP1
import Testing

/// The manual's chapter on backups, walked as it stands there (Documentation/Operating.md, "Backup and restore").
@Suite("docket backup and restore", .timeLimit(.minutes(30)), .serialized)
struct BackupTests {
    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = URL(fileURLWithPath: "/tmp/docket-backup-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func run(_ arguments: String...) async throws -> Program.Output { try await Program.run(arguments) }

    private func serve(_ data: String, in folder: URL) async throws -> RunningProgram {
        try await RunningProgram(["serve", "--listen", "127.0.0.1:0", "--data-dir", data], in: folder)
    }

    /// An alert that names a person, and its case.
    private func openCase(_ server: RunningProgram, _ tokens: [String: String], number: Int) async throws -> String {
        let sent = try await Client(base: server.baseURL, token: tokens["siem"])(
            .POST, "/v1/alerts",
            [
                "source": "test", "source_ref": .string("backup-\(number)"), "title": "Somebody signs in at night",
                "severity": "high", "occurred_at": .string(Installation.now()),
                "entities": [["type": "user", "value": .string("ada.lovelace.\(number)"), "role": "actor"]],
            ])
        #expect(sent.status == 201, "\(sent.json)")
        let alertID = try #require(sent.json["alert_id"]?.stringValue)
        let alert = try await Client(base: server.baseURL, token: tokens["alice"]).wait("/v1/alerts/\(alertID)") {
            !($0["case_ids"]?.arrayValue ?? []).isEmpty
        }
        return try #require(alert.at("/case_ids/0")?.stringValue)
    }

    @Test(
        "backup, everything lost, restore, serve: what was sealed is read, packages verify, and what came later is counted"
    )
    func walk() async throws {
        try await withFolder { folder in
            let (data, log, keys) = (folder.path + "/data", folder.path + "/log", folder.path + "/keys")
            var server = try await serve(data, in: folder)
            _ = try await Installation.makeTenant("acme", in: URL(fileURLWithPath: data))
            let tokens = try await Installation.makeTokens(tenant: "acme", in: URL(fileURLWithPath: data))
            let caseID = try await openCase(server, tokens, number: 1)
            let alice = Client(base: server.baseURL, token: tokens["alice"])
            _ = try await alice.settled()
            let before = try await alice(.GET, "/v1/cases/\(caseID)").json

            let plan = try await run("backup", "--out", log, "--keys-out", keys, "--dry-run", "--data-dir", data)
            #expect(plan.status == 0 && plan.output.contains("would write 2 tenants"), "\(plan.output)\(plan.errors)")
            #expect(!FileManager.default.fileExists(atPath: log))
            let backup = try await run("backup", "--out", log, "--keys-out", keys, "--data-dir", data)
            try #require(backup.status == 0, "\(backup.errors)")
            try checkApart(log: log, keys: keys)

            // Recorded after the backup: gone, and that must be told.
            _ = try await openCase(server, tokens, number: 2)
            _ = try await alice.settled()
            let note = try await sealedNote(data, folder)
            #expect(try await server.stop() == 0)
            try FileManager.default.removeItem(atPath: data)

            let look = try await run("restore", log, "--keys", keys, "--dry-run", "--data-dir", data)
            #expect(look.status == 0 && look.output.contains("would restore 2 tenants"), "\(look.output)\(look.errors)")
            #expect(!FileManager.default.fileExists(atPath: data))
            let restored = try await run("restore", log, "--keys", keys, "--data-dir", data)
            try #require(restored.status == 0, "\(restored.output)\(restored.errors)")
            #expect(restored.output.contains("sound"))

            let gap = try await run("audit", "fsck", "--tenant", "acme", "--checkpoint", note, "--data-dir", data)
            #expect(gap.status == 2, "\(gap.output)\(gap.errors)")
            #expect(gap.output.contains("truncated") && gap.output.contains("are missing"), "\(gap.output)")

            server = try await serve(data, in: folder)
            let restoredAlice = Client(base: server.baseURL, token: tokens["alice"])
            let after = try await restoredAlice.wait("/v1/cases/\(caseID)") { $0["title"] == before["title"] }
            #expect(after["entities"] == before["entities"], "a sealed member is read")
            #expect(before.canonicalString().contains("ada.lovelace.1"))
            // It records on, under the next epoch.
            _ = try await openCase(server, tokens, number: 3)
            _ = try await restoredAlice.settled()
            let package = folder.path + "/package"
            let exported = try await run("audit", "export", "--tenant", "acme", "--out", package, "--data-dir", data)
            #expect(exported.status == 0, "\(exported.errors)")
            let verified = try await run("audit", "verify", package)
            #expect(verified.status == 0, "\(verified.output)")
            #expect(try await run("audit", "fsck", "--data-dir", data).status == 0)
            #expect(try await server.stop() == 0)
        }
    }

    @Test("keys that are missing keep a server from starting, and none is made")
    func keysMissing() async throws {
        try await withFolder { folder in
            let data = folder.path + "/data"
            let server = try await serve(data, in: folder)
            _ = try await Installation.makeTenant("acme", in: URL(fileURLWithPath: data))
            let tokens = try await Installation.makeTokens(tenant: "acme", in: URL(fileURLWithPath: data))
            _ = try await openCase(server, tokens, number: 1)
            _ = try await sealedNote(data, folder)
            #expect(try await server.stop() == 0)
            try FileManager.default.moveItem(atPath: data + "/keys", toPath: folder.path + "/elsewhere")
            for arguments in [["serve", "--listen", "127.0.0.1:0"], ["audit", "fsck"], ["tenant", "list"]] {
                let refused = try await Program.run(arguments + ["--data-dir", data])
                #expect(refused.status == 1)
                #expect(refused.errors.contains("Put the files back"), "\(refused.errors)")
            }
            let made = try FileManager.default.contentsOfDirectory(atPath: data + "/keys")
            #expect(made.isEmpty)
            try FileManager.default.removeItem(atPath: data + "/keys")
            try FileManager.default.moveItem(atPath: folder.path + "/elsewhere", toPath: data + "/keys")
            let again = try await serve(data, in: folder)
            #expect(try await again.stop() == 0)
        }
    }

    @Test(
        "a backup that was changed, keys of another one, and a directory that holds something are refused before anything is written"
    )
    func refusals() async throws {
        try await withFolder { folder in
            let data = folder.path + "/data"
            let server = try await serve(data, in: folder)
            let pairs = (1...2).map { (log: folder.path + "/log\($0)", keys: folder.path + "/keys\($0)") }
            for pair in pairs {
                let made = try await run("backup", "--out", pair.log, "--keys-out", pair.keys, "--data-dir", data)
                #expect(made.status == 0, "\(made.errors)")
            }
            let inside = try await run(
                "backup", "--out", folder.path + "/x", "--keys-out", folder.path + "/x/keys", "--data-dir", data)
            #expect(inside.status == 1 && inside.errors.contains("must lie apart"))
            let twice = try await run(
                "backup", "--out", pairs[0].log, "--keys-out", folder.path + "/y", "--data-dir", data)
            #expect(twice.status == 1 && twice.errors.contains("is not empty"))
            #expect(try await server.stop() == 0)

            let target = folder.path + "/target"
            let full = try await run("restore", pairs[0].log, "--keys", pairs[0].keys, "--data-dir", data)
            #expect(full.status == 1 && full.errors.contains("is not empty"))
            let mixed = try await run("restore", pairs[0].log, "--keys", pairs[1].keys, "--data-dir", target)
            #expect(mixed.status == 1 && mixed.errors.contains("keys of another backup"))
            let same = try await run("restore", pairs[0].log, "--keys", pairs[0].log, "--data-dir", target)
            #expect(same.status == 1 && same.errors.contains("is not the folder of a backup's keys"))
            #expect(!FileManager.default.fileExists(atPath: target))
            let dump = URL(fileURLWithPath: pairs[0].log + "/log.dump")
            var bytes = try Data(contentsOf: dump)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: dump)
            let changed = try await run("restore", pairs[0].log, "--keys", pairs[0].keys, "--data-dir", target)
            #expect(changed.status == 1 && changed.errors.contains("is not the file that was backed up"))
            #expect(!FileManager.default.fileExists(atPath: target))
        }
    }

    /// The log's folder holds no key, the other one no event.
    private func checkApart(log: String, keys: String) throws {
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: log).allSatisfy {
                !$0.hasSuffix(".key") && !$0.hasSuffix(".signing")
            })
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: keys).sorted() == [
                "keys", "manifest.json", "subject-keys.dump",
            ])
        for path in try FileManager.default.subpathsOfDirectory(atPath: keys) + ["."] {
            let mode = try FileManager.default.attributesOfItem(atPath: keys + "/" + path)[.posixPermissions] as? Int
            #expect((mode ?? 0o777) & 0o077 == 0, "\(path)")
        }
    }

    /// The tenant's newest checkpoint once all is signed, kept elsewhere.
    private func sealedNote(_ data: String, _ folder: URL) async throws -> String {
        let package = folder.path + "/package-\(UUID().uuidString.prefix(8))"
        let exported = try await run("audit", "export", "--tenant", "acme", "--out", package, "--data-dir", data)
        try #require(exported.status == 0, "\(exported.errors)")
        return package + "/checkpoint"
    }
}
