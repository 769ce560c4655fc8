import Logging
import Reactors
import ServiceLifecycle

/// Keeps snapshots of tenants' configuration, now and then and at the end, so that the next start is quick.
struct RegistryKeeper: Service {
    let registries: RegistryStore
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(30))
                    try await registries.saveSnapshots()
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("snapshot of the configuration not saved", metadata: ["error": "\(error)"])
                }
            }
        }
        do {
            try await registries.saveSnapshots(after: 500)
        } catch {
            logger.notice("snapshot of the configuration not saved at shutdown", metadata: ["error": "\(error)"])
        }
    }
}
