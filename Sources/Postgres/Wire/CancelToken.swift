import CPostgres
import Dispatch
import Glibc
import Synchronization

/// Carries the cancellation of a Swift task to the server, for one use of one connection.
///
/// `PQcancel` opens a connection of its own and blocks, so it runs on a helper thread. It is never sent before `begin`
/// or after `end`, so it cannot hit somebody else's statement; a cancel that was sent may still arrive late, which is
/// why a connection that had one is thrown away.
final class CancelToken: Sendable {
    private struct State {
        var isRequested = false
        var wasSent = false
        /// A helper thread is in `PQcancel`.
        var isOnItsWay = false
        /// The statement has ended without waiting any longer: the helper frees the target.
        var isLeft = false
        /// The address of a `PGcancel` while a statement may be running; freed by `end`.
        var target: UInt?
    }

    private let state = Mutex(State())

    var isRequested: Bool { state.withLock(\.isRequested) }
    var wasSent: Bool { state.withLock(\.wasSent) }

    /// Called on the connection's thread before its first statement; false when the task is already cancelled.
    func begin(_ wire: Wire) -> Bool {
        let target = PQgetCancel(wire.pointer)
        return state.withLock { state in
            if state.isRequested {
                PQfreeCancel(target)
                return false
            }
            state.target = UInt(bitPattern: target)
            return true
        }
    }

    /// Called on the connection's thread after its last statement, and before COMMIT. Waits for a cancel on its way; for
    /// some seconds only, because a server that answers nobody does not answer that either, and its connection is broken
    /// off then.
    func end() {
        let deadline = ContinuousClock.now + .seconds(3)
        while state.withLock(\.isOnItsWay), ContinuousClock.now < deadline { usleep(1_000) }
        state.withLock { state in
            guard !state.isOnItsWay else {
                state.isLeft = true
                return
            }
            if let target = state.target { PQfreeCancel(OpaquePointer(bitPattern: target)) }
            state.target = nil
        }
    }

    /// Called when the task is cancelled, on any thread; returns at once.
    func request() {
        let isRunning = state.withLock { state in
            state.isRequested = true
            return state.target != nil
        }
        guard isRunning else { return }
        DispatchQueue.global().async {
            let target = self.state.withLock { state in
                guard let target = state.target, !state.isOnItsWay else { return nil as UInt? }
                state.wasSent = true
                state.isOnItsWay = true
                return target
            }
            guard let target else { return }
            var message = [CChar](repeating: 0, count: 256)
            // A cancel that does not get through changes nothing: the statement's own timeout ends it.
            _ = PQcancel(OpaquePointer(bitPattern: target), &message, Int32(message.count))
            self.state.withLock { state in
                state.isOnItsWay = false
                guard state.isLeft else { return }
                PQfreeCancel(OpaquePointer(bitPattern: target))
                state.target = nil
            }
        }
    }
}
