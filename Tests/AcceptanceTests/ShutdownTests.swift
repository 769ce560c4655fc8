import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import Testing

/// Long work that is ended in its middle: it ends soon, and nothing half done is left.
///
/// No test measures a time: each waits for a state that says that the work is under way, sends the signal, and waits for
/// the end. What would not end runs into the suite's limit.
@Suite("SIGTERM during long work", .timeLimit(.minutes(30)), .serialized)
struct ShutdownTests {
    static let alertCount = 1_500

    private func batch(_ range: Range<Int>, of name: String) -> JSONValue {
        .array(
            range.map { number in
                [
                    "source": "test", "source_ref": .string("\(name)-\(number)"),
                    "title": .string("Alert \(number)"), "severity": "low",
                    "occurred_at": .string(Installation.now()),
                    "entities": [["type": "user", "value": .string("user-\(name)-\(number)"), "role": "actor"]],
                ]
            })
    }

    /// An installation whose log takes a while to read.
    private func withLargeLog(_ body: (Installation, RunningProgram) async throws -> Void) async throws {
        try await Installation.with { place, server in
            let all = batch(0..<Self.alertCount, of: "first")
            var sent = try await place.client("siem", server)(.POST, "/v1/alerts:batch", all)
            // A machine that does much else says 503; repeating all of it records nothing twice.
            while sent.status == 503 {
                try await Task.sleep(for: .seconds(1))
                sent = try await place.client("siem", server)(.POST, "/v1/alerts:batch", all)
            }
            #expect(sent.status == 200, "\(sent.json)")
            try await body(place, server)
        }
    }

    private func exports(_ place: Installation) -> [String] {
        let folder = place.folder.path + "/exports/" + place.tenantID
        return (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    /// What came back; `nil` when the server ended first and the connection with it. Other errors are the test's own.
    private static func answer(_ send: () async throws -> Client.Answer) async throws -> Client.Answer? {
        do {
            return try await send()
        } catch is HTTPClientError {
            return nil
        } catch is IOError {
            return nil
        }
    }

    private func waitUntil(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Starts a command and sends it SIGTERM when it is under way.
    private func interrupt(
        _ arguments: [String], in place: Installation, when isUnderWay: () async throws -> Bool
    ) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = arguments + ["--data-dir", place.folder.path]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while try await !isUnderWay(), process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
        process.terminate()
        while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
        return process.terminationStatus
    }

    /// It was ended, as a shell knows it; or it was done before the signal came; or it had opened nothing yet, and was
    /// ended by the signal itself.
    private func expectEnd(_ status: Int32) { #expect([0, 143, SIGTERM].contains(status), "\(status)") }

    @Test("an export over HTTP ends with its client, and with the server, and leaves no package behind")
    func exportOverHTTP() async throws {
        try await withLargeLog { place, server in
            let arguments = [
                "-sS", "-o", "/dev/null", "-X", "POST", "\(server.baseURL)/v1/audit/exports",
                "-H", "Authorization: Bearer \(place.tokens["aude"] ?? "")", "-H", "Content-Type: application/json",
                "-d", "{}",
            ]
            let client = Process()
            client.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            client.arguments = arguments
            try client.run()
            try await waitUntil { exports(place).contains { $0.hasSuffix(".partial") } || !client.isRunning }
            client.terminate()
            try await waitUntil { !exports(place).contains { $0.hasSuffix(".partial") } }
            #expect(try await Client(base: server.baseURL)(.GET, "/healthz").status == 200)

            let second = Process()
            second.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            second.arguments = arguments
            try second.run()
            try await waitUntil { exports(place).contains { $0.hasSuffix(".partial") } || !second.isRunning }
            #expect(try await server.stop() == 0)
            second.terminate()
            #expect(!exports(place).contains { $0.hasSuffix(".partial") })
            // Whatever has its name is whole.
            for name in exports(place) {
                let package = place.folder.path + "/exports/\(place.tenantID)/\(name)"
                #expect(try await Program.run(["audit", "verify", package]).status == 0)
            }
        }
    }

    @Test("an export at the command line leaves no package that looks whole, and can be begun again")
    func exportAtCommandLine() async throws {
        try await withLargeLog { place, _ in
            let package = place.folder.path + "/package"
            expectEnd(
                try await interrupt(["audit", "export", "--tenant", "acme", "--out", package], in: place) {
                    FileManager.default.fileExists(atPath: package + ".partial")
                })
            #expect(!FileManager.default.fileExists(atPath: package + ".partial"))
            if !FileManager.default.fileExists(atPath: package) {
                let again = try await Program.run([
                    "audit", "export", "--tenant", "acme", "--out", package, "--data-dir", place.folder.path,
                ])
                #expect(again.status == 0, "\(again.errors)")
            }
            #expect(try await Program.run(["audit", "verify", package]).status == 0)
        }
    }

    @Test("reading a file can be ended and begun again: each alert is there once")
    func ingest() async throws {
        try await Installation.with { place, server in
            let file = place.folder.appending(path: "alerts.json")
            try Data(batch(0..<Self.alertCount, of: "file").canonicalBytes()).write(to: file)
            let alice = place.client("alice", server)
            let start = try await alice.settled()
            let arguments = ["ingest", file.path, "--tenant", "acme"]
            expectEnd(
                try await interrupt(arguments, in: place) {
                    let page = try await alice(.GET, "/v1/events?after=\(start)&limit=1").json["items"]?.arrayValue
                    return page?.isEmpty == false
                })
            let again = try await Program.run(arguments + ["--format", "json", "--data-dir", place.folder.path])
            #expect(again.status == 0, "\(again.errors)")
            let counts = try #require(try again.lines.last?["counts"])
            let (created, duplicate) = (counts["created"]?.int64Value ?? 0, counts["duplicate"]?.int64Value ?? 0)
            #expect(created + duplicate == Int64(Self.alertCount), "\(counts)")
        }
    }

    static let readers = [
        ["projections", "rebuild", "all"], ["projections", "verify"], ["audit", "fsck"],
        ["audit", "fsck", "--tenant", "acme"],
    ]

    @Test("what reads the whole log ends when it is told to, and the place is sound", arguments: readers)
    func readsAll(arguments: [String]) async throws {
        try await withLargeLog { place, server in
            let begun = ContinuousClock.now
            expectEnd(
                try await interrupt(arguments, in: place) {
                    // Under way soon after its start: nothing outside tells.
                    ContinuousClock.now - begun > .milliseconds(700)
                })
            let check = try await Program.run(["audit", "fsck", "--data-dir", place.folder.path])
            #expect(check.status == 0, "\(check.output)\(check.errors)")
            _ = try await place.client("alice", server).wait("/v1/cases?limit=1") { $0["items"] != nil }
        }
    }

    @Test("a large batch and an event stream do not hold a server up; what was not answered is sent again")
    func batchAndStream() async throws {
        try await Installation.with { place, first in
            let alice = place.client("alice", first)
            let start = try await alice.settled()
            let stream = Process()
            stream.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            stream.arguments = [
                "-sSN", "-o", "/dev/null", "-H", "Authorization: Bearer \(place.tokens["alice"] ?? "")",
                "\(first.baseURL)/v1/events/stream",
            ]
            try stream.run()
            let body = batch(0..<Self.alertCount, of: "batch")
            let siem = place.client("siem", first)
            async let sent = Self.answer { try await siem(.POST, "/v1/alerts:batch", body) }
            try await waitUntil {
                let page = try await alice(.GET, "/v1/events?after=\(start)&limit=1").json["items"]?.arrayValue
                return page?.isEmpty == false
            }
            #expect(try await first.stop() == 0)
            let early = try await sent
            #expect(early == nil || early?.status == 200 || early?.status == 503, "\(String(describing: early?.json))")
            while stream.isRunning { try await Task.sleep(for: .milliseconds(5)) }

            let second = try await place.restart()
            let again = try await place.client("siem", second)(.POST, "/v1/alerts:batch", body)
            #expect(again.status == 200, "\(again.json)")
            let counts = again.json["counts"] ?? .null
            let (created, duplicate) = (counts["created"]?.int64Value ?? 0, counts["duplicate"]?.int64Value ?? 0)
            #expect(created + duplicate == Int64(Self.alertCount), "\(counts)")
        }
    }
}
