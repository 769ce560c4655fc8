import Foundation
import ServiceLifecycle
import Synchronization

/// A private PostgreSQL cluster that belongs to one data directory: no configuration, a unix socket only.
///
/// The postmaster is started by `pg_ctl` in a session of its own, so that Ctrl-C at a terminal reaches this process
/// first and the postmaster only through `stop()`. It survives the death of its owner; the next owner adopts it. Nobody
/// but one owner at a time: an advisory lock (flock) on `owner.lock`, which the kernel drops with the process.
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

        package init(dataDirectory: String) { self.dataDirectory = dataDirectory }
    }

    private let configuration: Configuration
    private let layout: ClusterLayout
    private let programs: PostgresPrograms
    private let lock: Mutex<OwnerLock?>

    private init(
        _ configuration: Configuration, _ layout: ClusterLayout, _ programs: PostgresPrograms, _ lock: OwnerLock
    ) {
        self.configuration = configuration
        self.layout = layout
        self.programs = programs
        self.lock = Mutex(lock)
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
        try await cluster.ensureRunning()
        try await cluster.ensureDatabase()
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

    /// Starts the postmaster again whenever it is gone; stops it at graceful shutdown, and when cancelled. Let it be the
    /// first service, so that it is shut down last.
    package func run() async throws {
        let failure: (any Error)?
        do {
            try await cancelWhenGracefulShutdown {
                while true {
                    try await Task.sleep(for: .seconds(1))
                    try await self.ensureRunning()
                }
            }
            failure = nil
        } catch is CancellationError {
            failure = nil
        } catch let error as PostgresError where error.code == .cancelled {
            failure = nil
        } catch {
            failure = error
        }
        // A task of its own, awaited here: a cancelled one could not run `pg_ctl` any more.
        try await Task { try await self.stop() }.value
        if let failure { throw failure }
    }

    /// Stops the postmaster (fast: open transactions are rolled back) and gives the data directory free.
    package func stop() async throws(PostgresError) {
        if Postmaster(layout) != nil {
            try await programs.run("pg_ctl", ["stop", "-D", layout.cluster, "-m", "fast", "-w", "-t", "120", "-s"])
        }
        layout.removeSocketDirectory()
        forsake()
    }

    /// Leaves the postmaster as it is and gives the data directory free: what a `kill -9` of the owner does.
    func forsake() { lock.withLock { $0 = nil } }

    /// The process id of the postmaster.
    var postmasterID: Int32? { Postmaster(layout)?.processID }
}

extension EmbeddedCluster {
    /// Starts the postmaster unless it runs; adopts a running one when it listens where it should.
    func ensureRunning() async throws(PostgresError) {
        if let postmaster = Postmaster(layout) {
            if postmaster.socketDirectory == layout.socketDirectory {
                try await waitUntilReady()
                return
            }
            try await programs.run("pg_ctl", ["stop", "-D", layout.cluster, "-m", "fast", "-w", "-t", "120", "-s"])
        }
        try layout.prepare()
        try await waitForOrphans()
        try layout.write(settings: configuration.settings)
        try await programs.run(
            "pg_ctl", ["start", "-D", layout.cluster, "-l", layout.startLog, "-w", "-t", "300", "-s"],
            hint: "see \(layout.startLog)")
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

    private func waitUntilReady() async throws(PostgresError) {
        let deadline = ContinuousClock.now + .seconds(300)
        while Postmaster(layout)?.isReady != true {
            guard ContinuousClock.now < deadline, Postmaster(layout) != nil else {
                throw PostgresError(.embeddedCluster, "the adopted postmaster does not become ready")
            }
            try await pause()
        }
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
