import Cases
import Events
import Foundation
import Gzip
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Server

@Suite("Alerts over HTTP", .served, .timeLimit(.minutes(25)))
struct AlertRouteTests {
    @Test("the same alert is created once, is a duplicate then, and an update with other bytes")
    func lifecycle() async throws {
        try await TestServer.run { server in
            let alert = try server.alert { $0["source_ref"] = "A-1" }
            let first = try await server.post("/v1/alerts", alert, as: .role(.ingest))
            #expect(first.status == 201)
            #expect(first["/status"] == "created")
            #expect(first.position == first["/position"]?.int64Value)
            let again = try await server.post("/v1/alerts", alert, as: .role(.ingest))
            #expect(again.status == 200)
            #expect(again["/status"] == "duplicate")
            #expect(again["/alert_id"] == first["/alert_id"])
            var other = alert
            other["title"] = "Another title"
            let updated = try await server.post("/v1/alerts", other, as: .role(.ingest))
            #expect(updated["/status"] == "updated")
            #expect(updated["/alert_id"] == first["/alert_id"])
            #expect(try await server.events(.alertDeduplicated).count == 1)

            try await server.project()
            let id = first["/alert_id"]?.stringValue ?? ""
            let shown = try await server.get("/v1/alerts/\(id)")
            #expect(shown.status == 200)
            #expect(shown["/title"] == "Another title")
            #expect(shown.headers[.eTag]?.isEmpty == false)
            let raw = try await server.get("/v1/alerts/\(id)/raw")
            #expect(raw.status == 200)
            #expect(raw.bytes == other.canonicalBytes())
            #expect(raw.headers[.contentDisposition] == "attachment")
        }
    }

    @Test("numbers that not every reader keeps leave an alert, its case and the log readable")
    func largeNumbers() async throws {
        try await TestServer.run { server in
            let numbers = #""bytes":9e16,"id":12345678901234567,"share":12345678901234567.90,"mass":1.5e30"#
            let alert = try server.alert().canonicalString().dropLast() + #","unmapped":{\#(numbers)}}"#
            let answer = try await server.send(
                .post, "/v1/alerts", as: .role(.ingest), bytes: Array(alert.utf8),
                headers: [.contentType: "application/json"])
            #expect(answer.status == 201, "\(answer.text)")
            try await server.settle()
            let id = answer["/alert_id"]?.stringValue ?? ""
            #expect(try await server.get("/v1/cases?alert_id=\(id)")["/items"]?.arrayValue?.count == 1)
            #expect(try await server.get("/v1/alerts/\(id)/raw").bytes == Array(alert.utf8))
            let normalized = try #require(try await server.events(.alertNormalized).first)
            #expect(normalized.data.canonicalString().contains(#""12345678901234567.90""#))
        }
    }

    @Test("a broken alert is a dead letter that keeps its bytes and can be tried again")
    func deadLetter() async throws {
        try await TestServer.run { server in
            let bytes = Array("{\"source\": \"edr\", \"title\": ".utf8)
            let refused = try await server.send(
                .post, "/v1/alerts", as: .role(.ingest), bytes: bytes, headers: [.contentType: "application/json"])
            #expect(refused.status == 422)
            #expect(refused.problem == "dead-lettered")
            let id = try #require(refused["/dead_letter_id"]?.stringValue)
            let shown = try await {
                try await server.project(); return try await server.get("/v1/ingest/dead_letters/\(id)")
            }()
            #expect(shown.status == 200)
            #expect(try await server.get("/v1/ingest/dead_letters")["/items/0/id"]?.stringValue == id)
            let again = try await server.post("/v1/ingest/dead_letters/\(id):retry", [:])
            #expect(again.problem == "dead-lettered")
            #expect(try await server.events(.alertRetried).map { $0.data["status"] } == ["dead_lettered"])
        }
    }

    @Test("a batch answers for every item, and its counts add up")
    func batch() async throws {
        try await TestServer.run { server in
            let good = try server.alert { $0["source_ref"] = "B-1" }
            let lines = [good.canonicalString(), "", "not json", good.canonicalString()].joined(separator: "\n")
            let answer = try await server.send(
                .post, "/v1/alerts:batch", as: .role(.ingest), bytes: Array(lines.utf8),
                headers: [.contentType: "application/x-ndjson"])
            #expect(answer.status == 200)
            #expect(
                answer["/counts"] == [
                    "received": 3, "created": 1, "duplicate": 1, "updated": 0, "dead_lettered": 1,
                ])
            #expect(answer["/items"]?.arrayValue?.map { $0["status"] } == ["created", "dead_lettered", "duplicate"])

            let array = try await server.post(
                "/v1/alerts:batch", [try server.alert(), try server.alert()], as: .role(.ingest))
            #expect(array["/counts/created"] == 2)
        }
    }

    @Test("a gzip body is expanded, within its limits", arguments: [true, false])
    func gzip(isBomb: Bool) async throws {
        try await TestServer.run { server in
            let alert = try server.alert {
                if isBomb { $0["description"] = .string(String(repeating: "a", count: 900_000)) }
            }
            let answer = try await server.send(
                .post, "/v1/alerts", as: .role(.ingest), bytes: try Gzip.deflate(alert.canonicalBytes()),
                headers: [.contentType: "application/json", .contentEncoding: "gzip"])
            #expect(answer.status == (isBomb ? 413 : 201))
            #expect(answer.problem == (isBomb ? "body-too-large" : nil))
        }
    }

    @Test(
        "bodies that are too large or unreadable",
        arguments: [
            ("/v1/alerts", "application/json", nil, 1_048_577, 413, "body-too-large"),
            ("/v1/alerts", "text/plain", nil, 10, 415, "unsupported-media-type"),
            ("/v1/alerts", "application/json", "br", 10, 415, "unsupported-media-type"),
            ("/v1/alerts", "application/json", "gzip", 10, 400, "malformed-body"),
            ("/v1/alerts:batch", "application/json", nil, 10, 400, "malformed-body"),
        ] as [(String, String, String?, Int, Int, String)])
    func badBodies(
        path: String, mediaType: String, encoding: String?, size: Int, status: Int, problem: String
    ) async throws {
        try await TestServer.run { server in
            var headers: HTTPFields = [.contentType: mediaType]
            headers[.contentEncoding] = encoding
            let answer = try await server.send(
                .post, path, as: .role(.ingest), bytes: [UInt8](repeating: UInt8(ascii: "["), count: size),
                headers: headers)
            #expect(answer.status == status)
            #expect(answer.problem == problem)
        }
    }

    @Test("a batch of more than 10,000 items is refused as a whole")
    func tooManyItems() async throws {
        try await TestServer.run { server in
            let body = String(repeating: "{}\n", count: 10_001)
            let answer = try await server.send(
                .post, "/v1/alerts:batch", as: .role(.ingest), bytes: Array(body.utf8),
                headers: [.contentType: "application/x-ndjson"])
            #expect(answer.status == 413)
            #expect(try await server.events(.alertRejected).isEmpty)
        }
    }

    @Test("lists filter, page, and refuse what they do not know")
    func lists() async throws {
        try await TestServer.run { server in
            for index in 0..<3 {
                _ = try await server.post(
                    "/v1/alerts", try server.alert { $0["source_ref"] = .string("L-\(index)") }, as: .role(.ingest))
            }
            try await server.project()
            let first = try await server.get("/v1/alerts?limit=2")
            #expect(first["/items"]?.arrayValue?.count == 2)
            #expect(first["/has_more"] == true)
            let cursor = try #require(first["/next_cursor"]?.stringValue)
            let second = try await server.get("/v1/alerts?limit=2&cursor=\(cursor)")
            #expect(second["/items"]?.arrayValue?.map { $0["source_ref"] } == ["L-0"])
            #expect(try await server.get("/v1/alerts?source_ref=L-1")["/items"]?.arrayValue?.count == 1)
            #expect(try await server.get("/v1/alerts?entity=cloud_resource:sg-0a1")["/items"]?.arrayValue?.count == 3)
            #expect(try await server.get("/v1/alerts?colour=red").problem == "unknown-parameter")
            let unknown = try await server.get("/v1/alerts?disposition=lost")
            #expect(unknown.status == 422)
            #expect(unknown["/errors/0/code"] == "enum")
            #expect(unknown["/errors/0/allowed"]?.arrayValue?.contains("pending") == true)
            for limit in ["0", "501", "-1", "ten"] {
                #expect(try await server.get("/v1/alerts?limit=\(limit)").problem == "validation-failed")
            }
            #expect(try await server.get("/v1/alerts?cursor=bm90").problem == "validation-failed")
        }
    }
}
