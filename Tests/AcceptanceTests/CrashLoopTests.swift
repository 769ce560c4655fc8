import Foundation
import JSON
import Testing

/// `Scripts/crash-loop.py`, in its short form. `make crash` is the long one.
@Suite("The crash loop", .timeLimit(.minutes(25)), .serialized)
struct CrashLoopTests {
    private func run(_ options: [String]) async throws -> (status: Int32, output: String) {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Scripts/crash-loop.py")
        let file = FileManager.default.temporaryDirectory.appending(path: "crash-loop-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-B", script.path, "--docket", Program.path] + options
        process.standardOutput = try FileHandle(forWritingTo: file)
        process.standardError = process.standardOutput
        process.standardInput = FileHandle.nullDevice
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return (process.terminationStatus, try String(contentsOf: file, encoding: .utf8))
    }

    @Test("servers, PostgreSQL and connections die, also inside COMMIT: what was acknowledged is there, once")
    func short() async throws {
        let (status, output) = try await run(["--cycles", "5", "--seed", "5"])
        #expect(status == 0, "\(output)")
        let summary = try JSONValue.parse(try #require(output.split(separator: "\n").last.map(String.init)))
        #expect(summary["violations"] == 0 && summary["cycles"] == 5, "\(output)")
        #expect(summary.at("/acknowledged/alerts")?.int64Value ?? 0 > 10, "\(output)")
        #expect(summary.at("/acknowledged/comments")?.int64Value ?? 0 > 0, "\(output)")
        let cuts = ["before", "inside", "after"].compactMap { summary.at("/cut_at_commit/\($0)")?.int64Value }
        #expect(cuts.reduce(0, +) > 0, "no COMMIT was met: \(output)")
    }

    @Test("each of its checks finds the violation that is planted for it")
    func planted() async throws {
        let (status, output) = try await run(["--cycles", "1", "--seed", "1", "--plant"])
        #expect(status == 1, "\(output)")
        for finding in [
            "alert never sent was acknowledged", "a comment was acknowledged at 0", "does not go on from that of",
            "projections verify: cases_v", "positions are not dense", "versions of stream", "audit fsck",
        ] { #expect(output.contains(finding), "\(finding) is missing in \(output)") }
    }
}
