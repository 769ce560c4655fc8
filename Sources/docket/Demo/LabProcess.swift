import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// The lab as a process of its own, started with the demo and stopped with it; started again when it dies.
final class LabProcess: Service, Sendable {
    private let arguments: [String]
    private let logger: Logger

    init(listen: String, stateFile: String, logger: Logger) {
        arguments = ["lab", "--listen", listen, "--state", stateFile]
        self.logger = logger
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
                process.arguments = self.arguments
                process.standardInput = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                do {
                    while process.isRunning { try await Task.sleep(for: .milliseconds(200)) }
                } catch {
                    process.terminate()
                    process.waitUntilExit()
                    return
                }
                self.logger.warning("the lab ended and is started again")
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
