import Foundation
import JSON
import Logging
import ServiceLifecycle
import Synchronization

/// The lab as a process of its own, started with the demo and stopped with it; started again, at the same address, when it
/// dies. It ends by itself when the demo is killed.
///
/// Its address comes from its own ready line, and each of its answers carries a number that only this demo knows: what
/// else may listen there is never taken for the lab.
final class LabProcess: Service, Sendable {
    private let listen: String
    private let stateFile: String
    private let outputFile: String
    /// Where the lab's log goes; `nil`: to this process's standard error.
    private let logFile: String?
    private let logger: Logger
    private let address = Mutex<String?>(nil)
    let nonce = UUID().uuidString.lowercased()

    init(listen: String, dataDirectory: String, logFile: String?, logger: Logger) {
        self.listen = listen
        stateFile = dataDirectory + "/lab.json"
        outputFile = dataDirectory + "/lab.out"
        self.logFile = logFile
        self.logger = logger
    }

    /// Where the lab answers, once it does.
    func baseURL() async throws -> String {
        while true {
            if let url = address.withLock({ $0 }) { return url }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var listen = self.listen
            while !Task.isCancelled {
                let process = try self.start(listen)
                do {
                    let url = try await self.ready(process, at: listen)
                    // The connector is told once: a lab that is started again listens where the first one did.
                    listen = url.replacing("http://", with: "")
                    self.address.withLock { $0 = url }
                    while process.isRunning { try await Task.sleep(for: .milliseconds(200)) }
                    self.logger.warning("the lab ended and is started again")
                    try await Task.sleep(for: .milliseconds(500))
                } catch is CancellationError {
                    process.terminate()
                    process.waitUntilExit()
                    return
                }
            }
        }
    }

    private func start(_ listen: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "lab", "--listen", listen, "--state", stateFile, "--nonce", nonce, "--parent", String(getpid()),
        ]
        process.standardInput = FileHandle.nullDevice
        try Data().write(to: URL(fileURLWithPath: outputFile))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputFile))
        if let logFile {
            let log = try FileHandle(forWritingTo: URL(fileURLWithPath: logFile))
            try log.seekToEnd()
            process.standardError = log
        }
        try process.run()
        return process
    }

    /// The address of the lab's ready line.
    private func ready(_ process: Process, at listen: String) async throws -> String {
        while true {
            let isRunning = process.isRunning
            let text = String(decoding: FileManager.default.contents(atPath: outputFile) ?? Data(), as: UTF8.self)
            for line in text.split(separator: "\n") {
                if let ready = try? JSONValue.parse(String(line)), ready["ready"] == true,
                    let url = ready["base_url"]?.stringValue
                {
                    return url
                }
            }
            guard isRunning else {
                throw CommandFailure(
                    "the lab cannot be started at \(listen): its status is \(process.terminationStatus); choose another "
                        + "address with --lab-listen")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
