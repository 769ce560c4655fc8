import Glibc

/// A thread of its own, as the executor of one `Connection`: libpq's calls block, and must not block the threads that
/// everybody else's tasks run on. (`DispatchSerialQueue` would do, but does not exist on Linux.)
///
/// The thread keeps itself alive until `stop()` and the end of the jobs before it; the last reference to the connection
/// may thus be dropped on this very thread.
///
/// `@unchecked Sendable`: `jobs` and `stopping` are touched only under `mutex`.
final class ConnectionThread: SerialExecutor, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let identity: UnsafeMutablePointer<pthread_t>
    private var jobs: [UnownedJob] = []
    private var stopping = false

    /// - Throws: `connectionFailed` when the process may have no more threads.
    init() throws(PostgresError) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_cond_init(condition, nil)
        identity = .allocate(capacity: 1)
        identity.initialize(to: pthread_t())

        // Under the lock, so that the thread finds its own identity written.
        pthread_mutex_lock(mutex)
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            identity, nil,
            { context in
                if let context { Unmanaged<ConnectionThread>.fromOpaque(context).takeRetainedValue().work() }
                return nil
            }, context)
        if status == 0 { pthread_detach(identity.pointee) }
        pthread_mutex_unlock(mutex)
        guard status == 0 else {
            Unmanaged<ConnectionThread>.fromOpaque(context).release()
            throw PostgresError(
                .connectionFailed, "no thread for a connection: \(String(cString: strerror(status)))")
        }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
        identity.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        jobs.append(job)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Without this, `assumeIsolated` traps even on the right thread.
    func checkIsolated() {
        precondition(pthread_equal(pthread_self(), identity.pointee) != 0, "not on the connection's thread")
    }

    /// Lets the thread end when its queue is empty.
    func stop() {
        pthread_mutex_lock(mutex)
        stopping = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    private func work() {
        while true {
            pthread_mutex_lock(mutex)
            while jobs.isEmpty && !stopping { pthread_cond_wait(condition, mutex) }
            let batch = jobs
            jobs.removeAll(keepingCapacity: true)
            pthread_mutex_unlock(mutex)
            if batch.isEmpty { return }
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }
}
