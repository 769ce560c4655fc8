import Cases
package import Detection
import EventLog
package import Events
import JSON

package import struct Foundation.UUID

/// Writes Sigma documents into a tenant's log: rules, correlations, filters and the values of placeholders, each a
/// version of what has its id. A text that is there already is not written again.
package struct RulePublisher: Sendable {
    /// What became of documents.
    package struct Outcome: Sendable {
        package var published: [String] = []
        package var unchanged: [String] = []
        package var retired: [String] = []
        package var refused: [SigmaProblem] = []
        /// The last position written.
        package var position: Int64?
    }

    private let store: RuleStore
    private let tenant: UUID
    private let actor: Actor
    private let clock: @Sendable () -> Instant

    package init(store: RuleStore, tenant: UUID, actor: Actor, clock: @escaping @Sendable () -> Instant) {
        self.store = store
        self.tenant = tenant
        self.actor = actor
        self.clock = clock
    }

    /// - Parameter isComplete: these are all rules of the pack; others that came with it are retired.
    package func publish(
        _ documents: [SigmaDocument], pack: String, isComplete: Bool = false, traceID: String? = nil
    ) async throws -> Outcome {
        let book = try await store.book(of: tenant)
        let values = try await store.placeholders(of: tenant, with: documents)
        var outcome = Outcome()
        var due: [String: RulePublished] = [:]
        var order: [String] = []
        for document in documents {
            let contents = document.contents(placeholders: values)
            outcome.refused += contents.refused
            guard let rule = Self.rule(contents, document, pack: pack) else { continue }
            if let other = due[rule.ruleID] {
                outcome.refused.append(
                    SigmaProblem(
                        file: document.file, line: document.line,
                        reason: "the id \(rule.ruleID) is that of a rule in \(other.file) as well"))
                continue
            }
            due[rule.ruleID] = rule
            order.append(rule.ruleID)
        }
        var requests: [AppendRequest] = []
        for id in order {
            guard var rule = due[id] else { continue }
            let known = book.entries[id]
            if let known, !known.isRetired, known.rule.digest == rule.digest {
                outcome.unchanged.append(id)
                continue
            }
            rule.version = (known?.rule.version ?? 0) + 1
            requests.append(request(Decision(rule), ruleID: id, traceID: traceID))
            outcome.published.append(id)
        }
        if isComplete {
            for (id, entry) in book.active.sorted(by: { $0.key < $1.key })
            where entry.rule.pack == pack && due[id] == nil {
                let retired = RuleRetired(ruleID: id, reason: "it is no longer in the pack '\(pack)'")
                requests.append(request(Decision(retired), ruleID: id, traceID: traceID))
                outcome.retired.append(id)
            }
        }
        outcome.position = try await append(requests)
        return outcome
    }

    /// - Returns: the position of the event.
    package func retire(_ ruleID: String, reason: String, traceID: String? = nil) async throws -> Int64? {
        try await append([
            request(Decision(RuleRetired(ruleID: ruleID, reason: reason)), ruleID: ruleID, traceID: traceID)
        ])
    }

    private static func rule(_ contents: SigmaFile, _ document: SigmaDocument, pack: String) -> RulePublished? {
        let digest = Digest.sha256(Array(document.text.utf8))
        if let rule = contents.rules.first {
            return RulePublished(
                ruleID: rule.id, version: 1, kind: .rule, title: rule.title, level: rule.level?.rawValue,
                status: rule.status, logsource: rule.logsource.description, pack: pack, file: document.file,
                digest: digest, text: document.text)
        }
        func published(
            _ id: String, _ kind: RulePublished.Kind, _ title: String, level: SigmaLevel? = nil,
            logsource: Logsource? = nil
        ) -> RulePublished {
            RulePublished(
                ruleID: id, version: 1, kind: kind, title: title, level: level?.rawValue, status: nil,
                logsource: logsource?.description, pack: pack, file: document.file, digest: digest,
                text: document.text)
        }
        if let correlation = contents.correlations.first {
            return published(correlation.id, .correlation, correlation.title, level: correlation.level)
        }
        if let filter = contents.filters.first {
            return published(filter.id, .filter, filter.title, logsource: filter.logsource)
        }
        return contents.placeholders.first.map { published($0.id, .placeholders, $0.title) }
    }

    private func request(_ decision: Decision, ruleID: String, traceID: String?) -> AppendRequest {
        AppendRequest(
            tenant: tenant, streamKind: StreamKind.rule.rawValue,
            streamID: UUID.v5(namespace: tenant, name: "rule/\(ruleID)"), caseID: nil, expected: .any,
            events: Cause(command: actor, traceID: traceID, at: clock()).events(for: [decision]), evidence: [])
    }

    /// Different streams, so the log writes many in one transaction.
    private func append(_ requests: [AppendRequest]) async throws -> Int64? {
        try await withThrowingTaskGroup(of: Int64?.self) { group in
            var last: Int64?
            var running = 0
            for request in requests {
                if running >= 512 {
                    last = [last, try await group.next() ?? nil].compactMap(\.self).max()
                    running -= 1
                }
                group.addTask {
                    switch try await store.log.append(request) {
                    case .appended(let range), .duplicate(let range): range.lastPosition
                    case .mismatch, .conflict: nil
                    }
                }
                running += 1
            }
            for try await position in group { last = [last, position].compactMap(\.self).max() }
            return last
        }
    }
}
