package import EventLog
package import Events
package import Logging
import ServiceLifecycle

package import struct Foundation.UUID

/// Runs the stages of the tenants that this process leads, until told to stop.
///
/// There is no task that waits for an idle tenant: one query looks at all heads, one statement a second says that this
/// process is there, and one more every two seconds asks what has become due. A tenant whose log moves gets a follower for
/// each stage, until they rest again. Several processes share the tenants (`ReactorShare`); when one is gone, the others
/// take over its share within seconds.
package struct ReactorRunner: Service {
    package struct Limits: Sendable {
        /// Followers at the same time, over all tenants.
        package var concurrency = 512
        /// How often this process says that it is there.
        package var beat: Duration = .seconds(1)
        /// How long a reactor that rests keeps its memory.
        package var rest: Duration = .seconds(60)

        package init() {}
    }

    private enum Signal: Sendable {
        case moved([UUID: Int64])
        case owners([String])
        /// Tenants that have something to do, as far as the database knows.
        case work([UUID])
        case due([DueReactor])
        /// Tenants whose timed reactors are to be told the time.
        case tell([UUID])
        case rested(ReactorSchedule.Key, ReactorFollower.Rest)
        case failed(ReactorSchedule.Key)
    }

    private let log: EventLog
    private let positions: ReactorPositions
    private let clock: @Sendable () -> Instant
    private let owner: String
    private let limits: Limits
    private let logger: Logger
    let share: ReactorShare
    private let reactors: @Sendable (UUID) -> [any Reactor]
    private let names: [String]
    private let timed: [String]
    private let mustTellAll: @Sendable (Set<UUID>) async throws -> Bool

    /// - Parameters:
    ///   - owner: this process, named as no other is.
    ///   - mustTellAll: asked with the tenants whose logs have grown: whether that makes something due for tenants whose
    ///     logs have not, so that the timed reactors of all are told the time.
    ///   - reactors: makes one tenant's stages, each with a memory of its own; the same ones for every tenant that has any.
    package init(
        log: EventLog, positions: ReactorPositions, clock: @escaping @Sendable () -> Instant,
        owner: String = UUID().uuidString, limits: Limits = Limits(), logger: Logger,
        mustTellAll: @escaping @Sendable (Set<UUID>) async throws -> Bool = { _ in false },
        reactors: @escaping @Sendable (UUID) -> [any Reactor]
    ) {
        self.log = log
        self.positions = positions
        self.clock = clock
        self.owner = owner
        self.limits = limits
        self.logger = logger
        self.reactors = reactors
        share = ReactorShare(owner: owner)
        let all = reactors(UUID())
        names = all.map(\.name)
        timed = all.filter { type(of: $0).isTimed }.map(\.name)
        self.mustTellAll = mustTellAll
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await lead() }
        do {
            // So that others need not wait until this process is missed.
            try await positions.leave(owner)
        } catch {
            logger.notice("other processes were not told that this one ends", metadata: ["error": "\(error)"])
        }
    }

    private func lead() async {
        let (signals, sender) = AsyncStream.makeStream(of: Signal.self)
        await withDiscardingTaskGroup { group in
            group.addTask { await beat(sender) }
            group.addTask { await watchHeads(sender) }
            var schedule = ReactorSchedule(width: limits.concurrency)
            for await signal in signals {
                let now = ContinuousClock.now
                switch signal {
                case .moved(let heads):
                    for (tenant, head) in heads { want(tenant, names, head: head, &schedule, at: now) }
                case .owners(let owners):
                    if share.update(owners) { group.addTask { await survey(sender) } }
                    schedule.tick(at: now, forgetting: limits.rest)
                case .work(let tenants): for tenant in tenants { want(tenant, names, &schedule, at: now) }
                case .due(let found): for one in found { want(one.tenant, [one.reactor], &schedule, at: now) }
                case .tell(let tenants):
                    for tenant in tenants { want(tenant, timed, isToBeTold: true, &schedule, at: now) }
                case .rested(let key, let rest):
                    schedule.rested(key, rest, isMine: share.isMine(key.tenant), at: now)
                case .failed(let key):
                    schedule.failed(key, replacement: reactor(key), retryAt: now + .seconds(1), at: now)
                }
                while let (key, rest) = schedule.next() {
                    group.addTask { sender.yield(await follow(key, rest)) }
                }
            }
            group.cancelAll()
        }
    }

    private func want(
        _ tenant: UUID, _ names: [String], head: Int64? = nil, isToBeTold: Bool = false,
        _ schedule: inout ReactorSchedule, at now: ContinuousClock.Instant
    ) {
        guard share.isMine(tenant) else { return }
        let keys = names.map { ReactorSchedule.Key(tenant: tenant, reactor: $0) }
        if !keys.allSatisfy(schedule.knows) {
            for reactor in reactors(tenant) where names.contains(reactor.name) {
                schedule.add(.init(tenant: tenant, reactor: reactor.name), reactor, at: now)
            }
        }
        for key in keys { schedule.want(key, head: head, isToBeTold: isToBeTold, at: now) }
    }

    private func reactor(_ key: ReactorSchedule.Key) -> (any Reactor)? {
        share.isMine(key.tenant) ? reactors(key.tenant).first { $0.name == key.reactor } : nil
    }

    /// A database that goes away comes back; the follower starts again from its checkpoint.
    private func follow(_ key: ReactorSchedule.Key, _ rest: ReactorFollower.Rest) async -> Signal {
        let follower = ReactorFollower(
            tenant: key.tenant, log: log, positions: positions, clock: clock, share: share, logger: logger)
        do {
            return .rested(key, try await follower.run(rest))
        } catch {
            if !Task.isCancelled {
                logger.error(
                    "reactor failed; restarting",
                    metadata: [
                        "reactor": "\(key.reactor)", "tenant": "\(key.tenant.lowercased)", "error": "\(error)",
                    ])
            }
            return .failed(key)
        }
    }

    /// Says that this process is there, and looks for what has become due.
    private func beat(_ sender: AsyncStream<Signal>.Continuation) async {
        var count = 0
        while !Task.isCancelled {
            do {
                sender.yield(.owners(try await positions.beat(owner, reactors: names, now: clock())))
                if !count.isMultiple(of: 2) {
                    let due = try await positions.due(at: clock(), reactors: names)
                    if !due.isEmpty { sender.yield(.due(due)) }
                }
            } catch {
                warn("this process cannot say that it leads stages", error)
            }
            count += 1
            await pause(limits.beat)
        }
        sender.finish()
    }

    private func watchHeads(_ sender: AsyncStream<Signal>.Continuation) async {
        let moves = log.headMoves()
        var isKnown = false
        while !Task.isCancelled {
            do {
                if isKnown {
                    let moved = try await moves.next()
                    guard !moved.isEmpty else { continue }
                    sender.yield(.moved(moved))
                    if try await mustTellAll(Set(moved.keys)) {
                        sender.yield(.tell(Array(try await log.heads().keys)))
                    }
                } else {
                    // What was there before is found by the survey, without a follower for every tenant.
                    _ = try await moves.current()
                    isKnown = true
                    sender.yield(.work(try await positions.tenantsWithWork(for: names)))
                }
            } catch {
                isKnown = false
                warn("the tenants' heads cannot be read", error)
                await pause(.milliseconds(500))
            }
        }
    }

    /// The share of this process has changed: what was nobody's or another's may have been left lying.
    private func survey(_ sender: AsyncStream<Signal>.Continuation) async {
        while !Task.isCancelled {
            do {
                sender.yield(.work(try await positions.tenantsWithWork(for: names)))
                return
            } catch {
                warn("what there is to do cannot be read", error)
                await pause(.milliseconds(500))
            }
        }
    }

    private func warn(_ text: Logger.Message, _ error: any Error) {
        if !Task.isCancelled { logger.warning(text, metadata: ["error": "\(error)"]) }
    }

    private func pause(_ duration: Duration) async {
        do {
            try await Task.sleep(for: duration)
        } catch {
            // Cancelled: the loop that paused looks at that itself.
        }
    }
}
