import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite("Output that cannot be written", .timeLimit(.minutes(30)))
struct OutputTests {
    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = URL(fileURLWithPath: "/tmp/docket-output-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    @Test("a server whose log cannot be written serves on, and counts the lines that it dropped")
    func logs() async throws {
        try await withFolder { folder in
            let server = try await RunningProgram(
                ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.path], in: folder, errors: "/dev/full")
            let client = Client(base: server.baseURL)
            for _ in 0..<20 { #expect(try await client(.GET, "/healthz").status == 200) }
            let metrics = String(decoding: try await client(.GET, "/metrics").bytes, as: UTF8.self)
            let line = try #require(
                metrics.split(separator: "\n").first { $0.hasPrefix("docket_log_lines_dropped_total ") })
            #expect(try #require(Double(line.split(separator: " ")[1])) >= 20)
            #expect(try await server.stop() == 0)
        }
    }

    @Test("a server goes on when nobody can read its ready line")
    func readyLine() async throws {
        try await withFolder { folder in
            let port = try FreePort.find()
            let command = Shell.start(
                "exec \(Program.path) serve --listen 127.0.0.1:\(port) --data-dir \(folder.path) >/dev/full 2>/dev/null"
            )
            let client = Client(base: "http://127.0.0.1:\(port)")
            _ = try await client.waitBytes("/healthz")
            kill(command.processIdentifier, SIGTERM)
            #expect(await Shell.end(command) == 0)
        }
    }

    @Test("a result that a full disk does not take ends the command with an error in plain words")
    func results() async throws {
        try await withFolder { folder in
            try matching(lines: 10, in: folder)
            let output = try await Shell.run(
                "\(Program.path) detect --rules \(folder.path)/rule.yml --logsource product=test "
                    + "\(folder.path)/records.ndjson >/dev/full")
            #expect(output.status == 1)
            #expect(output.errors.contains("standard output cannot be written: No space left on device"))
        }
    }

    @Test("a reader that has enough ends a command as a shell expects, without a word")
    func head() async throws {
        try await withFolder { folder in
            try matching(lines: 50_000, in: folder)
            let output = try await Shell.run(
                "\(Program.path) detect --rules \(folder.path)/rule.yml --logsource product=test "
                    + "\(folder.path)/records.ndjson | head -n 3; exit ${PIPESTATUS[0]}")
            #expect(output.status == 141)
            #expect(output.errors.isEmpty, "\(output.errors)")
            #expect(output.output.split(separator: "\n").count == 3)
        }
    }

    /// Records that all match one rule.
    private func matching(lines: Int, in folder: URL) throws {
        try Data(
            """
            title: Everything
            id: 00000000-0000-0000-0000-000000000001
            logsource:
                product: test
            detection:
                selection:
                    a: b
                condition: selection
            level: high
            """.utf8
        ).write(to: folder.appending(path: "rule.yml"))
        try Data(String(repeating: #"{"a":"b"}"# + "\n", count: lines).utf8)
            .write(to: folder.appending(path: "records.ndjson"))
    }
}

/// A command line of bash, where a test needs redirections or a pipe.
enum Shell {
    static func start(_ command: String) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", command]
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            Issue.record(error)
        }
        return process
    }

    static func end(_ process: Process) async -> Int32 {
        while process.isRunning {
            do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
        }
        return process.terminationStatus
    }

    static func run(_ command: String) async throws -> Program.Output {
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-shell-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["out", "err"].map { folder.appending(path: $0) }
        for file in files { try Data().write(to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", command]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try process.run()
        let status = await end(process)
        return Program.Output(
            status: status, output: try String(contentsOf: files[0], encoding: .utf8),
            errors: try String(contentsOf: files[1], encoding: .utf8))
    }
}
