package import Cases
package import Detection
package import EventLog
package import Events
import JSON
import Synchronization

package import struct Foundation.UUID

/// Each tenant's rules, folded from the log: those of the packs, which stand in the system tenant's log and hold for
/// everybody, and over them the tenant's own. A tenant's rule of the same id takes the place of a pack's; retiring it
/// takes the pack's away as well.
package final class RuleStore: Sendable {
    package let log: EventLog
    /// What rules do in this process.
    package let activity = RuleActivity()
    /// What the correlations of this process hold.
    package let load = CorrelationLoad()
    private let state = Mutex(State())

    private struct State {
        var books: [UUID: RuleBook] = [:]
        /// Documents read from YAML: shared by all tenants.
        var parsed: [Reading: SigmaFile] = [:]
        /// Compiled sets, by the digest of what is in them: one engine for each set, not for each tenant.
        var compiled: [Digest: ActiveRules] = [:]
        /// What a tenant has now, while neither the packs nor its own rules change.
        var current: [UUID: Current] = [:]
    }

    /// What a document's meaning depends on.
    private struct Reading: Hashable {
        /// Of the text.
        var digest: Digest
        /// The values of placeholders, for a document that has some.
        var placeholders: PlaceholderValues?
    }

    private struct Current {
        var packs: Int
        var own: Int
        var rules: ActiveRules
    }

    package init(log: EventLog) {
        self.log = log
    }

    /// The rules as of now: every change committed before the call is in it.
    package func rules(of tenant: UUID) async throws -> ActiveRules {
        let packs = try await book(of: SystemTenant.id)
        let own = tenant == SystemTenant.id ? RuleBook() : try await book(of: tenant)
        if let current = state.withLock({ $0.current[tenant] }), current.packs == packs.changes,
            current.own == own.changes
        {
            return current.rules
        }
        var rules = compile(packs, own)
        rules.publishedAt = packs.active.merging(own.active) { $1 }.mapValues(\.publishedAt)
        let current = rules
        state.withLock { $0.current[tenant] = Current(packs: packs.changes, own: own.changes, rules: current) }
        return current
    }

    private func compile(_ packs: RuleBook, _ own: RuleBook) -> ActiveRules {
        var entries = packs.active
        for (id, entry) in own.entries { entries[id] = entry.isRetired ? nil : entry }
        let ordered = entries.values.sorted { $0.rule.ruleID < $1.rule.ruleID }
        let digest = Digest.sha256(ordered.flatMap { Array($0.rule.ruleID.utf8) + [0] + $0.rule.digest.bytes })
        if let known = state.withLock({ $0.compiled[digest] }) { return known }
        let values = placeholders(in: ordered.map(\.rule))
        let compiled = ActiveRules(digest: digest, files: ordered.map { parse($0.rule, values) })
        state.withLock { state in
            // Sets that nobody has any more are forgotten when there are many.
            if state.compiled.count >= 64 {
                state.compiled = [:]
                state.parsed = [:]
            }
            state.compiled[digest] = compiled
        }
        return compiled
    }

    /// What a tenant has of its own, or the packs for the system tenant: for listing and publishing.
    package func book(of tenant: UUID) async throws -> RuleBook {
        let head = try await log.head(tenant: tenant)
        var book = state.withLock { $0.books[tenant] } ?? RuleBook()
        guard book.nextPosition < head else { return book }
        let types = [EventType.rulePublished.rawValue, EventType.ruleRetired.rawValue]
        while book.nextPosition < head {
            let page = try await log.page(tenant: tenant, from: book.nextPosition, limit: 500, types: types)
            for event in page.events { try book.apply(event) }
            guard page.next > book.nextPosition else { break }
            book.nextPosition = page.next
        }
        let folded = book
        state.withLock { state in
            if (state.books[tenant]?.nextPosition ?? -1) < folded.nextPosition { state.books[tenant] = folded }
        }
        return folded
    }

    /// What placeholders will stand for in a tenant's rules once these documents are published too.
    package func placeholders(of tenant: UUID, with documents: [SigmaDocument]) async throws -> PlaceholderValues {
        var entries = try await book(of: SystemTenant.id).active
        if tenant != SystemTenant.id {
            for (id, entry) in try await book(of: tenant).entries { entries[id] = entry.isRetired ? nil : entry }
        }
        let new = documents.filter { SigmaDocument.mayHoldPlaceholders($0.text) }
            .flatMap { $0.contents().placeholders }
        for document in new { entries[document.id] = nil }
        var values = placeholders(in: entries.sorted { $0.key < $1.key }.map(\.value.rule))
        for document in new { values.add(document) }
        return values
    }

    private func placeholders(in rules: [RulePublished]) -> PlaceholderValues {
        PlaceholderValues(
            rules.filter { $0.kind == .placeholders }.flatMap { parse($0, PlaceholderValues()).placeholders })
    }

    private func parse(_ rule: RulePublished, _ values: PlaceholderValues) -> SigmaFile {
        let reading = Reading(digest: rule.digest, placeholders: rule.text.contains("expand") ? values : nil)
        if let known = state.withLock({ $0.parsed[reading] }) { return known }
        let file = SigmaDocument(text: rule.text, file: rule.file).contents(placeholders: values).about(rule.ruleID)
        state.withLock { $0.parsed[reading] = file }
        return file
    }
}

/// The rules that one log holds.
package struct RuleBook: Sendable {
    package struct Entry: Sendable, Hashable {
        package var rule: RulePublished
        package var isRetired: Bool
        package var publishedAt: Instant
        package var publishedBy: Actor
        package var eventID: UUID
        package var position: Int64
    }

    /// By rule id, retired ones too.
    package private(set) var entries: [String: Entry] = [:]
    package var nextPosition: Int64 = 0
    /// How many changes it has seen.
    package private(set) var changes = 0

    package init() {}

    package var active: [String: Entry] { entries.filter { !$0.value.isRetired } }

    mutating func apply(_ event: Event) throws {
        changes += 1
        switch event.kind {
        case .rulePublished:
            let rule: RulePublished = try event.payload()
            entries[rule.ruleID] = Entry(
                rule: rule, isRetired: false, publishedAt: event.recordedAt, publishedBy: event.actor,
                eventID: event.eventID, position: event.position)
        case .ruleRetired:
            let retired: RuleRetired = try event.payload()
            if entries[retired.ruleID] == nil {
                // A pack's rule that the tenant does not want.
                entries[retired.ruleID] = Entry(
                    rule: RulePublished(
                        ruleID: retired.ruleID, version: 0, kind: .rule, title: retired.ruleID, level: nil, status: nil,
                        logsource: nil, pack: "", file: "", digest: Digest.sha256([]), text: ""), isRetired: true,
                    publishedAt: event.recordedAt, publishedBy: event.actor, eventID: event.eventID,
                    position: event.position)
            }
            entries[retired.ruleID]?.isRetired = true
            entries[retired.ruleID]?.position = event.position
        default: break
        }
    }
}

/// A set of rules, ready to be held against records.
package struct ActiveRules: Sendable {
    package let digest: Digest
    package let set: RuleSet
    package let correlations: CorrelationSet
    /// By rule id.
    package let rules: [String: SigmaRule]
    /// What of the set cannot be used or does nothing, and why.
    package let refused: [SigmaProblem]
    /// When each became what it is, for the tenant at hand.
    package var publishedAt: [String: Instant] = [:]

    init(digest: Digest, files: [SigmaFile]) {
        self.digest = digest
        let filtered = FilteredRules(files.flatMap(\.rules), filters: files.flatMap(\.filters))
        let all = filtered.rules
        set = RuleSet(rules: all)
        rules = Dictionary(all.map { ($0.id, $0) }) { first, _ in first }
        correlations = CorrelationSet(correlations: files.flatMap(\.correlations), rules: all)
        refused = files.flatMap(\.refused) + filtered.problems + correlations.refused
    }

    /// The rules of a record that make an alert of their own: of the least severity that the policy says, and not there
    /// only to feed a correlation (Sigma correlation rules 2.1, "generate").
    package func alerting(_ matches: [RuleMatch], from minimum: Severity) -> [RuleMatch] {
        matches.filter { $0.severity.rank >= minimum.rank && !correlations.isSilenced($0.ruleID) }
    }
}

extension RuleMatch {
    /// A rule that does not say how urgent it is, is taken for medium: rather looked at than missed.
    package var severity: Severity { level.severity }
}

extension SigmaLevel? {
    package var severity: Severity { self.flatMap { Severity(rawValue: $0.rawValue) } ?? .medium }
}
