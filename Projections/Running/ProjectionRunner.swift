import EventLog
import Foundation
package import Logging
import ServiceLifecycle

/// Keeps every projection of every tenant up with the log.
///
/// Wakes at once when this process appended, and within the log's poll interval when another did; an idle tenant costs
/// nothing. Any number of processes may run one: each step is leased by a row lock, so there is no leader and nothing to
/// configure.
package final class ProjectionRunner: Service, Sendable {
    package struct Limits: Sendable {
        /// Steps at the same time; each needs a connection while it writes.
        package var concurrency = 4
        /// How often what waits for its time is looked at.
        package var interval: Duration = .milliseconds(250)
        /// How late a set beside the live one is noticed, and one with something set aside that is due.
        package var chores: Duration = .seconds(2)
        package var delays = RetryDelays()

        package init() {}
    }

    private enum Signal: Sendable {
        /// How far projections are, when this runner starts.
        case known([ProjectionStatus])
        case moved([UUID: Int64])
        case chores(ProjectionWorker.Chores)
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
            group.addTask { await self.watchHeads(sender) }
            group.addTask { await self.watchChores(sender) }
            group.addTask { await self.tick(sender) }
            for await signal in signals {
                switch signal {
                case .known(let statuses):
                    for status in statuses {
                        schedule.seed(
                            .init(tenant: status.tenantID, projection: status.name), next: status.nextPosition)
                    }
                case .moved(let heads): for (tenant, head) in heads { schedule.headMoved(tenant, to: head, at: .now) }
                case .chores(let chores):
                    schedule.follow(chores.asides, at: .now)
                    for key in chores.retries { schedule.retry(key) }
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
            switch step {
            case .blocked(let position, let reason):
                logger.error("projection blocked", metadata: metadata(key, position, reason))
            case .setAside(let mark, _):
                logger.critical(
                    "a projection cannot take an event; its stream is set aside",
                    metadata: metadata(key, mark.position, mark.reason))
            default: break
            }
            return step
        } catch {
            logger.warning(
                "projection delayed",
                metadata: ["projection": "\(key.projection)", "tenant": "\(key.tenant)", "error": "\(error)"])
            return nil
        }
    }

    private func metadata(_ key: ProjectionSchedule.Key, _ position: Int64, _ reason: String) -> Logger.Metadata {
        [
            "projection": "\(key.projection)", "version": "\(key.version.map(String.init) ?? "live")",
            "tenant": "\(key.tenant)", "position": "\(position)", "reason": "\(reason)",
        ]
    }

    /// Tells of logs that grow, of new tenants too; before that, how far projections are, so that only what is behind is
    /// looked at.
    private func watchHeads(_ sender: AsyncStream<Signal>.Continuation) async {
        let moves = source.headMoves()
        var isKnown = false
        while !Task.isCancelled {
            do {
                if !isKnown {
                    sender.yield(
                        .known(try await ProjectionMonitor(database: worker.database, catalog: catalog).list()))
                    isKnown = true
                }
                let moved = try await moves.next()
                if !moved.isEmpty { sender.yield(.moved(moved)) }
            } catch {
                if !Task.isCancelled { logger.warning("tenants cannot be read", metadata: ["error": "\(error)"]) }
                await pause(limits.interval)
            }
        }
    }

    private func watchChores(_ sender: AsyncStream<Signal>.Continuation) async {
        var isFirst = true
        while !Task.isCancelled {
            do {
                sender.yield(.chores(try await worker.chores(of: catalog, isFirst: isFirst)))
                isFirst = false
            } catch {
                if !Task.isCancelled {
                    logger.warning("what else there is to do cannot be read", metadata: ["error": "\(error)"])
                }
            }
            await pause(limits.chores)
        }
    }

    /// Gives the schedule its sense of time.
    private func tick(_ sender: AsyncStream<Signal>.Continuation) async {
        while !Task.isCancelled {
            sender.yield(.tick)
            await pause(limits.interval)
        }
    }

    private func pause(_ duration: Duration) async {
        do {
            try await Task.sleep(for: duration)
        } catch {
            // Cancelled: the loop that paused looks at that itself.
        }
    }
}
