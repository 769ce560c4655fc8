import Foundation
import JSON
import NIOHTTP1
import Testing

/// An erasure in a server that is at work: stages, read models and sealer run, and nothing waits for it.
@Suite("docket, an erasure", .timeLimit(.minutes(25)))
struct LiveErasureTests {
    private func dump(_ place: Installation) async throws -> String {
        let file = place.folder.appending(path: "dump-\(UUID().uuidString)").path
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let candidates =
            versions.sorted().reversed().map { "/usr/lib/postgresql/\($0)/bin/pg_dump" }
            + (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/pg_dump" }
        let program = try #require(candidates.first { FileManager.default.isExecutableFile(atPath: $0) })
        let owner = try FileManager.default.attributesOfItem(atPath: place.folder.path + "/postgres")
        let name = try #require(owner[.ownerAccountName] as? String)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments =
            ["--host", place.folder.path + "/socket", "--username", name, "--file", file, "docket"]
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        #expect(process.terminationStatus == 0)
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
        try FileManager.default.removeItem(atPath: file)
        return text
    }

    private func names(_ text: String, _ marker: String) -> Bool {
        let hex = [marker, marker.uppercased()].map { $0.utf8.map { String(format: "%02x", $0) }.joined() }
        return ([marker] + hex).contains { text.lowercased().contains($0) }
            || [0, 1, 2].contains { shift in
                let whole = Data(repeating: 32, count: shift) + Data(marker.utf8)
                let core = whole.base64EncodedString().prefix(whole.count * 8 / 6).dropFirst([0, 2, 3][shift])
                return text.contains(core)
            }
    }

    private func alert(_ place: Installation, naming marker: String) throws -> JSONValue {
        try place.alert { alert in
            alert["title"] = .string("\(marker.uppercased()) opened a port")
            alert["description"] = .string("Told by \(marker).")
            alert["source_ref"] = .string("of \(marker) \(UUID().uuidString)")
            alert["entities"] = .array(
                (alert["entities"]?.arrayValue ?? []) + [["type": "user", "value": .string(marker), "role": "actor"]])
        }
    }

    /// Whatever is left anywhere, by where it is.
    private func traces(
        of marker: String, _ place: Installation, _ server: RunningProgram
    ) async throws -> [String] {
        var texts = ["pg_dump": try await dump(place), "stderr": server.errors]
        let logs = place.folder.path + "/postgres/log"
        for file in try FileManager.default.contentsOfDirectory(atPath: logs) {
            texts["PostgreSQL's \(file)"] = String(
                decoding: try Data(contentsOf: URL(fileURLWithPath: "\(logs)/\(file)")), as: UTF8.self)
        }
        let alice = place.client("alice", server)
        var paths =
            ["/v1/alerts", "/v1/cases", "/v1/approvals", "/v1/runs", "/v1/events", "/v1/assets"]
            .map { $0 + "?limit=500" } + ["/", "/history", "/approvals"]
        paths[5] = "/v1/assets"
        for kind in ["alerts", "cases", "approvals"] {
            let items = try await alice(.GET, "/v1/\(kind)?limit=500").json["items"]?.arrayValue ?? []
            for id in items.compactMap({ $0["id"]?.stringValue }) {
                paths.append("/v1/\(kind)/\(id)")
                if kind == "alerts" { paths.append("/v1/alerts/\(id)/raw") }
                guard kind == "cases" else { continue }
                paths += ["evidence", "entities", "recommendation", "events?limit=500"].map { "/v1/cases/\(id)/\($0)" }
                paths.append("/cases/\(id)")
            }
        }
        for path in paths {
            let accept = path.hasPrefix("/v1/") ? "application/json" : "text/html"
            texts[path] = String(
                decoding: try await alice(.GET, path, headers: ["Accept": accept]).bytes, as: UTF8.self)
        }
        return texts.filter { names($0.value, marker) }.keys.sorted()
    }

    @Test(
        "in the middle of work on it: nothing is left in a dump, an answer, a log; proofs hold, and a rebuild is the same"
    )
    func live() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let admin = place.client("admin", server)
            let marker = "mara.vex7q"
            let (caseID, approvalID) = try await place.openCase(server) {
                $0 = (try? alert(place, naming: marker)) ?? $0
            }
            let alice = place.client("alice", server)
            #expect(
                try await alice(.POST, "/v1/cases/\(caseID)/comments", ["text": .string("Ask \(marker)")]).status == 201
            )
            let plan = try await alice(.GET, "/v1/approvals/\(approvalID)").json["plan_digest"] ?? .null
            let granted = try await place.client("rita", server)(
                .POST, "/v1/approvals/\(approvalID)/decisions",
                ["decision": "approve", "reason": .string("\(marker) knows."), "plan_digest": plan])
            #expect(granted.status == 200, "\(granted.json)")
            _ = try await alice.settled()
            let before = try await traces(of: marker, place, server)
            #expect(before.contains("pg_dump") && before.contains("/cases/\(caseID)"), "\(before)")

            let subject = try await admin(.POST, "/v1/subjects", ["type": "user", "value": .string(marker)])
            let id = try #require(subject.json["id"]?.stringValue, "\(subject.json)")
            #expect(subject.json["case_ids"] == [.string(caseID)] && subject.json["clear_events"] == 0)
            let held = try await place.client("lee", server)(
                .POST, "/v1/cases/\(caseID):legal_hold", ["reason": "Counsel asks."])
            #expect(held.status == 200, "\(held.json)")
            let refused = try await admin(.POST, "/v1/subjects/\(id):erase", ["reason": "Asked for."])
            #expect(refused.problem == "legal-hold" && refused.json["held_by"] == [.string(caseID)])
            #expect(try await traces(of: marker, place, server).contains("pg_dump"))
            _ = try await place.client("lee", server)(
                .POST, "/v1/cases/\(caseID):release_legal_hold", ["reason": "Counsel agrees."])

            try await erase(id, ["reason": "Asked for."], place, server)
            #expect(try await traces(of: marker, place, server) == [])
            try await prove(place)
            let verified = try await Program.run([
                "projections", "verify", "--tenant", "acme", "--data-dir", place.folder.path,
            ])
            #expect(verified.status == 0 && verified.output.contains("cases"), "\(verified.output) \(verified.errors)")
        }
    }

    @Test("stages that have read a name and write of it at the very moment of its erasure leave nothing of it")
    func race() async throws {
        try await Installation.with { place, server in
            try await place.furnish(server)
            let admin = place.client("admin", server)
            for round in 0..<6 {
                let marker = "race.runner\(round)"
                let sent = try await place.client("siem", server)(.POST, "/v1/alerts", try alert(place, naming: marker))
                #expect(sent.status == 201, "\(sent.json)")
                // Each round meets the stages somewhat further on.
                try await Task.sleep(for: .milliseconds(round * 15))
                let subject = try await admin(.POST, "/v1/subjects", ["type": "user", "value": .string(marker)])
                let id = try #require(subject.json["id"]?.stringValue, "\(subject.json)")
                try await erase(
                    id, ["reason": "Asked for.", "type": "user", "value": .string(marker)], place, server)
                #expect(try await traces(of: marker, place, server) == [], "round \(round)")
            }
            // No stage stumbles over what is left.
            #expect(!server.errors.contains("a reaction failed"), "\(server.errors.suffix(2_000))")
            try await prove(place)
        }
    }

    /// Erases as Operating.md has it: where stages lagged, on a machine that does much else, once more when they caught up.
    private func erase(
        _ id: String, _ body: JSONValue, _ place: Installation, _ server: RunningProgram
    ) async throws {
        var done = JSONValue.null
        for _ in 0..<4 {
            let answer = try await place.client("admin", server)(.POST, "/v1/subjects/\(id):erase", body)
            #expect(answer.status == 200, "\(answer.json)")
            done = answer.json
            _ = try await place.client("alice", server).settled()
            if done["settled"] == true { break }
        }
        #expect(done["settled"] == true, "\(done)")
    }

    /// Both verifiers take a package made now, and the database is sound.
    private func prove(_ place: Installation) async throws {
        let out = place.folder.appending(path: "package-\(UUID().uuidString)")
        let exported = try await Program.run([
            "audit", "export", "--tenant", "acme", "--out", out.path, "--data-dir", place.folder.path,
        ])
        #expect(exported.status == 0, "\(exported.errors)")
        let keys = try await Program.run(["audit", "keys", "--tenant", "acme", "--data-dir", place.folder.path])
        let key = keys.output.split(separator: "\n").first.map(String.init) ?? ""
        let verified = try await Program.run(["audit", "verify", "--key", key, out.path])
        #expect(verified.status == 0, "\(verified.output)")
        if PythonVerifier.isThere { #expect(try await PythonVerifier.run(["--key", key, out.path]) == 0) }
        let sound = try await Program.run(["audit", "fsck", "--data-dir", place.folder.path])
        #expect(sound.status == 0, "\(sound.output)")
    }
}
