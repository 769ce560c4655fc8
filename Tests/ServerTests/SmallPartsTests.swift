import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Logging
import Testing

@testable import Server

@Suite struct MetricsRegistryTests {
    @Test("the exposition is what Prometheus reads")
    func exposition() throws {
        let registry = MetricsRegistry()
        registry.count("docket_alerts_total", ["status": "created"], by: 3)
        registry.count("docket_alerts_total", ["status": "a\"b\\c\nd"])
        registry.observe("docket_http_request_duration_seconds", 0.003, ["route": "/x"])
        registry.observe("docket_http_request_duration_seconds", 60, ["route": "/x"])
        let text = registry.exposition(gauges: [("docket_database_up", [:], 1)])
        #expect(text.hasSuffix("\n"))
        let sample = /[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? [-+0-9.eInf]+/
        for line in text.split(separator: "\n") where !line.hasPrefix("# HELP ") && !line.hasPrefix("# TYPE ") {
            #expect(try sample.wholeMatch(in: line) != nil, "\(line)")
        }
        #expect(text.contains("docket_alerts_total{status=\"created\"} 3\n"))
        #expect(text.contains("docket_http_request_duration_seconds_bucket{le=\"0.005\",route=\"/x\"} 1\n"))
        #expect(text.contains("docket_http_request_duration_seconds_bucket{le=\"+Inf\",route=\"/x\"} 2\n"))
        #expect(text.contains("docket_http_request_duration_seconds_count{route=\"/x\"} 2\n"))
        #expect(text.components(separatedBy: "# TYPE docket_alerts_total counter").count == 2)
        for name in ["docket_alerts_total", "docket_http_request_duration_seconds", "docket_database_up"] {
            #expect(text.contains("# HELP \(name) "))
        }
    }

    @Test("labels that never end do not fill the memory")
    func bounded() {
        let registry = MetricsRegistry()
        for index in 0..<10_000 { registry.count("docket_alerts_total", ["status": "s\(index)"]) }
        let lines = registry.exposition(gauges: []).split(separator: "\n")
        #expect(lines.count < 2_100)
        #expect(lines.contains { $0.hasPrefix("docket_alerts_total{status=\"overflow\"} 8") })
    }
}

@Suite struct JSONLogHandlerTests {
    @Test("a line is one JSON object, with every token cut short")
    func lines() throws {
        let lines = LogLines()
        var logger = Logger(label: "docket") { _ in JSONLogHandler(label: "docket", write: { lines.append($0) }) }
        logger[metadataKey: "trace_id"] = "abc"
        let token = TokenIssuer.create(
            tenant: UUID(), subject: "a", roles: [.analyst], expiresAt: nil, at: .now()
        ).text
        logger.warning("saw \(token), twice: \(token)", metadata: ["list": ["\(token)"], "inner": ["key": "\(token)"]])
        logger.debug("not written")
        #expect(lines.all.count == 1)
        let line = try JSONValue.parse(lines.all[0])
        #expect(line["level"] == "warning")
        #expect(line["trace_id"] == "abc")
        #expect(line["message"] == "saw dkt_…, twice: dkt_…")
        #expect(line["list"] == ["dkt_…"])
        #expect(!lines.all[0].contains(token))
    }
}

@Suite struct TokenTextTests {
    @Test("a token reads back, and no other text reads as it")
    func roundTrip() throws {
        let token = TokenText(tenant: UUID(), id: UUID(), secret: (0..<32).map { UInt8($0) })
        #expect(token.text.hasPrefix("dkt_"))
        #expect(token.text.count == 90)
        let read = try #require(TokenText(token.text))
        #expect(read.tenant == token.tenant && read.id == token.id && read.secret == token.secret)
        #expect("\(token)" == "dkt_…")
        // The last character of 64 bytes in base64 holds four unused bits.
        let last = token.text.last ?? "A"
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" where other != last {
            let text = token.text.dropLast() + String(other)
            #expect(TokenText(String(text))?.text != token.text)
        }
        for wrong in [
            "", "dkt_", token.text + "A", "xyz_" + token.text.dropFirst(4), token.text.replacing("_", with: "/"),
        ] {
            #expect(TokenText(wrong) == nil)
        }
    }
}

@Suite struct PreconditionTests {
    @Test(
        "If-Match compares strongly",
        arguments: [
            ("*", true), ("\"7\"", true), ("\"6\", \"7\"", true), ("W/\"7\"", false), ("\"8\"", false), ("7", false),
            ("\"\"", false),
        ])
    func check(header: String, passes: Bool) throws {
        let condition = try IfMatch([.ifMatch: header])
        #expect((try? condition.check(7)) != nil || !passes)
        #expect((try? condition.check(7)) == nil || passes)
    }
}

@Suite struct MediaTypeTests {
    @Test(
        "what the sender takes decides, and the route's own order",
        arguments: [
            (nil, "application/json"), ("*/*", "application/json"), ("application/*", "application/json"),
            ("application/cloudevents-batch+json", "application/cloudevents-batch+json"),
            ("text/html, application/json;q=0.5", "application/json"), ("text/html", nil),
            ("application/json;q=0", nil),
        ] as [(String?, String?)])
    func negotiate(accept: String?, expected: String?) {
        var headers: HTTPFields = [:]
        headers[.accept] = accept
        #expect((try? MediaType.negotiate(headers, among: [.json, .cloudEventBatch]))?.description == expected)
    }
}

@Suite struct QueryParameterTests {
    @Test("a plus is a plus, percent-encoding is undone, repeated values are a list")
    func reading() throws {
        let query = try QueryParameters(
            "as_of=2026-01-01T01:00:00+01:00&state=a,b&state=c&name=%C3%A4", known: ["as_of", "state", "name"])
        #expect(try query.instant("as_of") == Instant(rfc3339: "2026-01-01T00:00:00Z"))
        #expect(query.list("state") == ["a", "b", "c"])
        #expect(try query.text("name") == "ä")
        #expect(try query.text("absent") == nil)
        #expect(throws: Problem.self) { try query.text("state") }
        #expect(throws: Problem.self) { try QueryParameters("x=%FF", known: ["x"]) }
        #expect(throws: Problem.self) { try QueryParameters("y=1", known: ["x"]) }
    }
}
