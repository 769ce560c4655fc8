package import Events

package import struct Foundation.UUID

/// One thing that a principal may be allowed to do, as a type: a function that needs it takes a `Permit` of it, so
/// code that forgot to ask does not compile.
package protocol Capability: Sendable {
    static var roles: Set<Role> { get }
}

package enum SendAlerts: Capability { package static let roles: Set<Role> = [.ingest] }
/// Read alerts, cases, evidence, events, approvals and runs.
package enum ReadCases: Capability { package static let roles: Set<Role> = [.analyst, .responder, .lead, .auditor] }
/// Case commands, comments, evidence, requests for approval, feedback.
package enum HandleCases: Capability { package static let roles: Set<Role> = [.analyst, .responder, .lead] }
/// Decide approvals; pause, resume, cancel and roll back runs.
package enum Respond: Capability { package static let roles: Set<Role> = [.responder, .lead] }
/// Merge and split cases, legal hold; the second person for promotions, policies and standing approvals.
package enum LeadCases: Capability { package static let roles: Set<Role> = [.lead] }
/// The first of two people for a promotion or a standing approval; the second is a lead.
package enum ProposeStandingApproval: Capability { package static let roles: Set<Role> = [.admin, .lead] }
/// Take the history away, which is an event: all that an auditor writes.
package enum ExportEvidence: Capability { package static let roles: Set<Role> = [.auditor] }
package enum ReadMetrics: Capability {
    package static let roles: Set<Role> = [.analyst, .responder, .lead, .auditor, .reporter]
}
/// Find out what is known of a person, and erase it. Those who work on cases cannot: it changes what they work with.
package enum EraseSubjects: Capability { package static let roles: Set<Role> = [.admin] }
/// Who sees which subjects were erased and which cases are held, by ids.
package enum ReadErasures: Capability { package static let roles: Set<Role> = [.lead, .auditor, .admin] }
/// Tenants, tokens, connectors, rules, playbooks, policies, assets.
package enum Configure: Capability { package static let roles: Set<Role> = [.admin] }
package enum ReadConfiguration: Capability {
    package static let roles: Set<Role> = [.analyst, .responder, .lead, .auditor, .admin]
}

/// Who asks, as the token says.
package struct Principal: Sendable, Hashable {
    package var tenant: UUID
    package var identity: Identity
    package var roles: Set<Role>
    package var tokenID: UUID

    package init(tenant: UUID, identity: Identity, roles: Set<Role>, tokenID: UUID) {
        self.tenant = tenant
        self.identity = identity
        self.roles = roles
        self.tokenID = tokenID
    }

    /// - Throws: `Rejection.roleInsufficient` unless one of the principal's roles carries the capability.
    package func permit<C: Capability>(_ capability: C.Type = C.self) throws(Rejection) -> Permit<C> {
        guard !roles.isDisjoint(with: C.roles) else {
            throw .roleInsufficient(needed: C.roles.map(\.rawValue).sorted())
        }
        return Permit(principal: self)
    }

    package func actor(lane: Actor.Lane) -> Actor {
        Actor(
            kind: roles == [.ingest] ? .service : .person, issuer: identity.issuer, subject: identity.subject,
            lane: lane)
    }
}

/// The proof that a principal was checked for a capability. Only `Principal.permit` makes one.
package struct Permit<C: Capability>: Sendable {
    package let principal: Principal

    fileprivate init(principal: Principal) {
        self.principal = principal
    }

    /// The actor in whose name the event is written.
    package var actor: Actor { principal.actor(lane: principal.roles == [.ingest] ? .siem : .analyst) }
}
