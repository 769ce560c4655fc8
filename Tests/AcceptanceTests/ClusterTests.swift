import Foundation
import JSON
import NIOHTTP1
import Postgres
import Synchronization
import Testing

/// The private PostgreSQL goes under a running server, in every way that it can.
@Suite("The private PostgreSQL under a server", .timeLimit(.minutes(30)), .serialized)
struct ClusterTests {
    static let signals: [(name: String, number: Int32)] = [
        ("smart", SIGTERM), ("fast", SIGINT), ("immediate", SIGQUIT), ("killed", SIGKILL),
    ]

    /// What `/readyz` may say meanwhile.
    static let details: Set<String> = [
        "does not answer", "the private database is not ready: it is started",
        "the private database is not ready: it is started and recovers",
        "the private database is not ready: it was told to end; it is started again",
    ]

    @Test("the server says so, waits, and goes on; what was acknowledged is there", arguments: signals.indices)
    func goes(index: Int) async throws {
        try await Installation.with { place, server in
            let siem = place.client("siem", server)
            let first = try await siem(.POST, "/v1/alerts", try place.alert())
            #expect(first.status == 201)
            let file = try String(contentsOfFile: place.folder.path + "/postgres/postmaster.pid", encoding: .utf8)
            let postmaster = try #require(file.split(separator: "\n").first.flatMap { Int32($0) })
            #expect(kill(postmaster, Self.signals[index].number) == 0)

            // It says so while it lasts; where it was over before it was asked, its log says so.
            let open = Client(base: server.baseURL)
            var told: [String] = []
            while true {
                let ready = try await open(.GET, "/readyz")
                if ready.status == 503 {
                    let checks = ready.json["checks"]?.arrayValue ?? []
                    told += checks.filter { $0["ok"] == false }.compactMap { $0["detail"]?.stringValue }
                }
                let isBack = server.errors.components(separatedBy: "the private database is ready").count > 2
                if ready.status == 200, isBack { break }
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(server.errors.contains("the private database is not ready"))
            #expect(Set(told).isSubset(of: Self.details), "\(Set(told))")

            let second = try await siem(.POST, "/v1/alerts", try place.alert())
            #expect(second.status == 201, "\(second.json)")
            let kept = try await place.client("alice", server).wait(
                "/v1/alerts/\(first.json["alert_id"]?.stringValue ?? "")"
            ) { $0["title"] != nil }
            #expect(kept["title"] != nil)
        }
    }

    @Test(
        "one that stops answering is told from one that is slow: /readyz says so, requests end, and so does the server")
    func silent() async throws {
        try await Installation.with { place, server in
            let siem = place.client("siem", server)
            let open = Client(base: server.baseURL)
            let processes = try Self.processes(of: place)
            func signal(_ number: Int32) { for process in processes { kill(process, number) } }

            signal(SIGSTOP)
            // Whoever asks is answered: the connection that the server still believes in is given up.
            let refused = try await siem(.POST, "/v1/alerts", try place.alert())
            #expect(refused.status == 503)
            let ready = try await open(.GET, "/readyz")
            #expect(ready.status == 503)
            let failing = (ready.json["checks"]?.arrayValue ?? []).filter { $0["ok"] == false }
            #expect(failing.compactMap { $0["detail"]?.stringValue } == ["does not answer"])
            #expect(try await open(.GET, "/metrics").status == 200)

            signal(SIGCONT)
            while try await open(.GET, "/readyz").status != 200 { try await Task.sleep(for: .milliseconds(50)) }
            #expect([200, 201].contains(try await siem(.POST, "/v1/alerts", try place.alert()).status))

            let others = try Self.processes(of: place)
            for process in others { kill(process, SIGSTOP) }
            kill(server.processID, SIGTERM)
            while server.isRunning { try await Task.sleep(for: .milliseconds(50)) }
            #expect(server.errors.contains("the database answers nobody"))
            for process in others { kill(process, SIGCONT) }
            // The next command finds a cluster that goes on, or one that it starts again.
            let list = try await Program.run(["tenant", "list", "--data-dir", place.folder.path])
            #expect(list.status == 0, "\(list.errors)")
        }
    }

    @Test("reads that wait for a locked projection leave intake its connections")
    func locked() async throws {
        try await Installation.with { place, server in
            let found = try EmbeddedCluster.connectionString(ifRunningIn: place.folder.path)
            let database = Database(try #require(found))
            let holder = Task {
                try await database.transaction(retry: .none) { tx throws(PostgresError) in
                    try tx.run(
                        script: """
                            SET LOCAL statement_timeout = 0;
                            LOCK TABLE projection.cases_v1 IN ACCESS EXCLUSIVE MODE;
                            SELECT pg_sleep(600);
                            """)
                }
            }
            let isLocked: Query = """
                SELECT EXISTS (SELECT FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'
                                  AND relation = 'projection.cases_v1'::regclass)
                """
            while try await !database.value(isLocked, as: Bool.self) { try await Task.sleep(for: .milliseconds(20)) }
            let answered = Answers()
            try await withThrowingTaskGroup(of: Void.self) { group in
                // One fewer than the connections that the client makes to one server.
                for _ in 0..<7 {
                    group.addTask {
                        let answer = try await place.client("alice", server)(.GET, "/v1/cases")
                        answered.note()
                        #expect(answer.status == 503 && answer.json["reason"] == "database_busy", "\(answer.json)")
                    }
                }
                // All of the readers' connections wait for the lock.
                let waiting: Query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                while try await database.value(waiting, as: Int64.self) < 7 {
                    try await Task.sleep(for: .milliseconds(5))
                }
                let taken = try await place.client("siem", server)(.POST, "/v1/alerts", try place.alert())
                #expect(taken.status == 201)
                #expect(answered.count == 0)
                try await group.waitForAll()
            }
            holder.cancel()
            _ = await holder.result
            await database.close()
        }
    }

    /// The postmaster and what it has started.
    private static func processes(of place: Installation) throws -> [Int32] {
        let file = try String(contentsOfFile: place.folder.path + "/postgres/postmaster.pid", encoding: .utf8)
        let postmaster = try #require(file.split(separator: "\n").first.flatMap { Int32($0) })
        let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        return [postmaster]
            + all.filter { process in
                // A process may end while it is looked at.
                let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
                return status.contains("\nPPid:\t\(postmaster)\n")
            }
    }
}

private final class Answers: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .relaxed) }
    func note() { value.add(1, ordering: .relaxed) }
}
