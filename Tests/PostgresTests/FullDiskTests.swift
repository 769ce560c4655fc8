import Foundation
import Glibc
import Testing

@testable import Postgres

/// A small file system of its own, which only root may mount.
enum SmallDisk {
    static let isMountable: Bool = {
        let folder = "/tmp/docket-mount-\(UUID().uuidString.prefix(8))"
        guard mkdir(folder, 0o755) == 0 else { return false }
        defer { rmdir(folder) }
        guard mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0 else { return false }
        return umount2(folder, Int32(MNT_DETACH)) == 0
    }()

    static func with(megabytes: Int, _ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/docket-disk-\(UUID().uuidString.prefix(8))"
        try #require(mkdir(folder, 0o755) == 0)
        try #require(mount("tmpfs", folder, "tmpfs", 0, "size=\(megabytes)m,mode=0755") == 0)
        defer {
            umount2(folder, Int32(MNT_DETACH))
            rmdir(folder)
        }
        try await body(folder)
    }

    /// Takes all the room that is left. - Returns: the file to remove.
    static func fill(_ folder: String) throws -> String {
        let path = folder + "/ballast"
        let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 4_096)
        while write(descriptor, block, block.count) > 0 {}
        #expect(errno == ENOSPC)
        return path
    }
}

@Suite(
    "A private cluster on a full disk", .serialized,
    .enabled(if: SmallDisk.isMountable, "mounting a small tmpfs needs root"))
struct FullDiskTests {
    private func rows(_ cluster: EmbeddedCluster) async throws -> Int {
        let database = Database(cluster.connectionString)
        do {
            let value = try await database.value("SELECT count(*) FROM t", as: Int.self)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }

    private func waitUntilRunning(_ cluster: EmbeddedCluster) async throws {
        // A guard against a hang only.
        let deadline = ContinuousClock.now + .seconds(300)
        while true {
            do {
                if cluster.state == .running, try await rows(cluster) > 0 { return }
            } catch let error as PostgresError {
                try #require(ContinuousClock.now < deadline, "\(cluster.state), \(error)")
            }
            try #require(ContinuousClock.now < deadline, "\(cluster.state)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("what was committed is there when there is room again, and the cluster comes back by itself")
    func comesBack() async throws {
        try await SmallDisk.with(megabytes: 256) { disk in
            let cluster = try await EmbeddedCluster.start(.init(dataDirectory: disk + "/c"))
            let database = Database(cluster.connectionString)
            try await database.execute("CREATE TABLE t (n int, text text)")
            let batch: Query = "INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 1000) AS g"
            try await database.execute(batch)
            var committed = 1_000
            let ballast = try SmallDisk.fill(disk)
            var refusal: PostgresError?
            while refusal == nil {
                do throws(PostgresError) {
                    try await database.execute(batch)
                    committed += 1_000
                } catch {
                    refusal = error
                }
            }
            // A table that cannot grow is refused; a write-ahead log that cannot grow takes the server down.
            let isTold = refusal?.sqlState == "53100" || refusal.map { PostgresError.isConnectionGone($0) } == true
            #expect(isTold, "\(String(describing: refusal))")
            if let pid = cluster.postmasterID { kill(pid, SIGKILL) }
            var isWaiting = false
            let deadline = ContinuousClock.now + .seconds(120)
            while !isWaiting, ContinuousClock.now < deadline {
                if case .starting = cluster.state { isWaiting = true }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(isWaiting)
            #expect(unlink(ballast) == 0)
            try await waitUntilRunning(cluster)
            #expect(try await rows(cluster) >= committed)
            await database.close()
            try await cluster.stop()
        }
    }

    @Test("a cluster that is started on a full disk says what is missing")
    func cannotStart() async throws {
        try await SmallDisk.with(megabytes: 8) { disk in
            do throws(PostgresError) {
                let cluster = try await EmbeddedCluster.start(.init(dataDirectory: disk + "/c"))
                try await cluster.stop()
                Issue.record("8 MiB are no room for a cluster")
            } catch {
                #expect(error.code == .embeddedCluster)
                #expect("\(error)".contains("No space left on device"), "\(error)")
            }
        }
    }
}
