import Foundation
import ServiceLifecycle
import Synchronization

/// A private PostgreSQL cluster that belongs to one data directory: no configuration, a unix socket only.
///
/// The postmaster is started by `pg_ctl` in a session of its own, so that Ctrl-C at a terminal reaches this process
/// first and the postmaster only through `stop()`. It survives the death of its owner; the next owner adopts it. Nobody
/// but one owner at a time: an advisory lock (flock) on `owner.lock`, which the kernel drops with the process.
///
/// From `start` to `stop` the cluster is watched: however the postmaster goes (told to end in any way, killed, unable to
/// start because the disk is full), it is started again within seconds, for as long as it takes. `state` says where it is.
///
/// Durability is PostgreSQL's default: this type sets neither fsync, nor synchronous_commit, nor full_page_writes.
package final class EmbeddedCluster: Service, Sendable {
    package struct Configuration: Sendable {
        /// Holds `postgres/` (the cluster), `socket/` and `owner.lock`. Every parent must be open to the user that runs
        /// PostgreSQL.
        package var dataDirectory: String
        /// Made at the first start.
        package var databaseName = "docket"
        /// Further settings of the server, by name. Only throw-away clusters may switch durability off.
        package var settings: [String: String] = [:]
        /// Called with each new state, by whoever found it.
        package var onChange: @Sendable (State) -> Void = { _ in }

        package init(dataDirectory: String) { self.dataDirectory = dataDirectory }
    }

    /// Whether the cluster takes connections, and why not.
    package enum State: Sendable, Hashable {
        case running
        /// Being started, recovering, or ending before it is started again; with what is known in plain words.
        case starting(String)
        case stopped
    }

    private let configuration: Configuration
    private let layout: ClusterLayout
    private let programs: PostgresPrograms
    private let lock: Mutex<OwnerLock?>
    private let current = Mutex(State.starting("it is started"))
    /// Ended, and waited for, by `stop()`.
    private let watch = Mutex<Task<Void, Never>?>(nil)

    private init(
        _ configuration: Configuration, _ layout: ClusterLayout, _ programs: PostgresPrograms, _ lock: OwnerLock
    ) {
        self.configuration = configuration
        self.layout = layout
        self.programs = programs
        self.lock = Mutex(lock)
    }

    package var state: State { current.withLock { $0 } }

    private func enter(_ state: State) {
        let isNew = current.withLock { current in
            defer { current = state }
            return current != state
        }
        if isNew { configuration.onChange(state) }
    }

    /// Takes the data directory, makes the cluster if there is none, and starts or adopts its postmaster.
    package static func start(_ configuration: Configuration) async throws(PostgresError) -> EmbeddedCluster {
        let account = try ClusterAccount.current()
        let layout = try ClusterLayout(dataDirectory: configuration.dataDirectory, account: account)
        try layout.prepare()
        let lock = try OwnerLock(path: layout.lockFile, subject: layout.dataDirectory)
        let programs = try await PostgresPrograms.find(majorVersion: layout.majorVersion, account: account)
        let cluster = EmbeddedCluster(configuration, layout, programs, lock)
        if !layout.isInitialized { try await cluster.initialize() }
        try await cluster.ensureFirstStart()
        cluster.watch.withLock { $0 = Task { await cluster.watchPostmaster() } }
        return cluster
    }

    /// How to reach the database of this cluster; holds no secret.
    package var connectionString: String { layout.connectionString(database: configuration.databaseName) }

    /// How a process that does not own the cluster reaches it, or nil when none runs there.
    package static func connectionString(
        ifRunningIn dataDirectory: String, database: String = "docket"
    ) throws(PostgresError) -> String? {
        let layout = try ClusterLayout(dataDirectory: dataDirectory, account: try ClusterAccount.current())
        guard let postmaster = Postmaster(layout), postmaster.isReady else { return nil }
        return layout.connectionString(socketDirectory: postmaster.socketDirectory, database: database)
    }

    /// Holds the cluster until graceful shutdown, or until cancelled, and stops it then. Let it be the first service, so
    /// that it is shut down last.
    package func run() async throws {
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled, which is an end as well.
        }
        // A task of its own, awaited here: a cancelled one could not run `pg_ctl` any more.
        try await Task { try await self.stop() }.value
    }

    /// Stops the postmaster (fast: open transactions are rolled back) and gives the data directory free.
    package func stop() async throws(PostgresError) {
        await endWatch()
        // Given free already: the directory may be somebody else's by now.
        guard lock.withLock({ $0 != nil }) else { return }
        try await waitForPostmasterFile()
        if Postmaster(layout) != nil { try await stopPostmaster() }
        layout.removeSocketDirectory()
        lock.withLock { $0 = nil }
        enter(.stopped)
    }

    /// Leaves the postmaster as it is and gives the data directory free: what a `kill -9` of the owner does.
    func forsake() async {
        await endWatch()
        lock.withLock { $0 = nil }
    }

    private func endWatch() async {
        let task = watch.withLock { watch in
            defer { watch = nil }
            return watch
        }
        task?.cancel()
        await task?.value
    }

    /// The process id of the postmaster.
    var postmasterID: Int32? { Postmaster(layout)?.processID }
}

extension EmbeddedCluster {
    /// Looks once a second; after a start that failed with pauses that grow to five seconds.
    private func watchPostmaster() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .seconds(min(5, 1 + failures)))
                try await ensureRunning()
                failures = 0
            } catch let error as PostgresError where error.code != .cancelled {
                failures += 1
                enter(.starting("its last start failed: \(error.message)"))
            } catch {
                return
            }
        }
    }

    /// The first start of a process: what does not work a fifth time is told to whoever started it.
    private func ensureFirstStart() async throws(PostgresError) {
        var attempt = 1
        while true {
            do throws(PostgresError) {
                try await ensureRunning()
                try await ensureDatabase()
                return
            } catch  where attempt < 5 && error.code != .cancelled {
                attempt += 1
                try await pause()
            }
        }
    }

    /// Gives the postmaster time to be ready, ends one that is about to end, and starts one where there is none.
    ///
    /// Waits for recovery as long as that takes.
    func ensureRunning() async throws(PostgresError) {
        var stoppingSince: ContinuousClock.Instant?
        while let postmaster = Postmaster(layout) {
            let isElsewhere =
                !postmaster.socketDirectory.isEmpty && postmaster.socketDirectory != layout.socketDirectory
            switch postmaster.status {
            case .ready where !isElsewhere: return enter(.running)
            case .ready: try await stopPostmaster()
            case .starting: enter(.starting("it is started and recovers"))
            case .stopping:
                enter(.starting("it was told to end; it is started again"))
                let since = stoppingSince ?? .now
                stoppingSince = since
                // One that was told to end politely waits for its clients, and this process's stay for ever.
                if ContinuousClock.now > since + .seconds(30) {
                    kill(postmaster.processID, SIGQUIT)
                } else if ContinuousClock.now > since + .seconds(1) {
                    kill(postmaster.processID, SIGINT)
                }
            }
            try await pause()
        }
        enter(.starting("it is started"))
        try layout.prepare()
        try await waitForOrphans()
        try layout.write(settings: configuration.settings)
        try await programs.run(
            "pg_ctl", ["start", "-D", layout.cluster, "-l", layout.startLog, "-w", "-t", "300", "-s"],
            hint: "see \(layout.startLog)")
        enter(.running)
    }

    /// A start that was given up half-way may have left a postmaster that has not written its file yet.
    private func waitForPostmasterFile() async throws(PostgresError) {
        let deadline = ContinuousClock.now + .seconds(5)
        while Postmaster(layout) == nil, !Postmaster.servers(in: layout.cluster).isEmpty,
            ContinuousClock.now < deadline
        {
            try await pause()
        }
    }

    /// Fast, and where that does not come to an end, at once: the next start recovers what was committed.
    private func stopPostmaster() async throws(PostgresError) {
        func stop(_ mode: String, seconds: String) async throws(PostgresError) {
            try await programs.run("pg_ctl", ["stop", "-D", layout.cluster, "-m", mode, "-w", "-t", seconds, "-s"])
        }
        // One that answers nobody would not stop for that either: it is told to quit, and recovers at its next start.
        guard await Ping.isAnswered(connectionString) else {
            try await stop("immediate", seconds: "5")
            return
        }
        do throws(PostgresError) {
            try await stop("fast", seconds: "60")
        } catch  where error.code != .cancelled && Postmaster(layout) != nil {
            try await stop("immediate", seconds: "30")
        } catch  where error.code != .cancelled {
            // It ended by itself meanwhile.
        }
    }

    /// After a `kill -9` of the postmaster its backends live on for a moment, and a new postmaster must not start beside
    /// them. One that waits for a lock which a killed process held waits for ever, for nobody is there to start recovery:
    /// after some seconds it is told to quit, then killed. It could have written nothing more. Once nobody is left, the lock files name at best a stranger with the same number, or a zombie whose parent
    /// does not reap it, and would only keep the new postmaster from starting.
    private func waitForOrphans() async throws(PostgresError) {
        let start = ContinuousClock.now
        let deadline = start + .seconds(30)
        while !Postmaster.processes(in: layout.cluster).isEmpty {
            if ContinuousClock.now > start + .seconds(5) {
                let signal = ContinuousClock.now > start + .seconds(8) ? SIGKILL : SIGQUIT
                for process in Postmaster.servers(in: layout.cluster) { kill(process, signal) }
            }
            guard ContinuousClock.now < deadline else {
                throw PostgresError(
                    .embeddedCluster,
                    "processes of a dead postmaster still use \(layout.cluster): "
                        + "\(Postmaster.processes(in: layout.cluster))")
            }
            try await pause()
        }
        Postmaster.removeLeftovers(layout)
    }

    private func pause() async throws(PostgresError) {
        do {
            try await Task.sleep(for: .milliseconds(50))
        } catch {
            throw PostgresError(.cancelled, "the task was cancelled while a cluster was started")
        }
    }

    /// Makes the cluster aside and puts it in place at once, so that a crash half-way leaves nothing to trip over.
    private func initialize() async throws(PostgresError) {
        try layout.prepareStaging()
        // The C.UTF-8 locale: UTF8 text in byte order, which no upgrade of the C library changes under an index.
        var arguments = [
            "-D", layout.staging, "-U", layout.account.name, "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=trust",
            "--auth-host=reject",
        ]
        if configuration.settings["fsync"] == "off" { arguments.append("--no-sync") }
        try await programs.run("initdb", arguments)
        try layout.adoptStaging()
    }

    private func ensureDatabase() async throws(PostgresError) {
        let database = Database(layout.connectionString(database: "postgres"))
        let name = configuration.databaseName
        let failure: PostgresError?
        do throws(PostgresError) {
            let exists = try await database.value(
                "SELECT EXISTS (SELECT FROM pg_database WHERE datname = \(name))", as: Bool.self)
            if !exists {
                let quoted = "\"" + name.replacing("\"", with: "\"\"") + "\""
                try await database.execute(Query(unescaped: "CREATE DATABASE \(quoted)"))
            }
            failure = nil
        } catch {
            failure = error
        }
        await database.close()
        if let failure { throw failure }
    }
}
