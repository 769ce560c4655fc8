import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("The log over HTTP", .served, .timeLimit(.minutes(25)))
struct EventRouteTests {
    @Test("pages of events join without a gap")
    func pages() async throws {
        try await TestServer.run { server in
            let caseID = try await server.openCase()
            let head = try await server.log.head(tenant: server.tenant)
            var positions: [Int64] = []
            var after: Int64 = -1
            while true {
                let page = try await server.get("/v1/events?after=\(after)&limit=7")
                #expect(page.status == 200)
                positions += (page["/items"]?.arrayValue ?? []).compactMap { $0["position"]?.int64Value }
                after = page["/next_after"]?.int64Value ?? -1
                if page["/has_more"] == false { break }
                #expect(page["/next_cursor"]?.stringValue == String(after))
            }
            #expect(positions == Array(0..<(try await server.log.head(tenant: server.tenant))))
            #expect(positions.count >= Int(head))
            let opened = try await server.get("/v1/events?type=case.opened,case.enriched&case_id=\(caseID)")
            #expect(
                Set((opened["/items"]?.arrayValue ?? []).compactMap { $0["type"]?.stringValue }) == [
                    "case.opened", "case.enriched",
                ])
            let item = try #require(opened["/items/0"])
            #expect(item["stream_kind"] == "case")
            #expect(item["leaf_hash"]?.stringValue?.isEmpty == false)
            #expect(item["recorded_at"]?.stringValue?.count == 27)
            let ofCase = try await server.get("/v1/cases/\(caseID)/events")
            #expect(ofCase["/items"]?.arrayValue?.allSatisfy { $0["case_id"]?.stringValue == caseID } == true)
            #expect(try await server.get("/v1/events?type=case.exploded").status == 422)
            #expect(try await server.get("/v1/events?after=-2").status == 422)
        }
    }

    @Test("CloudEvents are served to those who ask for them, and nothing to those who take neither")
    func cloudEvents() async throws {
        try await TestServer.run { server in
            let batch = try await server.get(
                "/v1/events?limit=1", headers: [.accept: "application/cloudevents-batch+json"])
            #expect(batch.headers[.contentType] == "application/cloudevents-batch+json")
            #expect(batch["/0/specversion"] == "1.0")
            #expect(batch["/0/source"]?.stringValue == "/tenants/\(server.tenant.lowercased)")
            #expect(batch["/0/type"] == "docket.tenant.created")
            #expect(try await server.get("/v1/events", headers: [.accept: "text/html"]).problem == "not-acceptable")
            #expect(try await server.get("/v1/events", headers: [.accept: "text/html, */*;q=0.1"]).status == 200)
        }
    }

    @Test("a stream gives what is there, then what comes, and goes on behind Last-Event-ID")
    func stream() async throws {
        try await TestServer.run { server in
            let text = try #require(try await server.token(of: .role(.analyst)))
            _ = try await server.token(of: .role(.ingest))
            let caller = try #require(
                try await server.server.services.authenticator.caller(authorization: "Bearer \(text)"))
            let head = try await server.log.head(tenant: server.tenant)
            func read(after: Int64, until count: Int) async throws -> [String] {
                let stream = EventStream(
                    tenant: server.tenant, after: after, types: nil, caseID: nil, caller: caller,
                    services: server.server.services)
                let writer = CollectingWriter(enough: count)
                var any: any ResponseBodyWriter = writer
                do {
                    try await stream.write(to: &any)
                } catch is CollectingWriter.Enough {
                    // As a reader that hangs up.
                }
                return writer.frames
            }
            let all = try await read(after: -1, until: Int(head))
            #expect(all.first?.hasPrefix("id: 0\nevent: tenant.created\ndata: {") == true)
            #expect(all.count == Int(head))
            #expect(all.allSatisfy { $0.split(separator: "\n").count == 3 })

            async let coming = read(after: head - 1, until: 1)
            _ = try await server.post("/v1/alerts", try server.alert(), as: .role(.ingest))
            #expect(try await coming.first?.hasPrefix("id: \(head)\nevent: alert.ingested\n") == true)
        }
    }

    @Test("a stream ends when its token is revoked")
    func revoked() async throws {
        try await TestServer.run { server in
            // On a busy machine a short life may be over before it is looked at: then a longer one is tried.
            var found: Caller?
            var life: Int64 = 300
            while found == nil {
                let issued = try await server.issue(
                    subject: "alice", roles: [.analyst], expiresAt: Instant.now().adding(milliseconds: life))
                found = try await server.server.services.authenticator.caller(authorization: "Bearer \(issued.text)")
                life *= 2
            }
            let caller = try #require(found)
            let stream = EventStream(
                tenant: server.tenant, after: 1_000_000, types: nil, caseID: nil, caller: caller,
                services: server.server.services)
            let writer = CollectingWriter(enough: .max)
            var any: any ResponseBodyWriter = writer
            try await stream.write(to: &any)
            #expect(writer.text.contains(": heartbeat\n\n"))
            #expect(writer.isFinished)
        }
    }

    @Test("when every place is taken, the next stream is refused")
    func full() async throws {
        try await TestServer.run(configuration: ServerConfiguration(streamsMaximum: 0)) { server in
            let answer = try await server.get("/v1/events/stream")
            #expect(answer.status == 429)
            #expect(answer.problem == "rate-limited")
            #expect(answer.headers[.retryAfter] != nil)
        }
    }

    @Test("streams have an end to their number")
    func slots() {
        let slots = Slots(maximum: 2)
        var first = slots.enter()
        let second = slots.enter()
        #expect(first != nil && second != nil)
        #expect(slots.enter() == nil)
        first = nil
        #expect(slots.open == 1)
        #expect(slots.enter() != nil)
        withExtendedLifetime((first, second)) {}
    }
}

/// Collects a response's body and hangs up once it has enough events.
final class CollectingWriter: ResponseBodyWriter, Sendable {
    struct Enough: Error {}

    private let state = Mutex((text: "", isFinished: false))
    private let enough: Int

    init(enough: Int) { self.enough = enough }

    var text: String { state.withLock { $0.text } }
    var isFinished: Bool { state.withLock { $0.isFinished } }
    var frames: [String] {
        text.components(separatedBy: "\n\n").filter { $0.hasPrefix("id: ") }
    }

    @concurrent func write(_ buffer: ByteBuffer) async throws {
        state.withLock { $0.text += String(buffer: buffer) }
        if frames.count >= enough { throw Enough() }
    }

    @concurrent func finish(_ trailingHeaders: HTTPFields?) async throws { state.withLock { $0.isFinished = true } }
}
