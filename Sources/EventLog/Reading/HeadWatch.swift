import Foundation
import Postgres
import Synchronization

/// Tells followers that a tenant's log has grown: at once when this process appended, else within the poll interval.
///
/// There is no NOTIFY in the append, because it serializes all commits of a cluster. One query reads all heads for
/// everybody who waits, so its cost does not grow with the number of followers.
final class HeadWatch: Sendable {
    private struct Waiter {
        let tenant: UUID
        let beyond: Int64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var heads: [UUID: Int64] = [:]
        var polledAt: ContinuousClock.Instant?
        var isPolling = false
        var waiters: [UInt64: Waiter] = [:]
        var lastID: UInt64 = 0
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
            for (tenant, next) in heads { state.heads[tenant] = max(next, state.heads[tenant] ?? 0) }
            let woken = state.waiters.filter { ($0.value.beyond < state.heads[$0.value.tenant] ?? 0) }
            for id in woken.keys { state.waiters[id] = nil }
            return woken.values.map(\.continuation)
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
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForPublication(id, tenant, beyond) }
            group.addTask {
                do {
                    try await Task.sleep(for: duration)
                } catch {
                    // Published, or cancelled: either way the sleep is over.
                }
                self.wake(id)
            }
            await group.next()
            group.cancelAll()
            wake(id)
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
            let heads = try await database.query("SELECT tenant_id, next_position FROM docket.tenant_head") {
                row throws(PostgresError) in (tenant: try row[0] as UUID, next: try row[1] as Int64)
            }
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
