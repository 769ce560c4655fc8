import Cases
import EventLog
import Events
import Foundation
import Projections
import Reactors
import Synchronization

@testable import Server

/// Leads the stages along the log by hand, until nothing is left to react to: no timing, no polling.
final class StageDriver: Sendable {
    private let reactors: [any Reactor]
    private let log: EventLog
    private let tenant: UUID
    private let next = Mutex<Int64>(0)

    init(reactors: [any Reactor], log: EventLog, tenant: UUID) {
        self.reactors = reactors
        self.log = log
        self.tenant = tenant
    }

    func settle() async throws {
        while true {
            let position = next.withLock { $0 }
            let page = try await log.page(tenant: tenant, from: position, limit: 500)
            for event in page.events {
                for reactor in reactors {
                    guard let kind = event.kind, Swift.type(of: reactor).interests.contains(kind) else { continue }
                    try await reactor.react(to: event)
                }
            }
            next.withLock { $0 = page.next }
            if page.events.isEmpty { return }
        }
    }
}

extension TestServer {
    /// Brings the read models of both tenants up to date.
    func project() async throws {
        for tenant in [tenant, foreign] {
            for projection in ProjectionCatalog.all {
                while case .advanced = try await worker.step(projection, tenant: tenant) {}
            }
        }
    }

    /// Stages, then read models.
    func settle() async throws {
        try await driver.settle()
        try await project()
    }

    func events(_ types: EventType..., tenant: UUID? = nil) async throws -> [Event] {
        try await log.feed(tenant: tenant ?? self.tenant, from: 0, limit: 500, types: types.map(\.rawValue))
    }
}
