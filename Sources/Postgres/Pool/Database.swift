import ServiceLifecycle
import Synchronization

/// A PostgreSQL database: a bounded pool of connections, each on its own thread.
///
/// Transactions are synchronous closures that run on a connection's thread:
///
///     let version = try await database.transaction { tx throws(PostgresError) in
///         try tx.execute("UPDATE stream SET version = version + 1 WHERE stream_id = \(id)")
///         return try tx.value("SELECT version FROM stream WHERE stream_id = \(id)", as: Int64.self)
///     }
///
/// A body cannot await, so it holds its locks no longer than its statements take. It may run more than once (see
/// `RetryPolicy`): let it change nothing but the database.
///
/// Connections are made when they are first needed, so it can be used as it is; in a server it is one of the services,
/// whose `run()` closes it at graceful shutdown. Without that, call `close()`.
package final class Database: Service, Sendable {

    private struct State {
        var pool: Pool<Connection, CheckedContinuation<Grant, Never>>
        var drainers: [CheckedContinuation<Void, Never>] = []
        /// Of open connections, and of some that are gone since the last look.
        var watches: [CallWatch] = []
        var isWatching = false
    }

    private enum Grant {
        case use(Connection)
        case open
        case refuse(PostgresError.Code)
    }

    package let configuration: DatabaseConfiguration
    private let state: Mutex<State>

    package init(_ configuration: DatabaseConfiguration) {
        self.configuration = configuration
        state = Mutex(
            State(
                pool: Pool(
                    maximum: configuration.connectionsMaximum, waitersMaximum: configuration.waitersMaximum)))
    }

    package convenience init(_ connectionString: String) {
        self.init(DatabaseConfiguration(ConnectionConfiguration(connectionString)))
    }

    /// Waits for graceful shutdown or cancellation, then closes.
    package func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Cancelled instead of shut down: the pool closes all the same.
        }
        await close()
    }

    /// Refuses new work, turns waiters away, closes idle connections, and waits for those that are lent.
    package func close() async {
        let (idle, waiters) = state.withLock { $0.pool.close() }
        for waiter in waiters { waiter.resume(returning: .refuse(.closed)) }
        for connection in idle { await connection.close() }
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                if !state.pool.isDrained { state.drainers.append(continuation) }
                return state.pool.isDrained
            }
            if isDrained { continuation.resume() }
        }
    }

    /// How many connections exist, and how many callers wait for one.
    package var load: (open: Int, waiting: Int) { state.withLock { ($0.pool.open, $0.pool.waiting) } }
}

// MARK: - Lending

extension Database {
    /// Lends a connection to a body. An idle connection that the server closed meanwhile is replaced unnoticed.
    func lend<T: Sendable>(
        _ body: @Sendable (Wire, CancelToken) throws(PostgresError) -> T
    ) async throws(PostgresError) -> T {
        while true {
            let connection = try await acquire()
            let token = CancelToken()
            let outcome = await withTaskCancellationHandler {
                await connection.perform(token) { wire throws(PostgresError) in try body(wire, token) }
            } onCancel: {
                token.request()
            }
            release(outcome.isReusable ? connection : nil)
            do {
                return try outcome.result.get()
            } catch  where error.code == .staleConnection {
                continue
            }
        }
    }

    private func acquire() async throws(PostgresError) -> Connection {
        switch state.withLock({ $0.pool.acquire() }) {
        case .use(let connection): return connection
        case .open: return try await open()
        case .refuse(let code): throw refusal(code)
        case .wait:
            switch await waitForGrant() {
            case .use(let connection): return connection
            case .open: return try await open()
            case .refuse(let code): throw refusal(code)
            }
        }
    }

    private func open() async throws(PostgresError) -> Connection {
        let connection: Connection
        do throws(PostgresError) {
            connection = try Connection(configuration.connection)
        } catch {
            release(nil)
            throw error
        }
        switch await connection.open() {
        case .success:
            watch(connection.watch)
            return connection
        case .failure(let error):
            release(nil)
            throw error
        }
    }

    /// Breaks off the calls of a server that does not answer, for as long as there are connections. A call that lasts is
    /// no reason alone: the server is asked for a sign of life first, and has its own timeouts while it gives one.
    private func watch(_ watch: CallWatch) {
        let isFirst = state.withLock { state in
            state.watches.append(watch)
            defer { state.isWatching = true }
            return !state.isWatching
        }
        guard isFirst else { return }
        let configuration = configuration
        Task { [weak self] in
            while let watches = self?.openWatches() {
                do {
                    try await Task.sleep(for: .seconds(1))
                } catch {
                    return
                }
                let overdue = watches.filter { $0.isOverdue(after: configuration.answerTimeout) }
                guard !overdue.isEmpty else { continue }
                let isAnswered = await Ping.isAnswered(configuration.connection.connectionString)
                let limit = isAnswered ? configuration.callMaximum : configuration.answerTimeout
                if let limit { for watch in overdue { watch.breakOff(after: limit) } }
            }
        }
    }

    private func openWatches() -> [CallWatch]? {
        state.withLock { state in
            state.watches.removeAll(where: \.isClosed)
            state.isWatching = !state.watches.isEmpty
            return state.isWatching ? state.watches : nil
        }
    }

    private func release(_ connection: Connection?) {
        let (woken, drainers) = state.withLock { state in
            let woken = state.pool.release(connection)
            let drainers = state.pool.isDrained ? state.drainers : []
            if state.pool.isDrained { state.drainers = [] }
            return (woken, drainers)
        }
        for drainer in drainers { drainer.resume() }
        switch woken {
        case (let waiter, .use(let connection))?: waiter.resume(returning: .use(connection))
        case (let waiter, .open)?: waiter.resume(returning: .open)
        case (let waiter, .refuse(let code))?: waiter.resume(returning: .refuse(code))
        case nil: break
        }
    }

    /// Waits in the queue until served, out of time, or cancelled.
    private func waitForGrant() async -> Grant {
        let id = state.withLock { $0.pool.nextID() }
        return await withTaskGroup(of: Grant?.self) { group in
            group.addTask { await self.enqueue(id) }
            group.addTask {
                do {
                    try await Task.sleep(for: self.configuration.acquireTimeout)
                    self.turnAway(id, .timeout)
                } catch {
                    // Served, or the task was cancelled: no more to do.
                }
                return nil
            }
            while let grant = await group.next() {
                if let grant {
                    group.cancelAll()
                    return grant
                }
            }
            return .refuse(.cancelled)
        }
    }

    private func enqueue(_ id: UInt64) async -> Grant {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Grant? = state.withLock { state in
                    switch state.pool.acquire() {
                    case .use(let connection): return .use(connection)
                    case .open: return .open
                    case .refuse(let code): return .refuse(code)
                    case .wait:
                        state.pool.enqueue(id, continuation)
                        return nil
                    }
                }
                if let immediate { continuation.resume(returning: immediate) }
                // A cancellation before the line above found nobody to turn away.
                if Task.isCancelled { turnAway(id, .cancelled) }
            }
        } onCancel: {
            turnAway(id, .cancelled)
        }
    }

    private func turnAway(_ id: UInt64, _ code: PostgresError.Code) {
        state.withLock { $0.pool.leave(id) }?.resume(returning: .refuse(code))
    }

    private func refusal(_ code: PostgresError.Code) -> PostgresError {
        switch code {
        case .timeout: PostgresError(code, "no connection became free within \(configuration.acquireTimeout)")
        case .poolExhausted:
            PostgresError(code, "\(configuration.waitersMaximum) callers wait for a connection already")
        case .cancelled: PostgresError(code, "the task was cancelled while it waited for a connection")
        default: PostgresError(code, "the database client is closed")
        }
    }
}
