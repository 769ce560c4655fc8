import Cases
import EventLog
import Events
import Logging

import struct Foundation.UUID

/// Leads one reactor along one tenant's log: lease, memory, reactions, checkpoint.
///
/// The checkpoint moves after the reaction was appended: a crash repeats, never skips. A reaction that fails is tried
/// again with growing pauses, for ever; it is never passed over.
struct ReactorFollower: Sendable {
    let tenant: UUID
    let reactor: any Reactor
    let log: EventLog
    let positions: ReactorPositions
    let clock: @Sendable () -> Instant
    let owner: String
    let logger: Logger
    /// How many events a concurrent reactor works on at the same time.
    var width = 16
    /// How long a reactor that is timed waits for the time, at least.
    var tickInterval = Duration.seconds(10)

    private enum Signal: Sendable {
        case finished(Int64, key: UUID)
        case headMoved
        case renewed(Bool)
    }

    /// Runs until the task is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            guard let start = try await positions.lease(reactor.name, tenant: tenant, owner: owner, now: clock()) else {
                try await Task.sleep(for: .milliseconds(500))
                continue
            }
            try await remember(upTo: start)
            try await follow(from: start)
        }
    }

    private func remember(upTo end: Int64) async throws {
        let types = type(of: reactor).memory
        guard !types.isEmpty else { return }
        var next = try await reactor.memoryStart(before: end)
        while next < end {
            let page = try await log.page(tenant: tenant, from: next, limit: 500, types: types.map(\.rawValue))
            for event in page.events where event.position < end { try await reactor.remember(event) }
            next = page.next
        }
        try await reactor.takeUp(at: end)
    }

    /// Returns when the lease was lost.
    private func follow(from start: Int64) async throws {
        let types = followed.map(\.rawValue)
        // One after the other needs no bound on what runs, only on what is read ahead.
        var window = CompletionWindow(next: start, limit: type(of: reactor).isConcurrent ? width : 64)
        var events: [Int64: Event] = [:]
        try await withThrowingTaskGroup(of: Signal.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await renewLater() }
            var isWaitingForHead = false
            var nextTick = ContinuousClock.now
            while true {
                while window.hasRoom {
                    let page = try await log.page(
                        tenant: tenant, from: window.next, limit: window.limit, types: types)
                    guard page.next > window.next else { break }
                    for event in page.events {
                        let key = type(of: reactor).isConcurrent ? event.streamID : tenant
                        events[event.position] = event
                        if window.add(event.position, key: key) { group.addTask { try await react(event, key: key) } }
                    }
                    window.skip(to: page.next)
                }
                if window.isIdle { try await advance(to: window.checkpoint) }
                if !isWaitingForHead {
                    isWaitingForHead = true
                    let seen = window.next
                    group.addTask {
                        _ = try await log.waitForHead(tenant: tenant, beyond: seen, timeout: .seconds(5))
                        return .headMoved
                    }
                }
                switch try await group.next() {
                case .finished(let position, let key):
                    events[position] = nil
                    if let following = window.finish(position, key: key), let event = events[following] {
                        group.addTask { try await react(event, key: key) }
                    }
                    try await advance(to: window.checkpoint)
                case .headMoved: isWaitingForHead = false
                case .renewed(true):
                    group.addTask { try await renewLater() }
                    guard type(of: reactor).isTimed, window.isIdle, ContinuousClock.now >= nextTick else { continue }
                    nextTick = ContinuousClock.now + tickInterval
                    try await tick(after: window.next)
                case .renewed(false), nil: return
                }
            }
        }
    }

    /// What it reacts to, and the erasures that its memory must not outlive.
    private var followed: Set<EventType> {
        let interests = type(of: reactor).interests
        return type(of: reactor).memory.isEmpty ? interests : interests.union([.subjectErased])
    }

    private func renewLater() async throws -> Signal {
        try await Task.sleep(for: .seconds(1))
        return .renewed(
            try await positions.lease(reactor.name, tenant: tenant, owner: owner, now: clock()) != nil)
    }

    /// Only at the head of the log, so that what time brings about is not decided before what was recorded in it.
    private func tick(after position: Int64) async throws {
        let now = clock()
        guard try await log.head(tenant: tenant) == position else { return }
        try await reactor.tick(at: now, position: position)
    }

    /// A position that somebody else moved further is no error: the lease was lost, and renewing it will tell.
    private func advance(to position: Int64) async throws {
        _ = try await positions.advance(reactor.name, tenant: tenant, to: position, owner: owner)
    }

    private func react(_ event: Event, key: UUID) async throws -> Signal {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                // Of the events of one erasure, the one outside any case stands for all.
                if event.kind == .subjectErased, !type(of: reactor).memory.isEmpty {
                    if event.caseID == nil {
                        await reactor.forget()
                        try await remember(upTo: event.position)
                    }
                } else {
                    try await reactor.react(to: event)
                }
                return .finished(event.position, key: key)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                try Task.checkCancellation()
                logger.error(
                    "a reaction failed and is tried again",
                    metadata: [
                        "reactor": "\(reactor.name)", "position": "\(event.position)", "type": "\(event.type)",
                        "tenant": "\(tenant.lowercased)", "error": "\(error)",
                    ])
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(10))
            }
        }
    }
}

extension Reactor {
    var name: String { Self.name }
}
