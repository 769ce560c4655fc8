import Foundation
import NIOCore
import NIOPosix
import Runs
import Synchronization
import Testing

@testable import Response

/// Answers that no honest server gives, over a real socket.
@Suite("GuardedHTTPClient", .timeLimit(.minutes(25)))
struct GuardedHTTPClientTests {
    /// Writes the same bytes to whoever sends anything, and never closes.
    private final class Script: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let answer: @Sendable (Int) -> String
        let heard: @Sendable (String) -> Void

        init(answer: @escaping @Sendable (Int) -> String, heard: @escaping @Sendable (String) -> Void) {
            self.answer = answer
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard(String(buffer: unwrapInboundIn(data)))
            let text = answer(context.channel.localAddress?.port ?? 0)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }

    private final class Ear: Sendable {
        let heard = Mutex<[String]>([])
    }

    private static func ask(
        _ answer: @escaping @Sendable (Int) -> String, timeoutMs: Int64 = 5_000
    ) async throws -> (result: Result<GuardedHTTPClient.Answer, ConnectorError>, heard: [String]) {
        let ear = Ear()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.pipeline.addHandler(
                    Script(answer: answer, heard: { text in ear.heard.withLock { $0.append(text) } }))
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = GuardedHTTPClient(policy: AddressPolicy(allowed: [CIDR("127.0.0.0/8")!]))
        let base = URL(string: "http://127.0.0.1:\(server.localAddress?.port ?? 0)")!
        let result: Result<GuardedHTTPClient.Answer, ConnectorError>
        do throws(ConnectorError) {
            result = .success(
                try await client.send(
                    GuardedHTTPClient.Request(.get, base, path: ["v1", "a/b?c"], timeoutMs: timeoutMs)))
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        try await server.close()
        return (result, ear.heard.withLock { $0 })
    }

    @Test("a redirect is an answer, not a way to go")
    func redirect() async throws {
        let (result, heard) = try await Self.ask { port in
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(port)/secret\r\nContent-Length: 0\r\n\r\n"
        }
        #expect(try result.get().status == 302)
        #expect(heard.count == 1)
        #expect(heard.first?.hasPrefix("GET /v1/a%2Fb%3Fc HTTP/1.1\r\n") == true)
    }

    @Test("the deadline holds for the body as well: an answer that never ends is none")
    func drip() async throws {
        // Without the deadline this never ends, and the suite's time limit tells.
        let (result, _) = try await Self.ask(
            { _ in "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{" }, timeoutMs: 200)
        #expect(throws: ConnectorError.self) { try result.get() }
        if case .failure(let error) = result { #expect(error.code == .timedOut) }
    }

    @Test("what is no HTTP leaves the outcome unknown")
    func garbage() async throws {
        let (result, _) = try await Self.ask { _ in "SSH-2.0-OpenSSH_9.2\r\n" }
        if case .failure(let error) = result {
            #expect(error.leavesOutcomeUnknown)
        } else {
            Issue.record("took it for an answer")
        }
    }
}
