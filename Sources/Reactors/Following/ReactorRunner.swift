package import EventLog
package import Events
package import Logging
import ServiceLifecycle

package import struct Foundation.UUID

/// Runs every stage for every tenant, until told to stop. New tenants are noticed.
package struct ReactorRunner: Service {
    private let log: EventLog
    private let positions: ReactorPositions
    private let clock: @Sendable () -> Instant
    private let owner: String
    private let logger: Logger
    private let reactors: @Sendable (UUID) -> [any Reactor]

    /// - Parameter reactors: makes one tenant's stages, each with a memory of its own.
    package init(
        log: EventLog, positions: ReactorPositions, clock: @escaping @Sendable () -> Instant,
        owner: String = UUID().uuidString, logger: Logger,
        reactors: @escaping @Sendable (UUID) -> [any Reactor]
    ) {
        self.log = log
        self.positions = positions
        self.clock = clock
        self.owner = owner
        self.logger = logger
        self.reactors = reactors
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await runUntilCancelled()
            } catch is CancellationError {
                return
            }
        }
        await releaseLeases()
    }

    /// So that the next process need not wait for the leases to run out. Without a database they run out.
    private func releaseLeases() async {
        do {
            for tenant in try await log.heads().keys {
                for reactor in reactors(tenant) {
                    try await positions.release(reactor.name, tenant: tenant, owner: owner)
                }
            }
        } catch {
            logger.notice("the leases were not given back", metadata: ["error": "\(error)"])
        }
    }

    private func runUntilCancelled() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            var known: Set<UUID> = []
            while !Task.isCancelled {
                do {
                    for tenant in try await log.heads().keys where known.insert(tenant).inserted {
                        for reactor in reactors(tenant) {
                            group.addTask { try await follow(reactor, tenant) }
                        }
                    }
                } catch let error as EventLogError {
                    try Task.checkCancellation()
                    // The database is away; it comes back, and so do the tenants.
                    logger.warning(
                        "the tenants cannot be read, and are asked for again", metadata: ["error": "\(error)"])
                }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// A database that goes away comes back; the follower starts again from its checkpoint.
    private func follow(_ reactor: any Reactor, _ tenant: UUID) async throws {
        var reactor = reactor
        while !Task.isCancelled {
            do {
                try await ReactorFollower(
                    tenant: tenant, reactor: reactor, log: log, positions: positions, clock: clock, owner: owner,
                    logger: logger
                ).run()
            } catch is CancellationError {
                return
            } catch {
                try Task.checkCancellation()
                logger.error(
                    "a stage lost its footing and starts again",
                    metadata: ["reactor": "\(reactor.name)", "tenant": "\(tenant.lowercased)", "error": "\(error)"])
                try await Task.sleep(for: .seconds(1))
                // Its memory may be half filled; a new one begins from nothing.
                let name = reactor.name
                if let fresh = reactors(tenant).first(where: { $0.name == name }) { reactor = fresh }
            }
        }
    }
}
