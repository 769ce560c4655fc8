package import Detection
package import Events
import Synchronization

package import struct Foundation.UUID

/// What each rule did for a tenant and what it took, since this process began to hold it against records. A rule set may
/// be shared by many tenants; what is counted here never is.
///
/// It is for whoever tunes rules, and is gone with the process. What rules found is in the log.
package final class RuleActivity: Sendable {
    /// One rule's part.
    package struct Entry: Sendable, Hashable {
        /// Records for which it was evaluated: one of its necessary literals was there.
        package var evaluations = 0
        /// Records for which it held.
        package var matches = 0
        /// Records for which it was skipped, since a search for one of its regular expressions took too many steps.
        package var skipped = 0
        /// Time that its evaluations took, estimated from samples (`RuleStatistics`).
        package var nanoseconds = 0
    }

    /// A tenant's records and rules.
    package struct Tenant: Sendable {
        package let since: Instant
        /// Records that were held against rules.
        package fileprivate(set) var records = 0
        fileprivate var entries: [String: Entry] = [:]

        package func entry(of ruleID: String) -> Entry { entries[ruleID] ?? Entry() }
    }

    private struct State {
        var tenants: [UUID: Tenant] = [:]
        var skipped = 0
    }

    private let state = Mutex(State())

    package init() {}

    func note(_ statistics: RuleStatistics, of set: RuleSet, tenant: UUID, at now: Instant) {
        state.withLock { state in
            state.skipped += statistics.skipped.reduce(0, +)
            var known = state.tenants.removeValue(forKey: tenant) ?? Tenant(since: now)
            known.records += statistics.records
            for rule in 0..<set.ruleCount where statistics.evaluations[rule] > 0 {
                var entry = known.entries[set.match(Int32(rule)).ruleID] ?? Entry()
                entry.evaluations += statistics.evaluations[rule]
                entry.matches += statistics.matches[rule]
                entry.skipped += statistics.skipped[rule]
                entry.nanoseconds += statistics.nanoseconds[rule]
                known.entries[set.match(Int32(rule)).ruleID] = entry
            }
            state.tenants[tenant] = known
        }
    }

    /// `nil` for a tenant that sent no records to this process.
    package func activity(of tenant: UUID) -> Tenant? { state.withLock { $0.tenants[tenant] } }

    /// How often a rule was skipped for a record, of all tenants.
    package var skipped: Int { state.withLock { $0.skipped } }
}
