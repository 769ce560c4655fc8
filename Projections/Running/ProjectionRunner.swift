import Foundation
package import Logging
import ServiceLifecycle

/// Keeps every projection of every tenant up with the log.
///
/// Wakes at once when this process appended, and within the log's poll interval when another did. Any number of
/// processes may run one: each step is leased by a row lock, so there is no leader and nothing to configure.
package final class ProjectionRunner: Service, Sendable {
    package struct Limits: Sendable {
        /// Steps at the same time; each needs a connection while it writes.
        package var concurrency = 4
        /// How late a new tenant is noticed, and how often what waits is looked at.
        package var interval: Duration = .milliseconds(250)
        package var delays = RetryDelays()

        package init() {}
    }

    private enum Signal: Sendable {
        case head(UUID, Int64)
        case asides(Set<ProjectionSchedule.Key>)
        case finished(ProjectionSchedule.Key, ProjectionStep?)
        case tick
        case stop
    }

    private let worker: ProjectionWorker
    private let source: any EventSource
    private let catalog: ProjectionCatalog
    private let limits: Limits
    private let logger: Logger

    package init(
        worker: ProjectionWorker, source: any EventSource, catalog: ProjectionCatalog = ProjectionCatalog(),
        limits: Limits = Limits(), logger: Logger
    ) {
        self.worker = worker
        self.source = source
        self.catalog = catalog
        self.limits = limits
        self.logger = logger
    }

    /// Runs until graceful shutdown, which lets the steps under way end, or cancellation.
    package func run() async throws {
        let (signals, sender) = AsyncStream.makeStream(of: Signal.self)
        await withGracefulShutdownHandler {
            await dispatch(signals, sender)
        } onGracefulShutdown: {
            sender.yield(.stop)
        }
    }

    private func dispatch(_ signals: AsyncStream<Signal>, _ sender: AsyncStream<Signal>.Continuation) async {
        var schedule = ProjectionSchedule(
            projections: catalog.projections.map(\.name), width: limits.concurrency, delays: limits.delays)
        var isStopping = false
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watchTenants(sender) }
            for await signal in signals {
                switch signal {
                case .head(let tenant, let head):
                    if schedule.headMoved(tenant, to: head, at: .now) {
                        group.addTask { await self.follow(tenant, from: head, sender) }
                    }
                case .asides(let keys): schedule.follow(keys, at: .now)
                case .finished(let key, let step): schedule.finished(key, step, at: .now)
                case .tick: schedule.tick(at: .now)
                case .stop: isStopping = true
                }
                if isStopping {
                    if schedule.running == 0 { break }
                    continue
                }
                while let key = schedule.next() {
                    group.addTask { sender.yield(.finished(key, await self.step(key))) }
                }
            }
            group.cancelAll()
        }
    }

    private func step(_ key: ProjectionSchedule.Key) async -> ProjectionStep? {
        guard let projection = catalog[key.projection] else { return nil }
        do {
            let step = try await worker.step(projection, version: key.version, tenant: key.tenant)
            if case .blocked(let position, let reason) = step {
                logger.error(
                    "projection blocked",
                    metadata: [
                        "projection": "\(key.projection)", "version": "\(key.version.map(String.init) ?? "live")",
                        "tenant": "\(key.tenant)", "position": "\(position)",
                        "reason": "\(reason)",
                    ])
            }
            return step
        } catch {
            logger.warning(
                "projection delayed",
                metadata: ["projection": "\(key.projection)", "tenant": "\(key.tenant)", "error": "\(error)"])
            return nil
        }
    }

    /// Notices new tenants, and gives the schedule its sense of time.
    private func watchTenants(_ sender: AsyncStream<Signal>.Continuation) async {
        while !Task.isCancelled {
            do {
                for (tenant, head) in try await source.heads() { sender.yield(.head(tenant, head)) }
                sender.yield(.asides(try await worker.asides(of: catalog)))
            } catch {
                if !Task.isCancelled { logger.warning("tenants cannot be read", metadata: ["error": "\(error)"]) }
            }
            sender.yield(.tick)
            await pause()
        }
    }

    private func follow(_ tenant: UUID, from head: Int64, _ sender: AsyncStream<Signal>.Continuation) async {
        var last = head
        while !Task.isCancelled {
            do {
                let head = try await source.waitForHead(tenant: tenant, beyond: last, timeout: .seconds(60))
                guard head > last else { continue }
                last = head
                sender.yield(.head(tenant, head))
            } catch {
                if !Task.isCancelled {
                    logger.warning(
                        "a tenant's head cannot be read", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
                }
                await pause()
            }
        }
    }

    private func pause() async {
        do {
            try await Task.sleep(for: limits.interval)
        } catch {
            // Cancelled: the loop that paused looks at that itself.
        }
    }
}
