import Foundation
import Glibc
import Postgres

/// The throw-away cluster of a test process, started by the first test that needs it.
///
/// Durability is off: nothing in it outlives the process. A test of durability starts an `EmbeddedCluster` of its own.
actor TestCluster {
    static let shared = TestCluster()

    private var starting: Task<Running, any Error>?
    private var templates: [String: Task<String, any Error>] = [:]
    private var lastNumber = 0
    private var free = 6
    private var waiting: [CheckedContinuation<Void, Never>] = []

    private struct Running: Sendable {
        let cluster: EmbeddedCluster
        let administration: Database
        let watchdog: Watchdog
    }

    /// Clones the template, lends the clone, drops it. Only a few at once: swift-testing starts every test together,
    /// and a server has a limit of connections.
    func withDatabase(
        template: String, prepare: @escaping @Sendable (Database) async throws -> Void,
        _ body: @Sendable (TestDatabase) async throws -> Void
    ) async throws {
        await enter()
        defer { leave() }
        let running = try await running()
        let source = try await prepared(template, running, prepare)
        lastNumber += 1
        let name = "test_\(lastNumber)"
        try await running.administration.execute("CREATE DATABASE \(unescaped: name) TEMPLATE \(unescaped: source)")
        let current = lent(name, running)
        do {
            try await body(current)
        } catch {
            await current.database.close()
            try await running.administration.execute("DROP DATABASE \(unescaped: name) WITH (FORCE)")
            throw error
        }
        await current.database.close()
        try await running.administration.execute("DROP DATABASE \(unescaped: name) WITH (FORCE)")
    }

    private func lent(_ name: String, _ running: Running) -> TestDatabase {
        let connectionString = running.cluster.connectionString + " dbname=\(name)"
        return TestDatabase(database: Database(connectionString), connectionString: connectionString)
    }

    private func prepared(
        _ template: String, _ running: Running, _ prepare: @escaping @Sendable (Database) async throws -> Void
    ) async throws -> String {
        if let task = templates[template] { return try await task.value }
        let name = "template_\(templates.count)"
        let source = lent(name, running)
        let task = Task {
            try await running.administration.execute("CREATE DATABASE \(unescaped: name)")
            try await prepare(source.database)
            // A database that somebody is connected to cannot be cloned.
            await source.database.close()
            return name
        }
        templates[template] = task
        return try await task.value
    }

    private func running() async throws -> Running {
        if let starting { return try await starting.value }
        let task = Task {
            let directory = "/tmp/docket-test-\(getpid())"
            let watchdog = try Watchdog(directory: directory)
            var configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            configuration.settings = [
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200",
            ]
            let cluster = try await EmbeddedCluster.start(configuration)
            return Running(
                cluster: cluster, administration: Database(cluster.connectionString), watchdog: watchdog)
        }
        starting = task
        return try await task.value
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}

/// Removes the cluster when the test process ends, however it ends: a shell that waits for the end of a pipe whose other
/// end only this process holds.
private final class Watchdog: Sendable {
    private let end: Int32

    init(directory: String) throws {
        var ends: [Int32] = [0, 0]
        // Not inherited by the server, which would keep the pipe open for ever.
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
        else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        end = ends[1]
        let script = """
            trap '' INT TERM HUP
            read -r _
            pid=$(head -n 1 "$1/postgres/postmaster.pid" 2>/dev/null)
            [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null
            for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
            rm -rf "$1"
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, "sh", directory]
        process.standardInput = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit { close(end) }
}
