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
            first.forsake()
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
            while cluster.postmasterID != nil { try await Task.sleep(for: .milliseconds(5)) }
            try await cluster.ensureRunning()
            #expect(cluster.postmasterID != pid)
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
            while cluster.postmasterID != nil { try await Task.sleep(for: .milliseconds(5)) }
            try await cluster.ensureRunning()
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
            let deadline = ContinuousClock.now + .seconds(30)
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
