package import Cases
package import EventLog
package import Events
package import Foundation
import JSON

/// Makes tenants and finds them: their names are events in the system tenant's log.
package struct TenantDirectory: Sendable {
    package struct Tenant: Sendable, Hashable {
        package var id: UUID
        package var name: String
    }

    /// What a new tenant is given, as data.
    package struct Outfit: Sendable {
        package var policy: Policy
        package var playbooks: [PublishedPlaybook]

        package init(policy: Policy, playbooks: [PublishedPlaybook]) {
            self.policy = policy
            self.playbooks = playbooks
        }
    }

    private let log: EventLog
    private let clock: @Sendable () -> Instant

    package init(log: EventLog, clock: @escaping @Sendable () -> Instant) {
        self.log = log
        self.clock = clock
    }

    /// Makes the system tenant where it is missing; safe to repeat.
    package func prepare() async throws {
        try await log.createTenant(SystemTenant.id)
    }

    package func list() async throws -> [Tenant] {
        var tenants = [Tenant(id: SystemTenant.id, name: SystemTenant.name)]
        var next: Int64 = 0
        while true {
            let page = try await log.page(
                tenant: SystemTenant.id, from: next, limit: 500, types: [EventType.tenantCreated.rawValue])
            for event in page.events {
                guard let id = event.data["tenant_id"]?.stringValue.flatMap(UUID.init(uuidString:)),
                    let name = event.data["name"]?.stringValue
                else { continue }
                tenants.append(Tenant(id: id, name: name))
            }
            guard page.next > next, !page.events.isEmpty else { return tenants }
            next = page.next
        }
    }

    /// - Parameter reference: a tenant's name or id.
    package func find(_ reference: String) async throws -> Tenant? {
        let tenants = try await list()
        if let id = UUID(uuidString: reference) { return tenants.first { $0.id == id } }
        return tenants.first { $0.name == reference }
    }

    /// Makes a tenant with the policy and playbooks that ship.
    ///
    /// - Throws: `Rejection.validation` for a name that is taken or no name.
    package func create(_ name: String, outfit: Outfit, by actor: Actor) async throws -> Tenant {
        let isName =
            name.utf8.count <= 63 && name.first?.isLetter == true
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
        guard isName else {
            throw Rejection.validation([
                FieldError(
                    "/name", .format, "begins with a letter and holds only a–z, 0–9 and '-', at most 63 characters")
            ])
        }
        guard try await find(name) == nil else {
            throw Rejection.validation([FieldError("/name", .enum, "there is a tenant of this name")])
        }
        let now = clock()
        let tenant = Tenant(id: UUID.v7(at: now), name: name)
        try await log.createTenant(tenant.id)
        let created = Decision(
            type: .tenantCreated,
            data: ["tenant_id": .string(tenant.id.lowercased), "name": .string(name)])
        let writer = GovernanceWriter(log: log, tenant: tenant.id, actor: actor, clock: clock)
        // The tenant's own log begins with it; the name becomes known only when everything else is there.
        try await writer.append([created], kind: .tenant, stream: tenant.id)
        try await writer.adopt(outfit.policy)
        for playbook in outfit.playbooks { try await writer.publish(playbook) }
        try await GovernanceWriter(log: log, tenant: SystemTenant.id, actor: actor, clock: clock)
            .append([created], kind: .tenant, stream: tenant.id)
        return tenant
    }
}

/// Appends governance events in somebody's name.
package struct GovernanceWriter: Sendable {
    private let log: EventLog
    private let tenant: UUID
    private let actor: Actor
    private let repetition: UUID?
    private let clock: @Sendable () -> Instant

    /// - Parameter repetition: see `Cause`.
    package init(
        log: EventLog, tenant: UUID, actor: Actor, repetition: UUID? = nil, clock: @escaping @Sendable () -> Instant
    ) {
        self.log = log
        self.tenant = tenant
        self.repetition = repetition
        self.actor = actor
        self.clock = clock
    }

    /// - Returns: the last position written.
    @discardableResult
    package func append(
        _ decisions: [Decision], kind: StreamKind, stream: UUID, traceID: String? = nil
    ) async throws -> Int64 {
        let events = Cause(command: actor, traceID: traceID, repetition: repetition, at: clock())
            .events(for: decisions, stream: stream)
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: kind.rawValue, streamID: stream, caseID: nil, expected: .any,
                events: events,
                evidence: []))
        switch verdict {
        case .appended(let range), .duplicate(let range): return range.lastPosition
        // An earlier attempt of the same request was recorded.
        case .mismatch where repetition != nil: return try await log.head(tenant: tenant) - 1
        case .mismatch, .conflict: throw Contention(caseID: stream)
        }
    }

    /// A policy that holds from the start: proposed and approved by the one who makes the tenant.
    package func adopt(_ policy: Policy) async throws {
        let proposal = UUID.v7(at: clock())
        try await append(
            [
                Decision(PolicyProposal(proposalID: proposal, policy: policy)),
                Decision(PolicyApproved(proposalID: proposal, version: policy.version)),
            ], kind: .policy, stream: UUID.v5(namespace: tenant, name: "policy"))
    }

    package func publish(_ playbook: PublishedPlaybook) async throws {
        try await append(
            [Decision(playbook)], kind: .playbook, stream: Self.stream(ofPlaybook: playbook.playbookID, tenant))
    }

    package func importHistory(_ history: HistoryImported) async throws {
        try await append(
            [Decision(history)], kind: .playbook, stream: Self.stream(ofPlaybook: history.playbookID, tenant))
    }

    package static func stream(ofPlaybook id: String, _ tenant: UUID) -> UUID {
        UUID.v5(namespace: tenant, name: "playbook/\(id)")
    }
}
