import Foundation
import JSON
import NIOHTTP1
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
}
