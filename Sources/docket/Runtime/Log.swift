import Foundation
import Logging
import Server

/// The program's own log: JSON lines on standard error; `DOCKET_LOG_LEVEL` says how much.
enum Log {
    static func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { JSONLogHandler(label: $0) }
        let level = ProcessInfo.processInfo.environment["DOCKET_LOG_LEVEL"]?.lowercased()
        logger.logLevel = level.flatMap(Logger.Level.init(rawValue:)) ?? .info
        return logger
    }
}
