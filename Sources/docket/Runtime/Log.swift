import Foundation
import Logging
import Server
import Synchronization

/// The program's own log: JSON lines on standard error, or in a file; `DOCKET_LOG_LEVEL` says how much.
enum Log {
    private static let current = Mutex(LogOutput.standardError)

    /// Where loggers made from now on write, and those made before as well.
    static var output: LogOutput { current.withLock { $0 } }

    /// Sends the log into a file, which is made where there is none.
    static func write(to path: String) throws {
        let output: LogOutput
        do {
            output = try LogOutput(path: path)
        } catch {
            throw CommandFailure("the log \(path) cannot be written: \(error)")
        }
        current.withLock { $0 = output }
    }

    static func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { JSONLogHandler(label: $0) { output.write($0) } }
        let level = ProcessInfo.processInfo.environment["DOCKET_LOG_LEVEL"]?.lowercased()
        logger.logLevel = level.flatMap(Logger.Level.init(rawValue:)) ?? .info
        return logger
    }
}
