import Cases
import Content
import Detection
import Foundation
import Gzip
import HTTPTypes
import JSON
import Reactors
import Testing

@testable import Server

extension TestServer {
    fileprivate func send(
        _ method: HTTPRequest.Method, _ path: String, as role: Role, body: [UInt8], type: String,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        headers[.contentType] = type
        return try await send(method, path, as: .role(role), bytes: body, headers: headers)
    }
}

@Suite("POST /v1/telemetry", .served, .timeLimit(.minutes(25)))
struct TelemetryRouteTests {
    static let rule = """
        title: Backup Deleted
        id: 5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        logsource: {product: backup}
        detection: {selection: {action: delete}, condition: selection}
        level: high
        """

    private func counts(_ answer: Answer) -> [String: Int64] {
        (answer.json["counts"]?.objectValue ?? [:]).compactMapValues(\.int64Value)
    }

    @Test("counts what it received, and creates alerts that can be read, with their raw bytes")
    func counting() async throws {
        try await TestServer.run { server in
            let published = try await server.send(
                .post, "/v1/rules", as: .admin, body: Array(Self.rule.utf8), type: "application/yaml")
            #expect(published.status == 201, "\(published.json)")
            let lines = [
                #"{"action":"delete","user":"eve","time":"2026-11-21T02:00:00Z"}"#, "", "broken",
                #"{"action":"list"}"#, #"{"action":"delete","user":"eve","time":"2026-11-21T02:00:00Z"}"#,
            ]
            let answer = try await server.send(
                .post, "/v1/telemetry?product=backup", as: .ingest, body: Array(lines.joined(separator: "\n").utf8),
                type: "application/x-ndjson")
            #expect(answer.status == 202)
            #expect(
                counts(answer) == [
                    "received": 4, "matched": 2, "unmatched": 1, "dead_lettered": 1, "matches": 2, "alerts_created": 1,
                    "alerts_duplicate": 1,
                ])
            let rules = try await server.get("/v1/rules?limit=500", as: .role(.admin))
            let activity = (rules.json["items"]?.arrayValue ?? []).first { $0["pack"] == "tenant" }?["activity"]
            // Read, not evaluated: the record without the rule's literal. A broken one is no record.
            #expect(activity?["records"] == 3 && activity?["evaluations"] == 2 && activity?["matches"] == 2)
            try await server.project()
            let alerts = try await server.get("/v1/alerts?source=sigma", as: .role(.analyst))
            let id = try #require(alerts.json.at("/items/0/id")?.stringValue)
            let raw = try await server.get("/v1/alerts/\(id)/raw", as: .role(.analyst))
            #expect(raw.bytes == Array(lines[0].utf8))
            let other = try await server.get(
                "/v1/alerts/\(id)/raw?digest=sha256:\(String(repeating: "0", count: 64))", as: .role(.analyst))
            #expect(other.status == 404)
            let letters = try await server.get("/v1/ingest/dead_letters", as: .role(.analyst))
            #expect(letters.json.at("/items/0/logsource") == "product=backup")
            let letter = try #require(letters.json.at("/items/0/id")?.stringValue)
            let retried = try await server.send(
                .post, "/v1/ingest/dead_letters/\(letter):retry", as: .analyst, body: Array("{}".utf8),
                type: "application/json")
            #expect(retried.json["status"] == "dead_lettered" && counts(retried)["received"] == 1)
        }
    }

    @Test("takes arrays, single documents and gzip; refuses other types, broken arrays and unknown parameters")
    func forms() async throws {
        try await TestServer.run { server in
            func send(
                _ text: [UInt8], _ type: String = "application/json", _ headers: HTTPFields = [:],
                path: String = "/v1/telemetry?product=backup"
            ) async throws -> Answer {
                try await server.send(.post, path, as: .ingest, body: text, type: type, headers: headers)
            }
            #expect(counts(try await send(Array(#"[{"a":1},{"a":2}]"#.utf8)))["received"] == 2)
            #expect(counts(try await send(Array("{\n\"a\":1\n}".utf8)))["received"] == 1)
            let packed = try Gzip.deflate(Array("{}\n{}\n{}".utf8))
            let unpacked = try await send(packed, "application/x-ndjson", [.contentEncoding: "gzip"])
            #expect(counts(unpacked)["received"] == 3)
            #expect(try await send([0x7B], "text/csv").status == 415)
            #expect(try await send(Array("[{}".utf8)).status == 400)
            #expect(try await send([], path: "/v1/telemetry?colour=red").status == 400)
            #expect(counts(try await send([], "application/x-ndjson"))["received"] == 0)
            let bomb = try Gzip.deflate([UInt8](repeating: 0x20, count: 40 << 20))
            #expect(
                try await send(bomb, "application/x-ndjson", [.contentEncoding: "gzip"]).status == 413)
            let refused = try await server.send(
                .post, "/v1/telemetry", as: .analyst, body: [], type: "application/x-ndjson")
            #expect(refused.status == 403)
        }
    }

    @Test("beyond its places it answers 503 with Retry-After")
    func places() async throws {
        try await TestServer.run(configuration: ServerConfiguration(largeBodiesMaximum: 0)) { server in
            let answer = try await server.send(
                .post, "/v1/telemetry", as: .ingest, body: [], type: "application/x-ndjson")
            #expect(answer.status == 503)
            #expect(answer.json["type"] == "urn:docket:problem:queue-full")
            #expect(answer.headers[.retryAfter] == "1")
        }
    }

    @Test("a body beyond its limit is refused")
    func size() async throws {
        let configuration = ServerConfiguration(limits: RequestLimits(telemetryBytes: 100))
        try await TestServer.run(configuration: configuration) { server in
            let answer = try await server.send(
                .post, "/v1/telemetry", as: .ingest, body: [UInt8](repeating: 0x20, count: 101),
                type: "application/x-ndjson")
            #expect(answer.status == 413)
        }
    }

    @Test("a line beyond 1 MiB, depth 65, invalid UTF-8 and integers beyond 2^53 are counted and kept")
    func hostile() async throws {
        try await TestServer.run { server in
            let long = Array("{\"a\":\"".utf8) + [UInt8](repeating: 0x78, count: 1 << 20) + Array("\"}".utf8)
            let deep = Array((String(repeating: "{\"a\":", count: 70) + "1" + String(repeating: "}", count: 70)).utf8)
            let lines: [[UInt8]] = [
                long, deep, [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], Array(#"{"k":-9223372036854775808}"#.utf8),
                Array(#"{"k":99999999999999999999999999}"#.utf8), Array("{\"k\":\"\u{0}\"}".utf8),
                Array(#"{"k":"\ud800"}"#.utf8),
            ]
            let answer = try await server.send(
                .post, "/v1/telemetry?product=backup", as: .ingest, body: Array(lines.joined(separator: [0x0A])),
                type: "application/x-ndjson")
            let found = counts(answer)
            #expect(found["received"] == 7 && found["dead_lettered"] == 4 && found["unmatched"] == 3, "\(found)")
            try await server.project()
            let letters = try await server.get("/v1/ingest/dead_letters", as: .role(.analyst)).json
            #expect(letters["items"]?.arrayValue?.count == 4)
            #expect(
                letters["items"]?.arrayValue?.contains { $0.at("/raw/size") == .integer(Int64(long.count)) } == true)
        }
    }
}

@Suite("/v1/rules", .served, .timeLimit(.minutes(25)))
struct RuleRouteTests {
    private static let yaml = TelemetryRouteTests.rule

    @Test("a rule is published, versioned, read with its text, listed by pages, and retired")
    func life() async throws {
        try await TestServer.run { server in
            func publish(_ text: String) async throws -> Answer {
                try await server.send(.post, "/v1/rules", as: .admin, body: Array(text.utf8), type: "application/yaml")
            }
            #expect(try await publish(Self.yaml).status == 201)
            #expect(try await publish(Self.yaml).status == 200)
            let changed = try await publish(Self.yaml.replacing("high", with: "critical"))
            #expect(changed.status == 201 && changed.json.at("/items/0/version") == 2)
            let id = "5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11"
            let read = try await server.get("/v1/rules/\(id)", as: .role(.auditor))
            #expect(read.json["level"] == "critical" && read.json["pack"] == "tenant")
            #expect(read.json["text"]?.stringValue?.contains("Backup Deleted") == true)
            let foreign = try await server.get("/v1/rules/\(id)", as: .stranger(.analyst))
            #expect(foreign.status == 404)
            var seen: [String] = []
            var cursor: String?
            repeat {
                let path = "/v1/rules?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")
                let page = try await server.get(path, as: .role(.analyst)).json
                seen += (page["items"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
                cursor = page["next_cursor"]?.stringValue
            } while cursor != nil
            #expect(seen == seen.sorted() && Set(seen).count == seen.count && seen.contains(id))
            let retired = try await server.send(
                .post, "/v1/rules/\(id):retire", as: .admin,
                body: Array(#"{"reason":"It was only a test."}"#.utf8), type: "application/json")
            #expect(retired.status == 200 && retired.json["state"] == "retired")
            let listed = try await server.get("/v1/rules?state=retired", as: .role(.analyst)).json
            #expect(listed["items"]?.arrayValue?.map { $0["id"] } == [.string(id)])
        }
    }

    @Test("what cannot be loaded is refused with the line and the reason, and validating says the same without writing")
    func refused() async throws {
        try await TestServer.run { server in
            let broken =
                Self.yaml + "\n---\n"
                + Self.yaml.replacing("action: delete", with: "action|frob: delete")
                .replacing("5d0f", with: "6d0f")
            let answer = try await server.send(
                .post, "/v1/rules", as: .admin, body: Array(broken.utf8), type: "application/yaml")
            #expect(answer.status == 422)
            #expect(answer.json.at("/errors/0/detail")?.stringValue?.contains("frob") == true)
            let checked = try await server.send(
                .post, "/v1/rules:validate", as: .admin, body: Array(broken.utf8), type: "application/yaml")
            #expect(checked.json["rules"] == 1)
            #expect(checked.json.at("/refused/0/reason")?.stringValue?.contains("frob") == true)
            let filter = """
                ---
                title: Ours
                id: 7d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
                logsource: {product: backup}
                filter: {rules: [nobody], selection: {user: root}, condition: not selection}
                """
            let doubtful = try await server.send(
                .post, "/v1/rules:validate", as: .admin, body: Array((Self.yaml + "\n" + filter).utf8),
                type: "application/yaml")
            #expect(doubtful.json["refused"]?.arrayValue?.isEmpty == true && doubtful.json["filters"] == 1)
            let checks = doubtful.json["warnings"]?.arrayValue?.compactMap { $0["check"]?.stringValue } ?? []
            #expect(Set(checks) == ["inverted", "idle"], "\(doubtful.json)")
            let none = try await server.get("/v1/rules/5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11", as: .role(.admin))
            #expect(none.status == 404)
            #expect(
                try await server.send(.post, "/v1/rules", as: .lead, body: [], type: "application/yaml").status
                    == 403)
        }
    }
}
