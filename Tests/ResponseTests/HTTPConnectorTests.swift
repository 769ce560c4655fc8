import Events
import Foundation
import JSON
import Lab
import Logging
import Runs
import ServiceLifecycle
import Testing

@testable import Response

@Suite("HTTPConnector")
struct HTTPConnectorTests {
    struct Bench: Sendable {
        var connector: HTTPConnector
        var client: GuardedHTTPClient
        var base: URL

        func send(_ method: GuardedHTTPClient.Method, _ path: [String], _ body: JSONValue? = nil) async throws
            -> JSONValue
        {
            let answer = try await client.send(
                GuardedHTTPClient.Request(method, base, path: ["v1"] + path, body: body?.canonicalBytes()))
            return answer.body.isEmpty ? .null : try JSONValue.parse(answer.body)
        }

        func lay(_ fault: String, on operation: String, of kind: String, times: Int64 = 1, delayMs: Int64 = 0)
            async throws
        {
            _ = try await send(
                .post, ["faults"],
                [
                    "kind": .string(kind), "operation": .string(operation), "fault": .string(fault),
                    "times": .integer(times), "delay_ms": .integer(delayMs),
                ])
        }
    }

    /// A real lab on a loopback port, which the client is allowed to reach.
    static func withLab(_ body: @escaping @Sendable (Bench) async throws -> Void) async throws {
        var quiet = Logger(label: "lab")
        quiet.logLevel = .critical
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let server = try LabServer(listen: "127.0.0.1:0", logger: quiet, onReady: { continuation.yield($0) })
        let group = ServiceGroup(configuration: .init(services: [server], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let client = GuardedHTTPClient(policy: AddressPolicy(allowed: [CIDR("127.0.0.0/8")!]))
            let base = URL(string: "http://127.0.0.1:\(port)")!
            let bench = Bench(
                connector: HTTPConnector(HTTPConnectorConfiguration(baseURL: base), client: client), client: client,
                base: base)
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(bench))
            } catch {
                result = .failure(error)
            }
            try await client.shutdown()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    @Test("the story of the open port: closed, verified, undone, byte for byte as before", arguments: Files.shipped)
    func shippedPlaybooks(name: String) async throws {
        try await Self.withLab { bench in
            let context = Samples.context([
                Entity(type: .cloudResource, value: "sg-0a1", role: .target),
                Entity(type: .workload, value: "shop/miner-7", role: .target),
                Entity(type: .apiToken, value: "tok-1", role: .target),
                Entity(type: .ip, value: "2001:db8::1", role: .actor),
            ])
            let plan = try Samples.plan(name, context)
            // A snapshot stays: it is evidence, and nothing to undo.
            let keeps = plan.steps.contains { !$0.reversible }
            let before = try await bench.send(.get, ["state"])
            let log = try RunLog([.start(plan)])
            #expect(try await log.drive(bench.connector) == .finished(.completed))
            #expect(try await bench.send(.get, ["state"]) != before)
            try log.append(.undo())
            #expect(try await log.drive(bench.connector) == .finished(.rolledBack))
            var after = try await bench.send(.get, ["state"])
            if keeps {
                #expect(after.at("/pods/shop~1miner-7/snapshots")?.arrayValue?.count == 1)
                after["pods"]!["shop/miner-7"]!["snapshots"] = []
            }
            #expect(after.canonicalBytes() == before.canonicalBytes())
        }
    }

    @Test("an answer lost after the effect: the probe finds it, and it is there once")
    func dropAfterApply() async throws {
        try await Self.withLab { bench in
            let plan = try Samples.closePort()
            try await bench.lay("drop_after_apply", on: "revoke_ingress", of: "security_groups")
            let log = try RunLog([.start(plan)])
            #expect(try await log.drive(bench.connector) == .finished(.completed))
            #expect(log.events.first { $0.kind == .stepExecuted }?.data["probed"] == true)
            let journal = try #require(try await bench.send(.get, ["journal"])["items"]?.arrayValue)
            #expect(journal.map { $0["applied"] } == [true])
            #expect(journal.first?["idempotency_key"] == log.events[1].data["idempotency_key"])
        }
    }

    @Test("a request lost before the effect: the probe finds nothing, and it is sent again under the same key")
    func dropBeforeApply() async throws {
        try await Self.withLab { bench in
            let plan = try Samples.closePort()
            try await bench.lay("drop_before_apply", on: "revoke_ingress", of: "security_groups")
            let log = try RunLog([.start(plan)])
            #expect(try await log.drive(bench.connector) == .finished(.completed))
            #expect(log.types.contains("step.retried"))
            let journal = try #require(try await bench.send(.get, ["journal"])["items"]?.arrayValue)
            #expect(journal.map { $0["applied"] } == [true])
        }
    }

    @Test("an answer that comes too late is no answer; the probe decides")
    func tooLate() async throws {
        try await Self.withLab { bench in
            var content = try Samples.closePort().content
            content.steps[0].timeoutMs = 100
            let plan = try Plan(content)
            try await bench.lay("delay", on: "revoke_ingress", of: "security_groups", delayMs: 400)
            let log = try RunLog([.start(plan)])
            #expect(try await log.drive(bench.connector) == .finished(.completed))
            let journal = try #require(try await bench.send(.get, ["journal"])["items"]?.arrayValue)
            #expect(journal.filter { $0["applied"] == true }.count == 1)
        }
    }

    @Test("a refusal is a failed step with the other side's reason")
    func refusal() async throws {
        try await Self.withLab { bench in
            let plan = try Samples.closePort()
            try await bench.lay("refuse", on: "revoke_ingress", of: "security_groups")
            let log = try RunLog([.start(plan)])
            #expect(try await log.drive(bench.connector) == .finished(.failed))
            let message = log.events.first { $0.kind == .stepFailed }?.data.at("/error/message")?.stringValue
            #expect(message?.contains("urn:docket:problem:refused") == true)
        }
    }

    @Test("drift made by hand is refused and left alone")
    func drift() async throws {
        try await Self.withLab { bench in
            let plan = try Samples.closePort()
            let log = try RunLog([.start(plan)])
            _ = try await log.drive(bench.connector)
            let other: JSONValue = ["environment": "production", "rules": [["cidr": "10.0.0.0/8"]]]
            _ = try await bench.send(.put, ["security_groups", "sg-0a1"], other)
            try log.append(.undo())
            #expect(try await log.drive(bench.connector) == .finished(.rollbackIncomplete))
            #expect(try await bench.send(.get, ["security_groups", "sg-0a1"]) == other)
            #expect(log.events.first { $0.kind == .stepRollbackRefused }?.data["found"] == other)
        }
    }

    @Test("without leave, loopback is not reached, by no name for it")
    func forbidden() async throws {
        try await Self.withLab { bench in
            let port = bench.base.port ?? 0
            let client = GuardedHTTPClient()
            for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
                let base = try #require(URL(string: "http://\(host):\(port)"))
                let error = await #expect(throws: ConnectorError.self) {
                    try await client.send(GuardedHTTPClient.Request(.get, base, path: ["v1", "state"]))
                }
                #expect(error?.code == .forbidden, "\(host)")
            }
            try await client.shutdown()
        }
    }

    @Test("the connection goes to the address that was checked, whatever the name means a moment later")
    func pinned() async throws {
        try await Self.withLab { bench in
            let client = GuardedHTTPClient(
                policy: AddressPolicy(allowed: [CIDR("127.0.0.1")!]),
                resolve: { host, _ in
                    #expect(host == "lab.invalid")
                    return IPAddress("127.0.0.1")!
                })
            let base = try #require(URL(string: "http://lab.invalid:\(bench.base.port ?? 0)"))
            let answer = try await client.send(GuardedHTTPClient.Request(.get, base, path: ["v1", "hosts", "web-1"]))
            #expect(answer.status == 200)
            try await client.shutdown()
        }
    }

    @Test("an answer above 1 MiB is cut off")
    func tooLarge() async throws {
        try await Self.withLab { bench in
            let text = JSONValue.string(String(repeating: "x", count: 700_000))
            for id in ["a", "b"] { _ = try await bench.send(.put, ["tickets", id], ["text": text]) }
            let error = await #expect(throws: ConnectorError.self) { try await bench.send(.get, ["state"]) }
            #expect(error?.code == .tooLarge)
            #expect(try await bench.send(.get, ["tickets", "a"])["text"] == text)
        }
    }

    @Test("nobody listening is unreachable: nothing was sent")
    func unreachable() async throws {
        let client = GuardedHTTPClient(policy: AddressPolicy(allowed: [CIDR("127.0.0.0/8")!]))
        let base = try #require(URL(string: "http://127.0.0.1:1"))
        let error = await #expect(throws: ConnectorError.self) {
            try await client.send(GuardedHTTPClient.Request(.get, base, path: ["v1", "state"]))
        }
        #expect(error?.code == .unreachable)
        try await client.shutdown()
    }

    @Test(
        "a base that is more than a base, and ids that would climb, are refused",
        arguments: [
            ("ftp://example.org", "a"), ("http://user@example.org", "a"), ("http://example.org/?q=1", "a"),
            ("http://8.8.8.8", ".."), ("http://8.8.8.8", "."), ("http://8.8.8.8", ""),
        ])
    func bases(base: String, segment: String) async throws {
        let client = GuardedHTTPClient()
        let url = try #require(URL(string: base))
        let error = await #expect(throws: ConnectorError.self) {
            try await client.send(GuardedHTTPClient.Request(.get, url, path: [segment]))
        }
        #expect(error?.code == .forbidden)
        try await client.shutdown()
    }
}
