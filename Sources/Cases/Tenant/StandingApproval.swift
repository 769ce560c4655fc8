package import Events
package import Runs

package import struct Foundation.UUID

/// A decision made in advance by two people: this playbook, for these patterns and classes, on so many targets that
/// carry these labels, so often an hour, until a date.
///
/// `standing_approval.proposed` and `standing_approval.granted` both carry it whole: what was agreed to is in the event
/// of the agreement.
package struct StandingApproval: Payload {
    package static let type = EventType.standingApprovalGranted
    package var id: UUID
    package var playbookID: String
    package var patterns: [String]
    package var actionClasses: [ActionClass]
    /// Each target's asset carries at least one of them; empty: whatever it carries.
    package var targetLabels: [String]
    package var maxTargets: Int
    package var maxRunsPerHour: Int
    package var expiresAt: Instant
    /// A rule for emergencies: it needs no playbook that is `live`, and lives shorter.
    package var isEmergency: Bool

    package init(
        id: UUID, playbookID: String, patterns: [String], actionClasses: [ActionClass], targetLabels: [String] = [],
        maxTargets: Int, maxRunsPerHour: Int = 10, expiresAt: Instant, isEmergency: Bool
    ) {
        self.id = id
        self.playbookID = playbookID
        self.patterns = patterns
        self.actionClasses = actionClasses
        self.targetLabels = targetLabels
        self.maxTargets = maxTargets
        self.maxRunsPerHour = maxRunsPerHour
        self.expiresAt = expiresAt
        self.isEmergency = isEmergency
    }

    /// Longest life of an emergency rule and of any other, in milliseconds.
    package static let longestEmergencyMs: Int64 = 30 * 86_400_000
    package static let longestMs: Int64 = 366 * 86_400_000

    /// - Parameters:
    ///   - labels: what the inventory says of a target.
    ///   - recentRuns: runs under this approval within the last hour.
    package func covers(
        _ plan: Plan, pattern: String?, at now: Instant, isLive: Bool, labels: (Entity) -> [String], recentRuns: Int
    ) -> Bool {
        guard let pattern, isLive || isEmergency else { return false }
        return plan.playbook.id == playbookID && patterns.contains(pattern)
            && plan.actionClasses.isSubset(of: Set(actionClasses)) && plan.targets.count <= maxTargets
            && now < expiresAt && recentRuns < maxRunsPerHour
            && (targetLabels.isEmpty
                || plan.targets.allSatisfy { !Set(labels($0)).isDisjoint(with: targetLabels) })
    }
}

/// What waits for the second person.
package struct StandingApprovalProposal: Codable, Sendable, Hashable {
    package var approval: StandingApproval
    package var proposedBy: Identity
    package var proposedAt: Instant
}

/// A playbook's promotion that one person has asked for: `playbook.promotion_proposed`.
package struct PromotionProposal: Codable, Sendable, Hashable {
    package var mode: PlaybookMode
    package var version: Int
    package var proposedBy: Identity
}
