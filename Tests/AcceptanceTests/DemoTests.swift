import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("The demo beside other programs", .timeLimit(.minutes(30)), .serialized)
struct DemoTests {
    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = URL(fileURLWithPath: "/tmp/docket-demo-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func labURL(_ folder: URL) throws -> String {
        let access = try JSONValue.parse(Array(try Data(contentsOf: folder.appending(path: "access.json"))))
        return try #require(access["lab_url"]?.stringValue)
    }

    /// The process that listens at the demo's lab; `nil` while it is being started.
    private func labProcess(_ folder: URL) throws -> Int32? {
        let text = try String(contentsOf: folder.appending(path: "lab.out"), encoding: .utf8)
        guard let line = text.split(separator: "\n").first, text.hasSuffix("\n") else { return nil }
        return Int32(try JSONValue.parse(String(line))["pid"]?.int64Value ?? 0)
    }

    @Test("the lab takes a free port, whatever listens at 9090, and is at the same address when it was started again")
    func freePort() async throws {
        try await withFolder { folder in
            let demo = try await RunningProgram(
                ["demo", "--stories", "c", "--listen", "127.0.0.1:0", "--data-dir", folder.path], in: folder)
            let url = try labURL(folder)
            #expect(!url.hasSuffix(":9090") && !url.hasSuffix(":0"))
            let lab = Client(base: url)
            #expect(try await lab(.GET, "/v1/state").status == 200)
            let first = try #require(try labProcess(folder))
            kill(first, SIGKILL)
            while try [nil, first].contains(labProcess(folder)) { try await Task.sleep(for: .milliseconds(20)) }
            _ = try await lab.waitBytes("/v1/state")
            #expect(try await demo.stop() == 0)
        }
    }

    @Test("a demo that is killed takes its lab with it")
    func killed() async throws {
        try await withFolder { folder in
            let demo = try await RunningProgram(
                ["demo", "--stories", "c", "--listen", "127.0.0.1:0", "--data-dir", folder.path], in: folder)
            let lab = try #require(try labProcess(folder))
            #expect(kill(lab, 0) == 0)
            try await demo.kill()
            while kill(lab, 0) == 0 { try await Task.sleep(for: .milliseconds(20)) }
            // The cluster that it left is adopted, and ended.
            let next = try await RunningProgram(
                ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.path], in: folder)
            #expect(try await next.stop() == 0)
        }
    }

    @Test(
        "in a terminal the account is free of log lines, and names the file that they are in",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "script(1) makes the terminal"))
    func terminal() async throws {
        try await withFolder { folder in
            let output = try await Shell.run(
                "script --quiet --return --command '\(Program.path) demo --once --stories c --listen 127.0.0.1:0 "
                    + "--data-dir \(folder.path)' /dev/null")
            #expect(output.status == 0, "\(output.output)")
            #expect(output.output.contains("case.opened"))
            #expect(!output.output.contains("\"logger\""), "\(output.output)")
            #expect(output.output.contains("\(folder.path)/demo.log"))
            let log = try String(contentsOf: folder.appending(path: "demo.log"), encoding: .utf8)
            #expect(log.contains("\"message\":\"request\""))
        }
    }
}
