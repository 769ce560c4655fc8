import CPostgres
import Dispatch
import Glibc
import Synchronization

/// Watches the blocking calls of one connection from outside, and can break one off.
///
/// A server that has stopped answering (its storage hangs, it was halted, the network lost it without a word) keeps a call
/// waiting for ever: its own statement timeout needs it alive. Shutting the socket down ends the call as a lost connection.
final class CallWatch: Sendable {
    private struct State {
        var socket: Int32?
        var since: ContinuousClock.Instant?
        var isClosed = false
    }

    private let state = Mutex(State())

    var isClosed: Bool { state.withLock(\.isClosed) }

    func attach(_ socket: Int32) { state.withLock { $0.socket = socket } }

    /// Before the socket's number is given free, which somebody else may get.
    func close() {
        state.withLock { state in
            state.socket = nil
            state.isClosed = true
        }
    }

    /// Makes a call that may block.
    func during<Result>(_ call: () -> Result) -> Result {
        state.withLock { $0.since = .now }
        defer { state.withLock { $0.since = nil } }
        return call()
    }

    func isOverdue(after limit: Duration) -> Bool {
        state.withLock { $0.since.map { $0 + limit < .now } ?? false }
    }

    /// Ends a call that has lasted longer than a limit.
    func breakOff(after limit: Duration) {
        state.withLock { state in
            guard let since = state.since, since + limit < .now, let socket = state.socket else { return }
            shutdown(socket, Int32(SHUT_RDWR))
        }
    }
}

/// Whether a server answers at all, be it that it takes nobody at present (PQping).
package enum Ping {
    static let patienceSeconds = 3

    package static func isAnswered(_ connectionString: String) async -> Bool {
        await withCheckedContinuation { continuation in
            // It blocks for as long as its patience.
            DispatchQueue.global().async {
                let answer = Wire.withCStrings(["dbname", "connect_timeout"]) { keywords in
                    Wire.withCStrings([connectionString, String(patienceSeconds)]) { values in
                        PQpingParams(keywords, values, 1)
                    }
                }
                continuation.resume(returning: answer == PQPING_OK || answer == PQPING_REJECT)
            }
        }
    }
}
