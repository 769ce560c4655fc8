import Foundation
import Glibc
import Testing

@testable import Postgres

@Suite(.serialized) struct EmbeddedClusterTests {
    private func withDirectory(_ name: String = "c", _ body: (String) async throws -> Void) async throws {
        let root = "/tmp/docket-cluster-\(getpid())-\(UUID().uuidString.prefix(8))"
        defer {
            do { try FileManager.default.removeItem(atPath: root) } catch { Issue.record(error) }
        }
        try await body(root + "/" + name)
    }

    private func count(_ cluster: EmbeddedCluster) async throws -> Int {
        let database = Database(cluster.connectionString)
        let value = try await database.value("SELECT count(*) FROM t", as: Int.self)
        await database.close()
        return value
    }

    private func fill(_ cluster: EmbeddedCluster) async throws {
        let database = Database(cluster.connectionString)
        try await database.execute("CREATE TABLE t AS SELECT 1 AS a")
        await database.close()
    }

    /// Waits until the watch has put another postmaster in the place of one. The deadline guards against a hang only.
    private func waitForAnother(than gone: Int32, _ cluster: EmbeddedCluster) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while cluster.state != .running || cluster.postmasterID == nil || cluster.postmasterID == gone {
            try #require(ContinuousClock.now < deadline, "\(cluster.state)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Counts the rows, once the cluster answers.
    private func countWhenReady(_ cluster: EmbeddedCluster) async throws -> Int {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            do {
                return try await count(cluster)
            } catch let error as PostgresError {
                try #require(ContinuousClock.now < deadline, "\(cluster.state), \(error)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Ways in which a postmaster goes, by the signal that it gets (PostgreSQL manual, "Shutting Down the Server").
    enum End: Int32, CaseIterable, Sendable {
        case smart = 15
        case fast = 2
        case immediate = 3
        case killed = 9
    }

    @Test(
        "however the postmaster goes, another one is there soon, also while somebody is connected",
        arguments: End.allCases)
    func ends(end: End) async throws {
        try await withDirectory { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            // A client that stays: a polite end would wait for it for ever.
            let client = Database(cluster.connectionString)
            #expect(try await client.value("SELECT 1", as: Int32.self) == 1)
            let pid = try #require(cluster.postmasterID)
            #expect(kill(pid, end.rawValue) == 0)
            try await waitForAnother(than: pid, cluster)
            #expect(try await countWhenReady(cluster) == 1)
            await client.close()
            try await cluster.stop()
            #expect(cluster.postmasterID == nil)
            #expect(cluster.state == .stopped)
        }
    }

    @Test(
        "a postmaster that is on its way down when the next owner comes is waited for, not adopted",
        arguments: End.allCases)
    func goingDown(end: End) async throws {
        try await withDirectory { directory in
            let configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            let first = try await EmbeddedCluster.start(configuration)
            try await fill(first)
            let client = Database(first.connectionString)
            _ = try await client.value("SELECT 1", as: Int32.self)
            let pid = try #require(first.postmasterID)
            await first.forsake()
            #expect(kill(pid, end.rawValue) == 0)
            let second = try await EmbeddedCluster.start(configuration)
            try await waitForAnother(than: pid, second)
            #expect(try await countWhenReady(second) == 1)
            await client.close()
            try await second.stop()
        }
    }

    @Test("a postmaster that goes while it recovers is started again, and recovers", arguments: End.allCases)
    func duringRecovery(end: End) async throws {
        try await withDirectory { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            var gone = try #require(cluster.postmasterID)
            // The first crash makes the next start a recovery; the ends that follow hit starts and recoveries.
            #expect(kill(gone, SIGKILL) == 0)
            for _ in 0..<3 {
                let deadline = ContinuousClock.now + .seconds(120)
                let before = gone
                while gone == before {
                    try #require(ContinuousClock.now < deadline)
                    // As soon as it is there: it starts or recovers.
                    gone = cluster.postmasterID ?? before
                    try await Task.sleep(for: .milliseconds(1))
                }
                kill(gone, end.rawValue)
            }
            try await waitForAnother(than: gone, cluster)
            #expect(try await countWhenReady(cluster) == 1)
            try await cluster.stop()
        }
    }

    @Test("it starts, keeps its data over a restart, and runs with default durability on a private socket only")
    func restart() async throws {
        try await withDirectory { directory in
            let configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            let first = try await EmbeddedCluster.start(configuration)
            try await fill(first)
            let database = Database(first.connectionString)
            let settings = try await database.query(
                """
                SELECT name || '=' || setting FROM pg_settings
                WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'server_encoding')
                ORDER BY name
                """
            ) { row throws(PostgresError) in try row[0] as String }
            await database.close()
            #expect(
                settings == [
                    "fsync=on", "full_page_writes=on", "listen_addresses=", "server_encoding=UTF8",
                    "synchronous_commit=on",
                ])
            #expect(try EmbeddedCluster.connectionString(ifRunningIn: directory) == first.connectionString)
            try await first.stop()
            #expect(try EmbeddedCluster.connectionString(ifRunningIn: directory) == nil)
            let second = try await EmbeddedCluster.start(configuration)
            #expect(try await count(second) == 1)
            try await second.stop()
        }
    }

    @Test("a second owner is refused, and told who the first one is")
    func secondOwner() async throws {
        try await withDirectory { directory in
            let configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            let first = try await EmbeddedCluster.start(configuration)
            do throws(PostgresError) {
                _ = try await EmbeddedCluster.start(configuration)
                Issue.record("two owners")
            } catch {
                #expect(error.code == .embeddedCluster)
                #expect(error.description.contains("in use by process \(getpid())"))
            }
            try await first.stop()
        }
    }

    @Test("the cluster of an owner that was killed is adopted as it runs")
    func adoption() async throws {
        try await withDirectory { directory in
            let configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            let first = try await EmbeddedCluster.start(configuration)
            try await fill(first)
            let pid = first.postmasterID
            await first.forsake()
            let second = try await EmbeddedCluster.start(configuration)
            #expect(second.postmasterID == pid)
            #expect(pid != nil)
            #expect(try await count(second) == 1)
            try await second.stop()
            #expect(second.postmasterID == nil)
        }
    }

    @Test("a postmaster that was killed is started again, with what was committed")
    func postmasterKilled() async throws {
        try await withDirectory { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            let pid = try #require(cluster.postmasterID)
            #expect(kill(pid, SIGKILL) == 0)
            try await waitForAnother(than: pid, cluster)
            #expect(try await count(cluster) == 1)
            try await cluster.stop()
        }
    }

    @Test("a process that outlives its killed postmaster and never ends by itself does not keep the next from starting")
    func orphans() async throws {
        try await withDirectory { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            let postmaster = try #require(cluster.postmasterID)
            let others = Postmaster.servers(in: directory + "/postgres").filter { $0 != postmaster }
            // It does not notice that its postmaster is gone, like one that waits for a lock of a killed process.
            let stuck = try #require(others.first)
            #expect(kill(stuck, SIGSTOP) == 0)
            #expect(kill(postmaster, SIGKILL) == 0)
            try await waitForAnother(than: postmaster, cluster)
            #expect(!Postmaster.servers(in: directory + "/postgres").contains(stuck))
            #expect(try await count(cluster) == 1)
            try await cluster.stop()
        }
    }

    @Test("as a service it watches over its postmaster, and stops it when it is told to end")
    func service() async throws {
        try await withDirectory { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            let service = Task { try await cluster.run() }
            let pid = try #require(cluster.postmasterID)
            #expect(kill(pid, SIGKILL) == 0)
            let deadline = ContinuousClock.now + .seconds(120)
            while cluster.postmasterID == nil || cluster.postmasterID == pid {
                try #require(ContinuousClock.now < deadline)
                try await Task.sleep(for: .milliseconds(20))
            }
            // `pg_ctl start -w` is still at work; ending now must stop what it starts.
            service.cancel()
            try await service.value
            #expect(cluster.postmasterID == nil)
        }
    }

    @Test("a postmaster.pid that names a stranger does not keep the cluster from starting")
    func staleFile() async throws {
        try await withDirectory { directory in
            let configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
            let first = try await EmbeddedCluster.start(configuration)
            let file = directory + "/postgres/postmaster.pid"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try await first.stop()
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            lines[0] = String(getpid())
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let second = try await EmbeddedCluster.start(configuration)
            #expect(second.postmasterID != getpid())
            try await second.stop()
        }
    }

    @Test("a data directory too deep for a socket gets one in a short, private directory")
    func longPath() async throws {
        try await withDirectory(String(repeating: "deep/", count: 20) + "end") { directory in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
            try await fill(cluster)
            #expect(try await count(cluster) == 1)
            #expect(try EmbeddedCluster.connectionString(ifRunningIn: directory) == cluster.connectionString)
            let socket = try ClusterLayout(dataDirectory: directory, account: .current()).socketDirectory
            #expect(!socket.hasPrefix(directory))
            let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            try await cluster.stop()
            #expect(!FileManager.default.fileExists(atPath: socket))
        }
    }
}
