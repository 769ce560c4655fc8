package import Cases
package import EventLog
import Events
import Synchronization

package import struct Foundation.UUID

/// Each tenant's configuration, folded from the log and kept; only newer events are read again.
package final class RegistryStore: Sendable {
    package let log: EventLog
    private let defaultPolicy: Policy
    private let registries = Mutex<[UUID: Registry]>([:])

    /// - Parameter defaultPolicy: what holds for a tenant before its first approved policy.
    package init(log: EventLog, defaultPolicy: Policy) {
        self.log = log
        self.defaultPolicy = defaultPolicy
    }

    /// The configuration as of now: everything committed before the call is in it.
    package func registry(of tenant: UUID) async throws -> Registry {
        let head = try await log.head(tenant: tenant)
        var registry = registries.withLock { $0[tenant] } ?? Registry(tenant: tenant, policy: defaultPolicy)
        guard registry.nextPosition < head else { return registry }
        try await fold(&registry, upTo: head - 1)
        registries.withLock { kept in
            if (kept[tenant]?.nextPosition ?? -1) < registry.nextPosition { kept[tenant] = registry }
        }
        return registry
    }

    /// The configuration as it was after a position.
    package func registry(of tenant: UUID, upTo position: Int64) async throws -> Registry {
        var registry = Registry(tenant: tenant, policy: defaultPolicy)
        try await fold(&registry, upTo: position)
        return registry
    }

    private func fold(_ registry: inout Registry, upTo last: Int64) async throws {
        let types = (Registry.eventTypes + [.subjectErased]).map(\.rawValue)
        var isRemembered = registry.nextPosition > 0
        while registry.nextPosition <= last {
            let page = try await log.page(
                tenant: registry.tenant, from: registry.nextPosition, limit: 500, types: types)
            if isRemembered, page.events.contains(where: { $0.kind == .subjectErased && $0.position <= last }) {
                // What was folded before may name what was erased.
                registry = Registry(tenant: registry.tenant, policy: defaultPolicy)
                isRemembered = false
                continue
            }
            for event in page.events where event.position <= last { try registry.apply(event) }
            registry.nextPosition = max(registry.nextPosition, page.next)
        }
        registry.nextPosition = last + 1
    }
}
