package import Events
import JSON

package import struct Foundation.UUID

/// What people said of earlier cases of the same kind: the newest first matter most, so only so many are kept.
package struct Verdicts: Codable, Sendable, Hashable {
    package static let kept = 500
    private var given: [Given] = []

    private struct Given: Codable, Sendable, Hashable {
        var caseID: UUID
        var verdict: Verdict
    }

    package init() {}

    package mutating func add(_ verdict: Verdict, of caseID: UUID) {
        given.removeAll { $0.caseID == caseID }
        given.append(Given(caseID: caseID, verdict: verdict))
        if given.count > Self.kept { given.removeFirst() }
    }

    /// A verdict that was taken back: the case was opened again.
    package mutating func remove(_ caseID: UUID) { given.removeAll { $0.caseID == caseID } }

    package var count: Int { given.count }
    package func count(of verdict: Verdict) -> Int { given.count { $0.verdict == verdict } }
    package func cases(with verdict: Verdict) -> [UUID] { given.filter { $0.verdict == verdict }.map(\.caseID) }
}

/// An analyst looks at a case that would have been closed, and says whether that would have been right:
/// `review.requested`.
package struct ReviewRequested: Payload {
    package static let type = EventType.reviewRequested
    package var suggestedVerdict: Verdict
    package var n: Int
    package var matching: Int
    package var text: String
}

/// What the analyst's verdict came to: `review.completed`. A disagreement counts as an error of automatic closing,
/// because the verdict is among those that the next decision rests on.
package struct ReviewCompleted: Payload {
    package static let type = EventType.reviewCompleted
    package var suggestedVerdict: Verdict
    package var verdict: Verdict
    package var agrees: Bool
    package var text: String?
}

/// Closes what people have always closed the same way (domain.md §5, `close_case`): by the verdicts of earlier cases of
/// the same pattern or rule, never where production or something critical is touched, and with a share that goes to an
/// analyst.
package enum AutomaticClosing {
    /// What makes cases comparable: the pattern, else the rule that spoke. `nil`: nothing to compare by.
    package static func kind(of record: CaseRecord) -> String? {
        if let pattern = record.pattern { return "pattern:" + pattern }
        let rule = record.evidence.first { $0.kind == .ruleID }
        return rule?.data["uid"]?.stringValue.map { "rule:" + $0 }
    }

    /// - Parameter verdicts: what people said of other cases of the kind; those that Docket closed itself do not count.
    /// - Returns: the closing, or a request for review; nothing where a person has to decide.
    package static func decide(_ record: CaseRecord, verdicts: Verdicts, registry: Registry) -> [Decision] {
        guard let rules = registry.policy.closing, record.state == .escalated, mayClose(record, registry),
            let best = rules.verdicts.max(by: { verdicts.count(of: $0) < verdicts.count(of: $1) })
        else { return [] }
        let matching = verdicts.count(of: best)
        let interval = WilsonInterval(
            successes: matching, of: verdicts.count, level: registry.policy.gate.intervalLevel)
        guard let interval, interval.lower >= rules.threshold else { return [] }
        let basis =
            "People gave the verdict \(best.rawValue) to \(matching) of \(verdicts.count) comparable cases "
            + "(lower bound \(interval.lower), at least \(rules.threshold) is asked)."
        if isSample(record.id, rate: rules.sampleRate) {
            return [
                Decision(
                    ReviewRequested(
                        suggestedVerdict: best, n: verdicts.count, matching: matching,
                        text: basis + " This one is a sample: an analyst decides."))
            ]
        }
        return record.invalidatingApproval(cause: "closed") + [
            Decision(CaseClosed(verdict: best, verdictID: best.id, reason: basis))
        ]
    }

    /// The analyst's verdict on a sample.
    package static func complete(_ record: CaseRecord, suggested: Verdict) -> [Decision] {
        guard let verdict = record.verdict else { return [] }
        return [
            Decision(
                ReviewCompleted(
                    suggestedVerdict: suggested, verdict: verdict, agrees: verdict == suggested, text: nil))
        ]
    }

    private static func mayClose(_ record: CaseRecord, _ registry: Registry) -> Bool {
        let kinds = Set(record.evidence.map(\.kind))
        let isTouchy = record.entities.contains { entity in
            entity.asset?.environment == .production || entity.asset?.criticality == .critical
        }
        // An environment that nobody knows may be production.
        let isElsewhere = [.staging, .development].contains(record.environment)
        return isElsewhere && !isTouchy && kinds.isSuperset(of: [.rawEvent, .ruleID]) && record.runs.isEmpty
            && !record.onHold && !record.legalHold && !record.shadow && record.assignee == nil
            && record.anchors.acknowledgedAt == nil
            && !registry.isHalted(playbook: nil)
    }

    /// The same cases whoever asks, and nobody can choose them.
    static func isSample(_ id: UUID, rate: Double) -> Bool {
        let bytes = Digest.sha256(Array("sample/\(id.lowercased)".utf8)).bytes
        let number = bytes.prefix(4).reduce(0) { $0 << 8 | UInt64($1) }
        return Double(number) < rate * 4_294_967_296
    }
}
