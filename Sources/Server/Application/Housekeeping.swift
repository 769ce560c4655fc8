import EventLog
import Events
import Logging
import ServiceLifecycle

/// Sweeps away answers that were kept for repeated requests and are older than a day.
struct Housekeeping: Service {
    let store: IdempotencyStore
    let log: EventLog
    let clock: @Sendable () -> Instant
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(3_600))
                    for tenant in try await log.heads().keys { try await store.sweep(tenant: tenant, now: clock()) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("old answers are not swept away", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
