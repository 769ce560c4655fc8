import AsyncHTTPClient
import Events
import Foundation
import JSON
import NIOHTTP1
import Testing

@testable import Lab

@Suite("LabServer")
struct LabServerTests {
    static let revoke: JSONValue = ["rule": LabWorldTests.rule]

    @Test("the state comes as canonical JSON with its SHA-256 as ETag")
    func state() async throws {
        try await RunningLab.with { lab in
            let answer = try await lab.send(.GET, "/v1/state")
            #expect(answer.status == 200)
            #expect(answer.bytes == LabWorld.standard.state.canonicalBytes())
            #expect(answer.headers.first(name: "ETag") == "\"\(Digest.sha256(answer.bytes).text)\"")
        }
    }

    @Test("an action and its undo leave the same ETag, and the journal says what was done")
    func actAndUndo() async throws {
        try await RunningLab.with { lab in
            let before = try await lab.send(.GET, "/v1/state")
            let done = try await lab.send(.POST, "/v1/security_groups/sg-0a1:revoke_ingress", Self.revoke, key: "\"a\"")
            #expect(done.status == 200)
            #expect(done.body["after"]?["rules"] == [])
            #expect(try await lab.send(.GET, "/v1/security_groups/sg-0a1").body == done.body["after"])
            let between = try await lab.send(.GET, "/v1/state")
            #expect(between.headers.first(name: "ETag") != before.headers.first(name: "ETag"))
            _ = try await lab.send(.POST, "/v1/security_groups/sg-0a1:authorize_ingress", Self.revoke, key: "b")
            let after = try await lab.send(.GET, "/v1/state")
            #expect(after.bytes == before.bytes)
            #expect(after.headers.first(name: "ETag") == before.headers.first(name: "ETag"))
            let journal = try #require(try await lab.send(.GET, "/v1/journal").body["items"]?.arrayValue)
            #expect(journal.map { $0["idempotency_key"] } == ["a", "b"])
            #expect(journal.first?["operation"] == "revoke_ingress")
            #expect(Instant(rfc3339: journal.first?["at"]?.stringValue ?? "") != nil)
        }
    }

    @Test("ids are decoded from the path: a slash, and colons of an IPv6 address")
    func encodedIDs() async throws {
        try await RunningLab.with { lab in
            #expect(try await lab.send(.GET, "/v1/pods/shop%2Fminer-7").body["image"] == "shop:1.2")
            let ended = try await lab.send(
                .POST, "/v1/pods/shop%2Fminer-7:terminate_process", ["name": "xmrig"], key: "a")
            #expect(ended.body["after"]?["processes"] == [])
            #expect(try await lab.send(.GET, "/v1/pods/shop/miner-7").status == 404)
            _ = try await lab.send(.POST, "/v1/blocked_ips/2001%3Adb8%3A%3A1:block", [:], key: "b")
            _ = try await lab.send(.POST, "/v1/blocked_ips/2001:db8::2:block", [:], key: "c")
            #expect(try await lab.send(.GET, "/v1/state").body["blocked_ips"] == ["2001:db8::1", "2001:db8::2"])
            #expect(try await lab.send(.GET, "/v1/blocked_ips/2001:db8::2").body == ["blocked": true])
        }
    }

    @Test("the probe finds what was applied, and nothing else")
    func probe() async throws {
        try await RunningLab.with { lab in
            #expect(try await lab.send(.GET, "/v1/operations/k-1").status == 404)
            let done = try await lab.send(.POST, "/v1/users/jdoe:disable", key: "k-1")
            #expect(try await lab.send(.GET, "/v1/operations/k-1").body == done.body)
        }
    }

    @Test(
        "mistakes are answered as problems",
        arguments: [
            (HTTPMethod.POST, "/v1/users/jdoe:disable", nil, 400, "idempotency-key-required"),
            (.POST, "/v1/users/nobody:disable", "k", 404, "not-found"),
            (.POST, "/v1/users/jdoe:explode", "k", 404, "not-found"),
            (.POST, "/v1/users/jdoe", "k", 405, "method-not-allowed"),
            (.DELETE, "/v1/state", nil, 405, "method-not-allowed"),
            (.GET, "/v1/robots/r2", nil, 404, "not-found"),
            (.GET, "/v2/state", nil, 404, "not-found"),
            (.GET, "/", nil, 404, "not-found"),
            (.GET, "/v1/hosts/%FF", nil, 404, "not-found"),
            (.POST, "/v1/faults", nil, 422, "validation-failed"),
        ] as [(HTTPMethod, String, String?, Int, String)])
    func problems(method: HTTPMethod, path: String, key: String?, status: Int, type: String) async throws {
        try await RunningLab.with { lab in
            let answer = try await lab.send(method, path, method == .POST ? [:] : nil, key: key)
            #expect(answer.status == UInt(status))
            #expect(answer.headers.first(name: "Content-Type") == "application/problem+json")
            #expect(answer.body["type"]?.stringValue == "urn:docket:problem:" + type)
            #expect(answer.body["status"] == .integer(Int64(status)))
        }
    }

    @Test("a hundred requests with one key at the same time have one effect")
    func concurrency() async throws {
        try await RunningLab.with { lab in
            let applied = try await withThrowingTaskGroup(of: JSONValue.self) { group in
                for _ in 0..<100 {
                    group.addTask { try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "same").body }
                }
                return try await group.reduce(into: [JSONValue]()) { $0.append($1["applied"] ?? .null) }
            }
            #expect(applied.filter { $0 == true }.count == 1)
            #expect(applied.filter { $0 == false }.count == 99)
            #expect(try await lab.send(.GET, "/v1/secrets/db").body == ["version": 2])
            let journal = try #require(try await lab.send(.GET, "/v1/journal").body["items"]?.arrayValue)
            #expect(journal.filter { $0["applied"] == true }.count == 1)
        }
    }

    @Test("refuse: a problem, and nothing applied; the next request passes")
    func refuse() async throws {
        try await RunningLab.with { lab in
            let laid = try await lab.send(
                .POST, "/v1/faults", ["kind": "secrets", "operation": "rotate", "fault": "refuse"])
            #expect(laid.status == 201)
            let refused = try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k")
            #expect(refused.status == 409)
            #expect(try await lab.send(.GET, "/v1/operations/k").status == 404)
            #expect(try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k").body["applied"] == true)
        }
    }

    @Test(
        "drop: the connection ends without an answer; what was applied is known to the probe",
        arguments: [("drop_before_apply", 404, true), ("drop_after_apply", 200, false)])
    func drop(fault: String, probed: Int, applied: Bool) async throws {
        try await RunningLab.with { lab in
            _ = try await lab.send(
                .POST, "/v1/faults", ["kind": "secrets", "operation": "rotate", "fault": .string(fault)])
            await #expect(throws: HTTPClientError.remoteConnectionClosed) {
                try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k")
            }
            #expect(try await lab.send(.GET, "/v1/operations/k").status == UInt(probed))
            let again = try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k")
            #expect(again.body["applied"] == .bool(applied))
            #expect(try await lab.send(.GET, "/v1/secrets/db").body == ["version": 2])
        }
    }

    @Test("delay: the answer comes, later")
    func delay() async throws {
        try await RunningLab.with { lab in
            _ = try await lab.send(
                .POST, "/v1/faults",
                ["kind": "secrets", "operation": "rotate", "fault": "delay", "delay_ms": 120])
            let start = ContinuousClock.now
            #expect(try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k").body["applied"] == true)
            #expect(ContinuousClock.now - start >= .milliseconds(120))
        }
    }

    @Test("faults strike as often as told and can be taken away")
    func faultTimes() async throws {
        try await RunningLab.with { lab in
            let fault: JSONValue = ["kind": "secrets", "operation": "rotate", "fault": "refuse", "times": 2]
            _ = try await lab.send(.POST, "/v1/faults", fault)
            for expected in [409, 409, 200] as [UInt] {
                #expect(try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k").status == expected)
            }
            _ = try await lab.send(.POST, "/v1/faults", fault)
            #expect(try await lab.send(.DELETE, "/v1/faults").status == 204)
            #expect(try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "l").status == 200)
        }
    }

    @Test("putting an object makes drift and leaves the journal alone; putting the state clears everything")
    func put() async throws {
        try await RunningLab.with { lab in
            _ = try await lab.send(.POST, "/v1/secrets/db:rotate", [:], key: "k")
            let put = try await lab.send(.PUT, "/v1/secrets/db", ["version": 9])
            #expect(put.body == ["version": 9])
            #expect(try await lab.send(.GET, "/v1/journal").body["items"]?.arrayValue?.count == 1)
            let whole = try await lab.send(.PUT, "/v1/state", LabWorld.standard.state)
            #expect(whole.bytes == LabWorld.standard.state.canonicalBytes())
            #expect(try await lab.send(.GET, "/v1/journal").body["items"] == [])
            #expect(try await lab.send(.GET, "/v1/operations/k").status == 404)
        }
    }

    @Test("tickets and notifications are created once per key")
    func create() async throws {
        try await RunningLab.with { lab in
            for kind in ["tickets", "notifications"] {
                let made = try await lab.send(.POST, "/v1/\(kind)", ["title": "port open"], key: kind)
                #expect(
                    try await lab.send(.POST, "/v1/\(kind)", ["title": "port open"], key: kind).body["applied"] == false
                )
                let id = try #require(made.body["output"]?["id"]?.stringValue)
                #expect(try await lab.send(.GET, "/v1/\(kind)/\(id)").body["title"] == "port open")
            }
        }
    }

    @Test("a restart finds state, journal, recorded answers, faults and what release restores")
    func restart() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("lab-\(UUID().uuidString)/state").path
        defer { try? FileManager.default.removeItem(atPath: (file as NSString).deletingLastPathComponent) }
        let (state, journal) = try await RunningLab.with(stateFile: file) { lab in
            _ = try await lab.send(.POST, "/v1/hosts/web-1:isolate", [:], key: "a")
            _ = try await lab.send(.PUT, "/v1/secrets/db", ["version": 5])
            _ = try await lab.send(
                .POST, "/v1/faults", ["kind": "users", "operation": "disable", "fault": "refuse", "times": 1])
            return (try await lab.send(.GET, "/v1/state").bytes, try await lab.send(.GET, "/v1/journal").bytes)
        }
        // A change cut off in the middle of writing was never answered.
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"put":{"kind":"secrets","id":"db","val"#.utf8))
        try handle.close()
        for _ in 0..<2 {
            try await RunningLab.with(stateFile: file) { lab async throws -> Void in
                #expect(try await lab.send(.GET, "/v1/state").bytes == state)
                #expect(try await lab.send(.GET, "/v1/journal").bytes == journal)
                #expect(try await lab.send(.GET, "/v1/operations/a").status == 200)
            }
        }
        try await RunningLab.with(stateFile: file) { lab in
            #expect(try await lab.send(.POST, "/v1/users/jdoe:disable", [:], key: "b").status == 409)
            #expect(try await lab.send(.POST, "/v1/hosts/web-1:isolate", [:], key: "a").body["applied"] == false)
            _ = try await lab.send(.POST, "/v1/hosts/web-1:release", [:], key: "c")
            #expect(try await lab.send(.GET, "/v1/hosts/web-1").body == LabWorld.standard.object(.hosts, "web-1"))
        }
    }

    @Test("a file that holds no lab is refused, not overwritten")
    func foreignFile() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("lab-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("{\"hello\":1}\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect { _ = try LabServer(stateFile: file) } throws: { ($0 as? LabError)?.code == .storage }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "{\"hello\":1}\n")
    }

    @Test(
        "only loopback addresses are listened on",
        arguments: [
            ("127.0.0.1:9090", true), ("127.8.8.8:0", true), ("[::1]:0", true), ("localhost:1", true),
            ("0.0.0.0:9090", false), ("10.0.0.1:9090", false), ("[::]:9090", false), ("example.org:80", false),
            ("127.0.0.1.example.org:80", false), ("127.0.0.1", false), ("127.0.0.1:70000", false), (":80", false),
        ])
    func loopback(listen: String, allowed: Bool) {
        if allowed {
            #expect(throws: Never.self) { try LabServer.loopback(listen) }
        } else {
            #expect(throws: LabError.self) { try LabServer.loopback(listen) }
        }
    }
}
