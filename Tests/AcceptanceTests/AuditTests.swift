import Foundation
import JSON
import NIOHTTP1
import Testing

/// An auditor's way: export a live tenant, carry the package away, and verify it twice.
@Suite("docket audit", .timeLimit(.minutes(25)))
struct AuditTests {
    @Test("a live tenant is exported and verified offline by both verifiers; one byte changed, and both say so")
    func wholeWay() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let (caseID, _) = try await place.openCase(server)
            let kept = place.folder.appending(path: "kept-checkpoint")
            try Data(try await place.client("aude", server).waitBytes("/v1/audit/checkpoint")).write(to: kept)
            let out = place.folder.appending(path: "evidence")
            let exported = try await Program.run([
                "audit", "export", "--tenant", "acme", "--out", out.path, "--checkpoint", kept.path, "--data-dir",
                place.folder.path,
            ])
            #expect(exported.status == 0, "\(exported.errors)")
            let key =
                try await Program.run([
                    "audit", "keys", "--tenant", "acme", "--data-dir", place.folder.path,
                ]).output.split(separator: "\n").first.map(String.init) ?? ""

            // Somewhere else, with nothing but the package, the key and a checkpoint that was kept.
            let elsewhere = URL(fileURLWithPath: "/tmp/docket-audit-\(UUID().uuidString.prefix(8).lowercased())")
            try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: elsewhere) }
            let package = elsewhere.appending(path: "evidence")
            try FileManager.default.moveItem(at: out, to: package)
            let checkpoint = elsewhere.appending(path: "checkpoint")
            try FileManager.default.moveItem(at: kept, to: checkpoint)
            let verified = try await Program.run([
                "audit", "verify", "--key", key, "--checkpoint", checkpoint.path, "--format", "json", package.path,
            ])
            #expect(verified.status == 0, "\(verified.output) \(verified.errors)")
            if PythonVerifier.isThere {
                #expect(
                    try await PythonVerifier.run(["--key", key, "--checkpoint", checkpoint.path, package.path]) == 0)
            }

            let events = package.appending(path: "events.ndjson")
            var bytes = [UInt8](try Data(contentsOf: events))
            let place2 = try #require(bytes.firstRange(of: Array("case.opened".utf8)))
            bytes[place2.lowerBound] = UInt8(ascii: "k")
            try Data(bytes).write(to: events)
            let altered = try await Program.run(["audit", "verify", "--key", key, package.path])
            #expect(altered.status == 2 && altered.output.contains("position"), "\(altered.output)")
            if PythonVerifier.isThere { #expect(try await PythonVerifier.run(["--key", key, package.path]) == 2) }

            let one = place.folder.appending(path: "one-case")
            let single = try await Program.run([
                "audit", "export", "--tenant", "acme", "--case", caseID, "--out", one.path, "--withhold-sealed",
                "--data-dir", place.folder.path,
            ])
            #expect(single.status == 0, "\(single.errors)")
            #expect(try await Program.run(["audit", "verify", "--key", key, one.path]).status == 0)
            let text = try FileManager.default.contentsOfDirectory(atPath: one.path)
                .compactMap { try? String(contentsOf: one.appending(path: $0), encoding: .utf8) }.joined()
            #expect(!text.contains("deploy-bot"))

            let sound = try await Program.run(["audit", "fsck", "--data-dir", place.folder.path])
            #expect(sound.status == 0 && sound.output.contains("acme"), "\(sound.output)")
            let none = try await Program.run(["audit", "verify", elsewhere.path])
            #expect(none.status == 1)
        }
    }
}
