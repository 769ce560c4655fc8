import Events
package import JSON

package import struct Foundation.UUID

extension Registry {
    /// Assets in a part of a snapshot.
    private static let assetsInPart = 2_000

    /// Names the code that folds and writes a registry: raised whenever either changes, so that a snapshot of other code
    /// is thrown away.
    package static let snapshotCode = "1"

    /// The registry as JSON, in parts of bounded size: everything but the assets, then the assets.
    package func snapshot() throws -> [JSONValue] {
        let rest = Rest(
            name: name, policy: policy, proposedPolicies: Array(proposedPolicies.values), playbooks: playbooks,
            standingApprovals: Array(standingApprovals.values),
            proposedStandingApprovals: Array(proposedStandingApprovals.values),
            promotionProposals: promotionProposals, connectors: connectors, tokens: Array(tokens.values),
            calendar: calendar, grants: grants, histories: histories,
            unjudgedRuns: unjudgedRuns.entries.map { Rest.Run(caseID: $0.key, playbook: $0.value) },
            standingUses: standingUses.map { Rest.Uses(id: $0.key, at: $0.value) }, isTenantHalted: isTenantHalted,
            haltedPlaybooks: haltedPlaybooks.sorted())
        var parts = [try JSONValue(encoding: rest)]
        var part: [Asset] = []
        for asset in assets.values {
            part.append(asset)
            guard part.count == Self.assetsInPart else { continue }
            parts.append(try JSONValue(encoding: part))
            part = []
        }
        if !part.isEmpty { parts.append(try JSONValue(encoding: part)) }
        return parts
    }

    /// Reads a snapshot back.
    ///
    /// - Throws: `JSONError` for parts that `snapshot` did not write.
    package init(snapshot parts: [JSONValue], tenant: UUID, nextPosition: Int64) throws {
        let rest: Rest = try (parts.first ?? .null).decode()
        self.init(tenant: tenant, policy: rest.policy)
        self.nextPosition = nextPosition
        name = rest.name
        proposedPolicies = Self.byKey(rest.proposedPolicies, \.proposalID)
        playbooks = rest.playbooks
        standingApprovals = Self.byKey(rest.standingApprovals, \.id)
        proposedStandingApprovals = Self.byKey(rest.proposedStandingApprovals, \.approval.id)
        promotionProposals = rest.promotionProposals
        connectors = rest.connectors
        tokens = Self.byKey(rest.tokens, \.id)
        calendar = rest.calendar
        grants = rest.grants
        histories = rest.histories
        unjudgedRuns = SortedMap(rest.unjudgedRuns.map { ($0.caseID, $0.playbook) })
        standingUses = Dictionary(rest.standingUses.map { ($0.id, $0.at) }) { first, _ in first }
        isTenantHalted = rest.isTenantHalted
        haltedPlaybooks = Set(rest.haltedPlaybooks)
        var all: [Asset] = []
        for part in parts.dropFirst() { all += try part.decode([Asset].self) }
        assets = SortedMap(all.map { ($0.key, $0) })
        dependencies = SortedMap(
            all.flatMap { asset in
                asset.dependsOn.map { (DependencyKey(on: $0.key, dependent: asset.key), true) }
            })
    }

    private static func byKey<Key: Hashable, Value>(_ values: [Value], _ key: KeyPath<Value, Key>) -> [Key: Value] {
        Dictionary(values.map { ($0[keyPath: key], $0) }) { first, _ in first }
    }

    private struct Rest: Codable {
        struct Run: Codable {
            var caseID: UUID
            var playbook: String
        }

        struct Uses: Codable {
            var id: UUID
            var at: [Instant]
        }

        var name: String?
        var policy: Policy
        var proposedPolicies: [PolicyProposal]
        var playbooks: [String: PublishedPlaybook]
        var standingApprovals: [StandingApproval]
        var proposedStandingApprovals: [StandingApprovalProposal]
        var promotionProposals: [String: PromotionProposal]
        var connectors: [String: ConnectorSettings]
        var tokens: [Token]
        var calendar: [CalendarEntry]
        var grants: [RoleGrant]
        var histories: [String: PlaybookHistory]
        var unjudgedRuns: [Run]
        var standingUses: [Uses]
        var isTenantHalted: Bool
        var haltedPlaybooks: [String]
    }
}
