import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import ServiceLifecycle
import TestSupport
import Testing

@testable import Server

@Suite("Over a real socket", .served, .timeLimit(.minutes(25)))
struct LiveServerTests {
    /// Runs the server as a service, and stops it as `docket serve` is stopped.
    private static func run(
        _ body: @escaping @Sendable (TestServer, DocketServer, String, ServiceGroup) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            let (ports, sender) = AsyncStream<Int>.makeStream()
            let live = DocketServer(
                dependencies: server.server.services.dependencies,
                configuration: ServerConfiguration(
                    port: 0, heartbeat: .milliseconds(100), onReady: { sender.yield($0) }))
            let group = ServiceGroup(
                configuration: .init(services: [live], logger: server.server.services.dependencies.logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let port = try #require(await ports.first { _ in true })
                do {
                    try await body(server, live, "http://127.0.0.1:\(port)", group)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    private static func curl(_ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["curl", "-sS"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    @Test("a stream resumes, gives its place back when its reader goes, and ends with the server")
    func streams() async throws {
        try await Self.run { server, live, base, group in
            let token = try await server.token(of: .role(.analyst)) ?? ""
            let header = "Authorization: Bearer \(token)"
            let text = try await Self.curl(
                ["-N", "--max-time", "1", "-H", header, "-H", "Last-Event-ID: 1", "\(base)/v1/events/stream"])
            let frames = text.components(separatedBy: "\n\n").filter { $0.hasPrefix("id: ") }
            #expect(frames.first?.hasPrefix("id: 2\n") == true)
            #expect(text.contains(": heartbeat\n\n"))
            while live.services.streams.open > 0 { try await Task.sleep(for: .milliseconds(10)) }

            async let open = Self.curl(["-N", "--max-time", "60", "-H", header, "\(base)/v1/events/stream"])
            while live.services.streams.open == 0 { try await Task.sleep(for: .milliseconds(10)) }
            let started = ContinuousClock.now
            await group.triggerGracefulShutdown()
            _ = try await open
            #expect(started.duration(to: .now) < .seconds(10))
        }
    }

    @Test("a body that is too large is refused while it still comes, and the sender hears it")
    func largeBody() async throws {
        try await Self.run { server, _, base, _ in
            let token = try await server.token(of: .role(.ingest)) ?? ""
            let file = FileManager.default.temporaryDirectory.appending(path: "docket-large-\(UUID().uuidString)")
            try Data(repeating: 0x20, count: 3 << 20).write(to: file)
            for extra in [[], ["-H", "Transfer-Encoding: chunked"]] {
                let text = try await Self.curl(
                    [
                        "-H", "Authorization: Bearer \(token)", "-H", "Content-Type: application/json", "--data-binary",
                        "@\(file.path)", "-o", "-", "-w", "\n%{http_code}", "\(base)/v1/alerts",
                    ] + extra)
                #expect(text.hasSuffix("\n413"), "\(text.suffix(200))")
            }
            try FileManager.default.removeItem(at: file)
        }
    }
}
