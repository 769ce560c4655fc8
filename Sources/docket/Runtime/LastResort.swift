import Foundation
import Logging
import Postgres
import ServiceLifecycle

/// Ends the process when it was told to end and cannot, because the database answers nobody: each service would wait for
/// it in turn. Whatever was acknowledged is durable, so ending like this loses nothing.
struct LastResort: Service {
    /// With the time in which a sign of life is waited for: ten seconds.
    static let patience = Duration.seconds(7)

    let connectionString: String
    let logger: Logger

    func run() async throws {
        await untilShutdown()
        let (connectionString, logger) = (connectionString, logger)
        // It outlives this service, which ends first.
        Task.detached {
            while true {
                do {
                    try await Task.sleep(for: Self.patience)
                } catch {
                    return
                }
                // Slow is not gone: what is at work ends in its own time.
                guard await !Ping.isAnswered(connectionString) else { continue }
                logger.critical("ended without an orderly stop: the database answers nobody and was left as it is")
                exit(EXIT_FAILURE)
            }
        }
    }
}
