package import Foundation
import Postgres
import Synchronization

/// Tells followers that tenants' logs have grown: at once when this process appended, else within the poll interval.
///
/// There is no NOTIFY in the append, because it serializes all commits of a cluster. One query looks at all heads for
/// everybody who waits, and gives rows only when one of them has moved, so its cost grows neither with the number of
/// followers nor, while nothing happens, with that of tenants.
final class HeadWatch: Sendable {
    private struct Waiter {
        let tenant: UUID
        let beyond: Int64
        let continuation: CheckedContinuation<Void, Never>
    }

    /// Somebody who follows all tenants.
    private struct Subscriber {
        /// Heads that have moved since it last took them: one a tenant at most.
        var moved: [UUID: Int64] = [:]
        var continuation: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var heads: [UUID: Int64] = [:]
        /// Of each head one more than it is, summed up: heads only grow, so an equal sum means equal heads.
        var sum: Int64 = 0
        var polledAt: ContinuousClock.Instant?
        var isPolling = false
        var waiters: [UInt64: Waiter] = [:]
        var subscribers: [UInt64: Subscriber] = [:]
        var lastID: UInt64 = 0

        mutating func nextID() -> UInt64 {
            lastID += 1
            return lastID
        }

        /// True when it has moved.
        mutating func note(_ tenant: UUID, _ next: Int64) -> Bool {
            let known = heads[tenant]
            guard next > known ?? -1 else { return false }
            heads[tenant] = next
            sum += next - (known ?? -1)
            return true
        }
    }

    private let database: Database
    private let interval: Duration
    private let state = Mutex(State())

    init(database: Database, interval: Duration) {
        self.database = database
        self.interval = interval
    }

    /// A tenant's next position is at least this.
    func publish(_ tenant: UUID, next: Int64) { publish([(tenant, next)]) }

    private func publish(_ heads: [(tenant: UUID, next: Int64)]) {
        let woken = state.withLock { state in
            let moved = heads.filter { state.note($0.tenant, $0.next) }
            guard !moved.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            var woken: [CheckedContinuation<Void, Never>] = []
            for (id, waiter) in state.waiters where waiter.beyond < state.heads[waiter.tenant] ?? 0 {
                state.waiters[id] = nil
                woken.append(waiter.continuation)
            }
            for id in state.subscribers.keys {
                for (tenant, next) in moved { state.subscribers[id]?.moved[tenant] = next }
                guard let continuation = state.subscribers[id]?.continuation else { continue }
                state.subscribers[id]?.continuation = nil
                woken.append(continuation)
            }
            return woken
        }
        for continuation in woken { continuation.resume() }
    }

    /// The next position once it is beyond `beyond`, or as it is when time is up or the task is cancelled.
    func wait(_ tenant: UUID, beyond: Int64, timeout: Duration) async throws(PostgresError) -> Int64 {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let head = state.withLock({ $0.heads[tenant] }), head > beyond { return head }
            try await pollIfDue()
            let head = state.withLock { $0.heads[tenant] ?? 0 }
            let left = ContinuousClock.now.duration(to: deadline)
            if head > beyond || left <= .zero || Task.isCancelled { return head }
            await sleep(tenant, beyond: beyond, for: min(left, interval))
        }
    }

    /// Sleeps until published beyond, or for a time.
    private func sleep(_ tenant: UUID, beyond: Int64, for duration: Duration) async {
        let id = state.withLock { $0.nextID() }
        await sleep(for: duration, or: { await self.waitForPublication(id, tenant, beyond) }, wake: { self.wake(id) })
    }

    private func sleep(
        for duration: Duration, or publication: @escaping @Sendable () async -> Void,
        wake: @escaping @Sendable () -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await publication() }
            group.addTask {
                do {
                    try await Task.sleep(for: duration)
                } catch {
                    // Published, or cancelled: either way the sleep is over.
                }
                wake()
            }
            await group.next()
            group.cancelAll()
            wake()
        }
    }

    private func waitForPublication(_ id: UInt64, _ tenant: UUID, _ beyond: Int64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if (state.heads[tenant] ?? 0) > beyond { return true }
                    state.waiters[id] = Waiter(tenant: tenant, beyond: beyond, continuation: continuation)
                    return false
                }
                if isOver { continuation.resume() }
                // A cancellation before this line found nobody to wake.
                if Task.isCancelled { wake(id) }
            }
        } onCancel: {
            wake(id)
        }
    }

    private func wake(_ id: UInt64) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
    }

    private func pollIfDue() async throws(PostgresError) {
        let isMine = state.withLock { state in
            let isDue = state.polledAt.map { ContinuousClock.now - $0 >= interval } ?? true
            guard isDue && !state.isPolling else { return false }
            state.isPolling = true
            return true
        }
        guard isMine else { return }
        do throws(PostgresError) {
            let known = state.withLock { $0.sum }
            let heads = try await database.query(
                """
                SELECT tenant_id, next_position FROM docket.tenant_head
                 WHERE (SELECT coalesce(sum(next_position + 1), 0)::bigint FROM docket.tenant_head) <> \(known)
                """
            ) { row throws(PostgresError) in (tenant: try row[0] as UUID, next: try row[1] as Int64) }
            finishPoll()
            publish(heads)
        } catch {
            finishPoll()
            throw error
        }
    }

    private func finishPoll() {
        state.withLock { state in
            state.polledAt = .now
            state.isPolling = false
        }
    }
}

// MARK: - All tenants

extension HeadWatch {
    fileprivate func subscribe() -> UInt64 {
        state.withLock { state in
            let id = state.nextID()
            state.subscribers[id] = Subscriber(moved: state.heads)
            return id
        }
    }

    fileprivate func unsubscribe(_ id: UInt64) {
        state.withLock { $0.subscribers.removeValue(forKey: id) }?.continuation?.resume()
    }

    /// Reads all heads now, and gives them with whatever else the subscriber had not taken.
    fileprivate func current(_ id: UInt64) async throws(PostgresError) -> [UUID: Int64] {
        let rows = try await database.query("SELECT tenant_id, next_position FROM docket.tenant_head") {
            row throws(PostgresError) in (tenant: try row[0] as UUID, next: try row[1] as Int64)
        }
        publish(rows)
        _ = take(id)
        return state.withLock { $0.heads }
    }

    fileprivate func moved(_ id: UInt64, timeout: Duration) async throws(PostgresError) -> [UUID: Int64] {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let moved = take(id) { return moved }
            try await pollIfDue()
            if let moved = take(id) { return moved }
            let left = ContinuousClock.now.duration(to: deadline)
            if left <= .zero || Task.isCancelled { return [:] }
            await sleep(
                for: min(left, interval), or: { await self.waitForMove(id) }, wake: { self.wakeSubscriber(id) })
        }
    }

    private func take(_ id: UInt64) -> [UUID: Int64]? {
        state.withLock { state in
            guard let moved = state.subscribers[id]?.moved, !moved.isEmpty else { return nil }
            state.subscribers[id]?.moved = [:]
            return moved
        }
    }

    private func waitForMove(_ id: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.subscribers[id]?.moved.isEmpty == true else { return true }
                    state.subscribers[id]?.continuation = continuation
                    return false
                }
                if isOver { continuation.resume() }
                // A cancellation before this line found nobody to wake.
                if Task.isCancelled { wakeSubscriber(id) }
            }
        } onCancel: {
            wakeSubscriber(id)
        }
    }

    private func wakeSubscriber(_ id: UInt64) {
        state.withLock { state in
            let continuation = state.subscribers[id]?.continuation
            state.subscribers[id]?.continuation = nil
            return continuation
        }?.resume()
    }
}

/// The heads of all tenants that have moved, for one reader who takes them again and again. What nobody has taken yet is
/// kept, the newest head of each tenant; at first those are all that there are.
package final class HeadMoves: Sendable {
    private let watch: HeadWatch
    private let id: UInt64

    init(watch: HeadWatch) {
        self.watch = watch
        id = watch.subscribe()
    }

    deinit { watch.unsubscribe(id) }

    /// All heads as they are now; what moves after that is told by `next`.
    package func current() async throws(EventLogError) -> [UUID: Int64] {
        do {
            return try await watch.current(id)
        } catch {
            throw EventLogError(.unavailable, "the tenants' heads cannot be read", cause: error)
        }
    }

    /// What has moved since the last call, as soon as anything has; empty when time is up or the task is cancelled.
    package func next(timeout: Duration = .seconds(60)) async throws(EventLogError) -> [UUID: Int64] {
        do {
            return try await watch.moved(id, timeout: timeout)
        } catch  where error.code == .cancelled {
            throw EventLogError(.cancelled, "the task was cancelled", cause: error)
        } catch {
            throw EventLogError(.unavailable, "the tenants' heads cannot be read", cause: error)
        }
    }
}

/// A tenant's next position, each time that it has grown; ends when the task is cancelled.
package struct HeadChanges: AsyncSequence, Sendable {
    package typealias Element = Int64

    let watch: HeadWatch
    let tenant: UUID
    let beyond: Int64

    package struct AsyncIterator: AsyncIteratorProtocol {
        let watch: HeadWatch
        let tenant: UUID
        var last: Int64

        package mutating func next() async throws -> Int64? {
            do {
                while !Task.isCancelled {
                    let head = try await watch.wait(tenant, beyond: last, timeout: .seconds(60))
                    if head > last {
                        last = head
                        return head
                    }
                }
                return nil
            } catch  where error.code == .cancelled {
                return nil
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(watch: watch, tenant: tenant, last: beyond) }
}
