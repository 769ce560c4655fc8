import Foundation
import JSON
import Synchronization

/// The built `docket`, run as what it is: a process of its own, killed from outside.
enum Program {
    /// Beside the test bundle.
    static let path: String = {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appending(path: "docket").path
    }()

    struct Output: Sendable {
        var status: Int32
        var output: String
        var errors: String

        /// Standard output as JSON, one value a line.
        var lines: [JSONValue] {
            get throws {
                try output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
            }
        }
    }

    /// Runs a command to its end, on a thread of its own: the tests' few threads must not wait for a process.
    @discardableResult
    static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Output {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try runBlocking(arguments, environment: environment) })
            }
        }
    }

    private static func runBlocking(_ arguments: [String], environment: [String: String]) throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Files, not pipes: a full pipe would block a chatty program that nobody reads.
        let output = folder.appending(path: "out")
        let errors = folder.appending(path: "err")
        for file in [output, errors] { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Output(
            status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8))
    }
}

/// A program that says when it is ready, and can be killed.
final class RunningProgram: @unchecked Sendable {
    // @unchecked: `Process` is not marked Sendable; every use of it here is behind the lock.
    private let process: Mutex<Process>
    let ready: JSONValue
    let errorFile: URL

    /// Starts the program and waits for its `{"ready":true,…}` line.
    /// - Parameters:
    ///   - errors: where its standard error goes, such as `/dev/full`; a file of the folder by default.
    ///   - seconds: a guard against a hang, not what is expected of it: a busy machine takes its time.
    init(
        _ arguments: [String], in folder: URL, errors: String? = nil, within seconds: Double = 600
    ) async throws {
        let id = UUID().uuidString
        let output = folder.appending(path: "stdout-\(id)")
        errorFile = errors.map { URL(fileURLWithPath: $0) } ?? folder.appending(path: "stderr-\(id)")
        try Data().write(to: output)
        if errors == nil { try Data().write(to: errorFile) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = arguments
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let deadline = ContinuousClock.now + .seconds(seconds)
        var found: JSONValue?
        while found == nil, ContinuousClock.now < deadline, process.isRunning {
            let text = try String(contentsOf: output, encoding: .utf8)
            found = text.split(separator: "\n").lazy
                .compactMap { try? JSONValue.parse(String($0)) }
                .first { $0["ready"] == true }
            if found == nil { try await Task.sleep(for: .milliseconds(10)) }
        }
        guard let found else {
            process.terminate()
            throw NotReady(arguments: arguments, errors: try String(contentsOf: errorFile, encoding: .utf8))
        }
        ready = found
        self.process = Mutex(process)
    }

    struct NotReady: Error, CustomStringConvertible {
        var arguments: [String]
        var errors: String
        var description: String {
            "docket \(arguments.joined(separator: " ")) did not become ready:\n\(errors.suffix(4_000))"
        }
    }

    var baseURL: String { ready["base_url"]?.stringValue ?? "" }
    var errors: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }

    var processID: Int32 { process.withLock { $0.processIdentifier } }
    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// `kill -9`: no warning, no clean-up.
    func kill() async throws {
        process.withLock { process in _ = Foundation.kill(process.processIdentifier, SIGKILL) }
        _ = try await ended()
    }

    /// Looks until the process is gone, without holding a thread.
    func ended() async throws -> Int32 {
        while process.withLock({ $0.isRunning }) { try await Task.sleep(for: .milliseconds(5)) }
        return process.withLock { $0.terminationStatus }
    }

    /// A polite end.
    /// - Returns: the exit status.
    func stop() async throws -> Int32 {
        process.withLock { $0.terminate() }
        return try await ended()
    }
}
