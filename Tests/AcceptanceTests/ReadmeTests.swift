import Foundation
import JSON
import Testing

@Suite("The README's tutorial", .timeLimit(.minutes(30)))
struct ReadmeTests {
    @Test("runs as it stands there, line by line, and ends where it says")
    func tutorial() async throws {
        let folder = URL(fileURLWithPath: "/tmp/docket-readme-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let demo = try await RunningProgram(
            ["demo", "--listen", "127.0.0.1:0", "--data-dir", folder.path], in: folder)
        let result = try await run(try script(), access: folder.path + "/access.json")
        #expect(try await demo.stop() == 0)
        #expect(result.status == 0, "\(result.errors)\n\(result.output)")
        let said = result.output.split(separator: "\n").map(String.init)
        for line in [
            "urn:docket:problem:role-insufficient", "pending", "urn:docket:problem:already-decided", "granted", "[443]",
            "[22,443]",
        ] {
            #expect(said.contains(line), "the tutorial never says \(line):\n\(result.output)\n\(result.errors)")
        }
        #expect(result.output.contains("case.opened  docket.correlate"))
        #expect(result.output.contains("rollback.completed"))
    }

    /// The fenced blocks marked `tutorial`, in order.
    private func script() throws -> String {
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "README.md")
        var script = "set -euo pipefail\n"
        var isInside = false
        for line in try String(contentsOf: readme, encoding: .utf8).components(separatedBy: "\n") {
            if line == "```sh tutorial" {
                isInside = true
            } else if line == "```" {
                isInside = false
            } else if isInside {
                script += line + "\n"
            }
        }
        return script
    }

    private func run(_ script: String, access: String) async throws -> Program.Output {
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-tutorial-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["script", "out", "err"].map { folder.appending(path: $0) }
        try Data(script.utf8).write(to: files[0])
        for file in files[1...] { try Data().write(to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        // Against a hang only: on a busy machine it takes its time.
        process.arguments = ["800", "bash", files[0].path]
        process.environment = ProcessInfo.processInfo.environment.merging(["DOCKET_ACCESS": access]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return Program.Output(
            status: process.terminationStatus, output: try String(contentsOf: files[1], encoding: .utf8),
            errors: try String(contentsOf: files[2], encoding: .utf8))
    }
}

/// A port that nobody listens on at the moment.
enum FreePort {
    struct None: Error {}

    static func find() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw None() }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
