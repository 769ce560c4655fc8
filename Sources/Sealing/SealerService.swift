package import EventLog
import Foundation
package import Logging
import ServiceLifecycle

/// Seals every tenant that has something new, once a second, and records the roots of all, every ten.
///
/// A tenant whose log is not what it was is told each time and left unsigned; the others go on.
package struct SealerService: Service {
    private let sealer: Sealer
    private let log: EventLog
    private let roots: RootLog
    private let interval: Duration
    private let rootsInterval: Duration
    private let logger: Logger

    package init(
        sealer: Sealer, log: EventLog, roots: RootLog, interval: Duration = .seconds(1),
        rootsInterval: Duration = .seconds(10), logger: Logger
    ) {
        self.sealer = sealer
        self.log = log
        self.roots = roots
        self.interval = interval
        self.rootsInterval = rootsInterval
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var sealed: [UUID: Int64] = [:]
            var recorded: [UUID: Int64] = [:]
            var rootsDue = ContinuousClock.now + rootsInterval
            while !Task.isCancelled {
                do {
                    for (tenant, head) in try await log.heads() where sealed[tenant, default: 0] < head {
                        try await seal(tenant, &sealed)
                    }
                    if ContinuousClock.now >= rootsDue {
                        try await roots.record(beyond: &recorded)
                        rootsDue = .now + rootsInterval
                    }
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("sealing is tried again", metadata: ["error": "\(error)"])
                }
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    return  // told to end
                }
            }
        }
    }

    private func seal(_ tenant: UUID, _ sealed: inout [UUID: Int64]) async throws {
        do {
            sealed[tenant] = try await sealer.seal(tenant)
        } catch let error as SealingError {
            logger.critical(
                "the log is not sealed",
                metadata: ["tenant": "\(tenant.uuidString.lowercased())", "error": "\(error)"])
        }
    }
}
