import Dispatch
import Postgres
import Synchronization

/// A transaction in which asynchronous code works piece by piece: it stays open between the pieces.
///
/// Transactions are synchronous closures on a connection's thread; this one waits there for the next piece. So it holds a
/// connection and a snapshot all the while: for a look at one moment of the database, never for locks.
final class HeldTransaction: Sendable {
    private typealias Piece = @Sendable (borrowing Transaction) -> Void

    private struct State {
        var pieces: [(run: Piece, fail: @Sendable (PostgresError) -> Void)] = []
        var ended: PostgresError?
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)

    private init() {}

    /// Opens a repeatable-read transaction, lends it to a body, and ends it whatever happens.
    static func with<Value: Sendable>(
        _ database: Database, _ body: @Sendable (HeldTransaction) async throws -> Value
    ) async throws -> Value {
        let held = HeldTransaction()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do throws(PostgresError) {
                    try await database.transaction(isolation: .repeatableRead, retry: .none) {
                        tx throws(PostgresError) in
                        try tx.run(
                            script: """
                                SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
                                SET LOCAL client_min_messages = warning
                                """)
                        held.serve(tx)
                    }
                } catch {
                    held.end(error)
                    throw error
                }
            }
            do {
                let value = try await body(held)
                held.end(PostgresError(.misuse, "the held transaction has ended"))
                try await group.waitForAll()
                return value
            } catch {
                held.end(PostgresError(.cancelled, "the held transaction has ended"))
                throw error
            }
        }
    }

    /// Runs a piece in the transaction. After an error of a statement the transaction takes nothing more.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let result: Result<Value, PostgresError> = await withCheckedContinuation { continuation in
            let run: Piece = { tx in
                do throws(PostgresError) {
                    continuation.resume(returning: .success(try body(tx)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            let ended = state.withLock { state in
                if state.ended == nil {
                    state.pieces.append((run, { continuation.resume(returning: .failure($0)) }))
                }
                return state.ended
            }
            if let ended {
                continuation.resume(returning: .failure(ended))
            } else {
                ready.signal()
            }
        }
        return try result.get()
    }

    private func serve(_ tx: borrowing Transaction) {
        while true {
            ready.wait()
            let piece = state.withLock { $0.pieces.isEmpty ? nil : $0.pieces.removeFirst() }
            guard let piece else { return }
            piece.run(tx)
        }
    }

    private func end(_ error: PostgresError) {
        let left = state.withLock { state in
            state.ended = state.ended ?? error
            defer { state.pieces = [] }
            return state.pieces
        }
        for piece in left { piece.fail(error) }
        ready.signal()
    }
}
