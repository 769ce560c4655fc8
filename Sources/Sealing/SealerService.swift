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
            let moves = log.headMoves()
            // What has grown and is not sealed, and what is sealed and not among the roots.
            var (grown, sealed): ([UUID: Int64], [UUID: Int64]) = ([:], [:])
            var recorded: [UUID: Int64] = [:]
            var rootsDue = ContinuousClock.now + rootsInterval
            while !Task.isCancelled {
                do {
                    for (tenant, head) in try await moves.next(timeout: rootsInterval) { grown[tenant] = head }
                    for (tenant, head) in grown { try await seal(tenant, upTo: head, &grown, &sealed) }
                    if ContinuousClock.now >= rootsDue {
                        try await roots.record(Array(sealed.keys), beyond: &recorded)
                        sealed = sealed.filter { recorded[$0.key] ?? .max < $0.value }
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

    /// A tenant whose log is not what it was stays unsealed, and is told of each time that anything has grown.
    private func seal(
        _ tenant: UUID, upTo head: Int64, _ grown: inout [UUID: Int64], _ sealed: inout [UUID: Int64]
    ) async throws {
        do {
            let size = try await sealer.seal(tenant)
            sealed[tenant] = size
            if size >= head { grown[tenant] = nil }
        } catch let error as SealingError {
            logger.critical(
                "the log is not sealed",
                metadata: ["tenant": "\(tenant.uuidString.lowercased())", "error": "\(error)"])
        }
    }
}
