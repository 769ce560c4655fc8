import Content
import Foundation
import JSON
import NIOHTTP1
import Testing

/// The demo as a newcomer runs it, with every near miss.
@Suite("docket demo", .timeLimit(.minutes(30)), .serialized)
struct StoriesTests {
    private func folder() throws -> URL {
        let folder = URL(fileURLWithPath: "/tmp/docket-stories-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        return folder
    }

    @Test("every story ends as its file expects, and so does each near miss; played again, it is only reported")
    func all() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try FreePort.find()
        let arguments = [
            "demo", "--once", "--near-misses", "--format", "json", "--listen", "127.0.0.1:0", "--lab-listen",
            "127.0.0.1:\(port)", "--data-dir", folder.path,
        ]
        let files = try Content.stories.map { try JSONValue.parse($0.text) }
        let expected = files.flatMap { story in
            [story] + (story["variants"]?.arrayValue ?? [])
        }.map { $0.at("/expect/outcome") }
        #expect(files.count == 6 && files.allSatisfy { !($0["variants"]?.arrayValue ?? []).isEmpty })

        let first = try await Program.run(arguments)
        #expect(first.status == 0, "\(first.output)\n\(first.errors.suffix(2_000))")
        let lines = try first.lines
        #expect(lines.map { $0["outcome"] } == expected)
        #expect(lines.allSatisfy { $0["is_as_expected"] == true })

        // Near misses that open nothing leave nothing to be found again: eleven failures and eleven more are twenty-two.
        let again = try await Program.run(arguments.filter { $0 != "--near-misses" })
        #expect(again.status == 0, "\(again.output)")
        #expect(
            try again.lines.map { $0["case_id"] }
                == lines.filter { $0["variant"] == .null }.map { $0["case_id"] })
    }

    @Test("an outcome that is not the expected one ends with status 2, an unknown story with an error")
    func unexpected() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let unknown = try await Program.run(["demo", "--once", "--stories", "z", "--data-dir", folder.path])
        #expect(unknown.status == 1 && unknown.errors.contains("there is no story 'z'"))
    }

    @Test("story (b): eight steps in order, and an undo that leaves only notice, ticket and snapshot")
    func miner() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try FreePort.find()
        // The world before: the story's objects in a fresh lab.
        let story = try JSONValue.parse(try #require(Content.stories.first { $0.path.contains("b-crypto") }).text)
        let aside = try await RunningProgram(["lab", "--listen", "127.0.0.1:0"], in: folder)
        let fresh = Client(base: aside.baseURL)
        for (kind, objects) in story["lab"]?.objectValue ?? [:] {
            for (id, object) in objects.objectValue ?? [:] {
                _ = try await fresh(.PUT, "/v1/\(kind)/\(id.replacing("/", with: "%2F"))", object)
            }
        }
        let before = try await fresh(.GET, "/v1/state").json
        _ = try await aside.stop()

        let demo = try await RunningProgram(
            [
                "demo", "--stories", "b", "--format", "json", "--listen", "127.0.0.1:0", "--lab-listen",
                "127.0.0.1:\(port)", "--data-dir", folder.path,
            ], in: folder)
        let access = try JSONValue.parse([UInt8](try Data(contentsOf: folder.appending(path: "access.json"))))
        func client(_ role: String) -> Client {
            Client(base: demo.baseURL, token: access.at("/tokens/\(role)")?.stringValue)
        }
        let lab = Client(base: "http://127.0.0.1:\(port)")
        let journal = try await lab(.GET, "/v1/journal").json["items"]?.arrayValue ?? []
        #expect(
            journal.compactMap { $0["operation"]?.stringValue } == [
                "identify", "snapshot", "isolate", "terminate_process", "scan_image", "revoke", "create", "create",
            ])
        #expect(journal.suffix(2).map { $0["kind"] } == ["notifications", "tickets"])
        #expect(journal.allSatisfy { $0["applied"] == true })

        let cases = try await client("analyst")(.GET, "/v1/cases").json
        let id = try #require(cases.at("/items/0/id")?.stringValue)
        let run = try #require(cases.at("/items/0/run_ids/0")?.stringValue)
        #expect(try await client("analyst")(.GET, "/v1/runs/\(run)").json["trigger"] == "auto")
        let asked = try await client("responder")(
            .POST, "/v1/runs/\(run):rollback",
            ["reason": "The load was a test of ours.", "reason_code": "analyst_override"])
        #expect(asked.status == 202, "\(asked.json)")
        _ = try await client("analyst").wait("/v1/cases/\(id)") { $0["state"] == "rolled_back" }
        let steps = try await client("analyst")(.GET, "/v1/runs/\(run)/steps").json["items"]?.arrayValue ?? []
        #expect(
            steps.map { $0["state"] } == [
                "verified", "verified", "rolled_back", "rolled_back", "verified", "rolled_back", "verified", "verified",
            ])
        var after = try await lab(.GET, "/v1/state").json
        #expect(after["tickets"]?.objectValue?.count == 1 && after["notifications"]?.arrayValue?.count == 1)
        #expect(after.at("/pods/shop~1miner-7/snapshots")?.arrayValue?.count == 1)
        after["tickets"] = [:]
        after["notifications"] = []
        var pods = try #require(after["pods"])
        var pod = try #require(pods["shop/miner-7"])
        pod["snapshots"] = []
        pods["shop/miner-7"] = pod
        after["pods"] = pods
        #expect(after.canonicalString() == before.canonicalString())
        #expect(try await demo.stop() == 0)
    }
}
