import EventLog
import Events
import Foundation
import Hummingbird
import JSON
import NIOCore
import ServiceLifecycle

/// A tenant's events as server-sent events (WHATWG HTML §9.2), from a position on and without end.
///
/// Bounded by pulling: the next page is read when the last one was taken, so a slow reader costs one page of memory. A
/// write to a connection that is gone fails and ends the stream; on a quiet log the heartbeat finds that out. A token
/// that was revoked or ran out ends it too.
struct EventStream: Sendable {
    private static let pageSize = 200

    let tenant: UUID
    /// Position of the last event that the reader has; -1 for none.
    let after: Int64
    let types: [String]?
    let caseID: UUID?
    let caller: Caller
    let services: ServerServices

    @concurrent func write(to writer: inout any ResponseBodyWriter) async throws {
        // Proxies hold back what has no byte yet.
        try await writer.write(ByteBuffer(string: ": docket events\n\n"))
        var next = after + 1
        while try await isStillWelcome(), !Task.isCancelled, !Task.isShuttingDownGracefully {
            let page = try await services.log.page(
                tenant: tenant, from: next, limit: Self.pageSize, types: types, caseID: caseID)
            if !page.events.isEmpty {
                try await writer.write(ByteBuffer(string: page.events.map(Self.frame).joined()))
            }
            next = max(next, page.next)
            guard page.events.count < Self.pageSize else { continue }
            let wanted = next
            let head = try await cancelWhenGracefulShutdown {
                try await services.log.waitForHead(
                    tenant: tenant, beyond: wanted, timeout: services.configuration.heartbeat)
            }
            if head <= next { try await writer.write(ByteBuffer(string: ": heartbeat\n\n")) }
        }
        try await writer.finish(nil)
    }

    /// Who signs out, or whose token is revoked, hears no more.
    private func isStillWelcome() async throws -> Bool {
        if let value = caller.session, services.sessions.session(value, at: services.clock()) == nil { return false }
        return try await services.authenticator.isStillValid(caller)
    }

    /// One event: the position as id, so that `Last-Event-ID` goes on behind it.
    static func frame(_ event: Event) -> String {
        "id: \(event.position)\nevent: \(event.type)\ndata: \(event.json.canonicalString())\n\n"
    }
}
