package import EventLog
package import Logging
package import ServiceLifecycle

/// Compares this process's clock with the database's every few seconds. While they are more than a second apart the log
/// takes no events from this process (503), and `/readyz` says why.
package struct ClockWatch: Service {
    private let log: EventLog
    private let interval: Duration
    private let logger: Logger

    package init(log: EventLog, interval: Duration = .seconds(5), logger: Logger) {
        self.log = log
        self.interval = interval
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let offset = try await log.watchClock()
                    if offset.magnitude > UInt64(EventLog.clockOffsetMaximumMs) {
                        logger.critical(
                            "nothing is recorded: this clock and the database's differ",
                            metadata: ["offset_ms": "\(offset)"])
                    }
                } catch {
                    // A database that does not answer is told by everybody who needs it.
                    logger.debug("the clocks cannot be compared", metadata: ["error": "\(error)"])
                }
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    return  // told to end
                }
            }
        }
    }
}
