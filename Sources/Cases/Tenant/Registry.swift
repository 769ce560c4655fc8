package import Events
import JSON
import Runs

package import struct Foundation.UUID

/// What a tenant has configured, folded from its governance events: policy, assets, playbooks, standing approvals,
/// connectors, tokens, calendar, history, switches.
///
/// Pure: it forgets nothing that a later decision needs and reads no clock.
package struct Registry: Sendable {
    package var tenant: UUID
    package var name: String?
    /// The position up to which events are folded, exclusive.
    package var nextPosition: Int64 = 0
    package var policy: Policy
    package var proposedPolicies: [UUID: PolicyProposal] = [:]
    package internal(set) var assets = SortedMap<EntityKey, Asset>()
    /// Which assets name which as what they depend on.
    var dependencies = SortedMap<DependencyKey, Bool>()
    package var playbooks: [String: PublishedPlaybook] = [:]
    package var standingApprovals: [UUID: StandingApproval] = [:]
    package var proposedStandingApprovals: [UUID: StandingApprovalProposal] = [:]
    /// By playbook; of the version that was current when it was asked for.
    package var promotionProposals: [String: PromotionProposal] = [:]
    package var connectors: [String: ConnectorSettings] = [:]
    package var tokens: [UUID: Token] = [:]
    package var calendar: [CalendarEntry] = []
    package var grants: [RoleGrant] = []
    var histories: [String: PlaybookHistory] = [:]
    /// Live runs whose case has no verdict yet: case → playbook.
    var unjudgedRuns = SortedMap<UUID, String>()
    /// When runs were let through by a standing approval, newest last.
    var standingUses: [UUID: [Instant]] = [:]
    var isTenantHalted = false
    var haltedPlaybooks: Set<String> = []

    /// - Parameter policy: what holds until the tenant's first approved policy.
    package init(tenant: UUID, policy: Policy) {
        self.tenant = tenant
        self.policy = policy
    }

    package func history(of playbook: String) -> PlaybookHistory { histories[playbook] ?? PlaybookHistory() }

    package func isHalted(playbook: String?) -> Bool {
        isTenantHalted || playbook.map { haltedPlaybooks.contains($0) } ?? false
    }

    /// Runs that a standing approval let through within the hour before an instant.
    package func recentUses(of standing: UUID, at now: Instant) -> Int {
        let since = now.adding(milliseconds: -3_600_000)
        return (standingUses[standing] ?? []).count { $0 > since }
    }

    /// Assets that `dependents` gives at most: beyond that a reach is as wide as it gets.
    package static let dependentsMaximum = 200

    /// Everything that depends on these assets, directly or through others, without the assets themselves: those that
    /// are nearest first, and `dependentsMaximum` of them at most.
    package func dependents(of keys: [EntityKey]) -> [Asset] {
        var seen = Set(keys)
        var frontier = keys
        var found: [Asset] = []
        while !frontier.isEmpty, found.count < Self.dependentsMaximum {
            let reached = Set(frontier.flatMap { dependents(on: $0) }).subtracting(seen).sorted()
                .prefix(Self.dependentsMaximum - found.count)
            found += reached.compactMap { assets[$0] }
            frontier = Array(reached)
            seen.formUnion(frontier)
        }
        return found
    }

    private func dependents(on key: EntityKey) -> [EntityKey] {
        var found: [EntityKey] = []
        for entry in dependencies.entries(from: DependencyKey(on: key, dependent: nil)) {
            guard entry.key.on == key, found.count < Self.dependentsMaximum * 2 else { break }
            if let dependent = entry.key.dependent { found.append(dependent) }
        }
        return found
    }

    private mutating func register(_ asset: Asset) {
        if let earlier = assets[asset.key] { note(earlier, isThere: nil) }
        assets[asset.key] = asset
        note(asset, isThere: true)
    }

    private mutating func note(_ asset: Asset, isThere: Bool?) {
        for dependency in asset.dependsOn {
            dependencies[DependencyKey(on: dependency.key, dependent: asset.key)] = isThere
        }
    }

    /// The event types that this fold reads: a follower asks the log for these alone.
    package static let eventTypes: [EventType] = [
        .tenantCreated, .policyProposed, .policyApproved, .assetRegistered, .playbookPublished, .playbookPromoted,
        .playbookPromotionProposed, .playbookDemoted, .standingApprovalProposed, .standingApprovalGranted,
        .standingApprovalRevoked, .standingApprovalExpired, .gateAutoApproved, .connectorChanged, .tokenCreated,
        .tokenRevoked, .runStarted, .rollbackRequested, .caseClosed, .calendarChanged, .historyImported,
        .automationHalted, .automationResumed, .accessGranted,
    ]

    /// - Throws: `JSONError` for data that does not have its type's shape.
    package mutating func apply(_ event: Event) throws {
        nextPosition = max(nextPosition, event.position + 1)
        switch event.kind {
        case .tenantCreated: name = event.data["name"]?.stringValue
        case .policyProposed:
            let proposal: PolicyProposal = try event.data.decode()
            proposedPolicies[proposal.proposalID] = proposal
        case .policyApproved:
            let approved: PolicyApproved = try event.payload()
            if let proposal = proposedPolicies[approved.proposalID] {
                policy = proposal.policy
                proposedPolicies[approved.proposalID] = nil
            }
        case .assetRegistered:
            var asset: Asset = try event.payload()
            guard asset.value != nil else { return }  // erased
            asset.eventID = event.eventID
            register(asset)
        case .playbookPublished:
            var playbook: PublishedPlaybook = try event.payload()
            playbook.eventID = event.eventID
            playbook.publishedBy = event.actor
            playbooks[playbook.playbookID] = playbook
            promotionProposals[playbook.playbookID] = nil
        case .playbookPromoted, .playbookDemoted:
            let change: PlaybookModeChanged = try event.data.decode()
            playbooks[change.playbookID]?.mode = change.mode
            promotionProposals[change.playbookID] = nil
        case .playbookPromotionProposed:
            let change: PlaybookModeChanged = try event.data.decode()
            promotionProposals[change.playbookID] = PromotionProposal(
                mode: change.mode, version: playbooks[change.playbookID]?.version ?? 0,
                proposedBy: event.actor.identity)
        case .standingApprovalProposed:
            let approval: StandingApproval = try event.payload()
            proposedStandingApprovals[approval.id] = StandingApprovalProposal(
                approval: approval, proposedBy: event.actor.identity, proposedAt: event.recordedAt)
        case .standingApprovalGranted:
            let approval: StandingApproval = try event.payload()
            standingApprovals[approval.id] = approval
            proposedStandingApprovals[approval.id] = nil
        case .standingApprovalRevoked, .standingApprovalExpired:
            if let id = event.data["id"]?.stringValue.flatMap(UUID.init(uuidString:)) {
                standingApprovals[id] = nil
                proposedStandingApprovals[id] = nil
            }
        case .gateAutoApproved:
            if let id = event.data["standing_approval_id"]?.stringValue.flatMap(UUID.init(uuidString:)) {
                standingUses[id] = Array(((standingUses[id] ?? []) + [event.recordedAt]).suffix(1_000))
            }
        case .connectorChanged:
            let connector: ConnectorSettings = try event.payload()
            connectors[connector.name] = connector
        case .tokenCreated:
            let token: Token = try event.payload()
            tokens[token.id] = token
            if event.actor.kind == .person {
                grants.append(
                    RoleGrant(
                        grantor: event.actor.identity, grantee: Identity(issuer: token.issuer, subject: token.subject),
                        roles: token.roles))
            }
        case .tokenRevoked:
            if let id = event.data["id"]?.stringValue.flatMap(UUID.init(uuidString:)) {
                tokens[id]?.revokedAt = event.recordedAt
            }
        case .calendarChanged:
            let change: CalendarChanged = try event.payload()
            calendar = change.entries.map { entry in
                var entry = entry
                entry.eventID = event.eventID
                return entry
            }
        case .historyImported:
            let imported: HistoryImported = try event.payload()
            histories[imported.playbookID, default: PlaybookHistory()].add(imported, eventID: event.eventID)
        case .runStarted:
            if event.data["mode"] == "live", let id = event.caseID,
                let playbook = event.data.at("/plan/playbook/id")?.stringValue
            {
                unjudgedRuns[id] = playbook
            }
        case .rollbackRequested:
            if event.data["reason_code"]?.stringValue == RollbackReason.falseContainment.rawValue {
                judge(event, isCorrect: false)
            }
        case .caseClosed:
            if let verdict = event.data["verdict"]?.stringValue.flatMap(Verdict.init(rawValue:)) {
                judge(event, isCorrect: PlaybookHistory.judgement(of: verdict))
            }
        case .automationHalted: setHalted(true, playbook: event.data["playbook_id"]?.stringValue)
        case .automationResumed: setHalted(false, playbook: event.data["playbook_id"]?.stringValue)
        default: break
        }
    }

    /// A run is judged once: by its case's verdict, or by being undone as a false containment.
    private mutating func judge(_ event: Event, isCorrect: Bool?) {
        guard let id = event.caseID, let playbook = unjudgedRuns.removeValue(forKey: id), let isCorrect else { return }
        histories[playbook, default: PlaybookHistory()].add(isCorrect: isCorrect, eventID: event.eventID)
    }

    private mutating func setHalted(_ halted: Bool, playbook: String?) {
        if let playbook {
            if halted { haltedPlaybooks.insert(playbook) } else { haltedPlaybooks.remove(playbook) }
        } else {
            isTenantHalted = halted
        }
    }
}

/// That one asset depends on another; in the order of what is depended on.
struct DependencyKey: Sendable, Comparable {
    var on: EntityKey
    /// `nil`: before all of them.
    var dependent: EntityKey?

    static func < (left: DependencyKey, right: DependencyKey) -> Bool {
        guard left.on == right.on else { return left.on < right.on }
        guard let other = right.dependent else { return false }
        return left.dependent.map { $0 < other } ?? true
    }
}
