package import Cases
import Detection
import EventLog
package import Events
import Intake
import JSON
import Synchronization

import struct Foundation.UUID

/// Holds what rules found against the tenant's correlations, over time: `detection.matched` in, `correlation.matched`
/// and an alert out.
///
/// Its state is a fold of the log: after a restart the matches of the last windows are read again, with the same result.
/// A correlation that is new looks back as far as its window reaches, yet alerts only on what comes.
///
/// What a correlation of the kind that holds for what does not happen says is a fold of the log as well: which window
/// holds follows from what was recorded until it was over. The clock only brings it about that this is looked at, so
/// however often and by however many processes, each is written once.
package final class CorrelationTracker: Reactor {
    package static let name = "track"
    package static let interests: Set<EventType> = [.detectionMatched]
    package static var memory: Set<EventType> { interests }
    package static let isTimed = true
    /// What matches mean together depends on the order of all of them.
    package static let isolatesStreams = false

    /// By how much a tick stays behind the clock, in milliseconds: clocks of servers differ by up to a second, and what is
    /// on its way into the log has its time already.
    private static let tickDelayMs: Int64 = 10_000

    /// Digests that `correlation.matched` lists; the alert's raw input lists all of them.
    private static let digestsMaximum = 2_000

    private let bench: Workbench
    private let rules: RuleStore
    private let state = Mutex<State?>(nil)

    private struct State: Sendable {
        var rules: ActiveRules
        var engine: CorrelationEngine
        /// Where the records of the last windows were recorded, by raw digest.
        var positions: [String: Int64] = [:]
        var arrivals: [(at: Instant, digest: String)] = []
        var forgotten = 0
        /// Told by the engine and not yet in the log: it tells each only once.
        var unwritten: [CorrelationMatch] = []
        /// The last event whose matches are in there.
        var consumed: Int64 = -1

        /// - Parameters:
        ///   - beginning: when the tenant's log begins.
        ///   - knownSince: from when on its events are given.
        init(_ rules: ActiveRules, beginning: Instant?, knownSince: Instant?) {
            self.rules = rules
            let activeSince = rules.publishedAt.mapValues { max($0, beginning ?? $0).microseconds }
            engine = CorrelationEngine(
                rules.correlations, activeSince: activeSince, knownSince: knownSince?.microseconds ?? .min)
        }

        /// Only what a correlation may still need is kept.
        mutating func forget(before instant: Instant) {
            while forgotten < arrivals.count, arrivals[forgotten].at < instant {
                positions[arrivals[forgotten].digest] = nil
                forgotten += 1
            }
            guard forgotten > 10_000, forgotten * 2 > arrivals.count else { return }
            arrivals.removeFirst(forgotten)
            forgotten = 0
        }
    }

    package init(_ bench: Workbench, rules: RuleStore) {
        self.bench = bench
        self.rules = rules
    }

    package func memoryStart(before position: Int64) async throws -> Int64 {
        let active = try await rules.rules(of: bench.tenant)
        let beginning = try await rules.log.feed(tenant: bench.tenant, from: 0, limit: 1).first?.recordedAt
        let last =
            position > 0 ? try await rules.log.feed(tenant: bench.tenant, from: position - 1, limit: 1).first : nil
        let known = last?.recordedAt.adding(milliseconds: -active.correlations.reach / 1_000 - 1)
        state.withLock { $0 = State(active, beginning: beginning, knownSince: known) }
        guard let known else { return position }
        return try await rules.log.position(recordedSince: known, tenant: bench.tenant)
    }

    package func remember(_ event: Event) async throws {
        _ = try consume(event)
    }

    package func react(to event: Event) async throws -> Reaction {
        // Tried again after a failure: the engine has seen it, and what it told is still to be written.
        if state.withLock({ $0?.consumed }) != event.position {
            let active = try await rules.rules(of: bench.tenant)
            if state.withLock({ $0?.rules.digest != active.digest }) { try await recall(upTo: event.position) }
            let found = try consume(event)
            state.withLock { state in
                state?.unwritten += found
                state?.consumed = event.position
            }
        }
        try await write(cause: event)
        return .done
    }

    package func tick(at now: Instant, position: Int64) async throws -> Instant? {
        let active = try await rules.rules(of: bench.tenant)
        guard active.correlations.hasAbsences else { return nil }
        if state.withLock({ $0?.rules.digest != active.digest }) { try await recall(upTo: position) }
        let instant = now.adding(milliseconds: -Self.tickDelayMs).microseconds
        state.withLock { state in
            guard let found = state?.engine.advance(to: instant) else { return }
            state?.unwritten += found
        }
        try await write(cause: nil)
        return state.withLock { $0?.engine.nextDue }.map {
            Instant(microseconds: $0).adding(milliseconds: Self.tickDelayMs + 1)
        }
    }

    private func write(cause event: Event?) async throws {
        defer { noteLoad() }
        while let (match, rules) = state.withLock({ state in state?.unwritten.first.map { ($0, state?.rules) } }) {
            if let rules { try await alert(match, cause: event, rules: rules) }
            state.withLock { _ = $0?.unwritten.removeFirst() }
        }
    }

    private func noteLoad() {
        if let counters = state.withLock({ $0?.engine.counters }) { rules.load.note(counters, of: bench.tenant) }
    }

    /// The rules have changed: the last windows are read again, with the new ones.
    private func recall(upTo position: Int64) async throws {
        var next = try await memoryStart(before: position)
        while next < position {
            let page = try await rules.log.page(
                tenant: bench.tenant, from: next, limit: 500, types: [EventType.detectionMatched.rawValue])
            for earlier in page.events where earlier.position < position { try await remember(earlier) }
            guard page.next > next else { return }
            next = page.next
        }
    }

    private func consume(_ event: Event) throws -> [CorrelationMatch] {
        // Once erased, what it said is gone.
        guard event.data["matches"]?.isNull == false else { return [] }
        let payload: DetectionMatched = try event.payload()
        return state.withLock { state in
            guard let correlations = state?.rules.correlations else { return [] }
            var found: [CorrelationMatch] = []
            for (index, match) in payload.matches.enumerated() {
                let ids = match.ruleIDs.filter { correlations.needs($0) }
                guard !ids.isEmpty else { continue }
                let digest = match.rawDigest?.text ?? "\(event.eventID.lowercased)/\(index)"
                found +=
                    state?.engine.consume(
                        CorrelationInput(
                            rules: ids,
                            // Windows are not opened or held open by a clock that was never set.
                            occurredAt: match.occurredAt.plausible(receivedAt: event.recordedAt).microseconds,
                            arrivedAt: event.recordedAt.microseconds, digest: digest,
                            fields: (match.fields.objectValue ?? [:]).mapValues {
                                ($0.arrayValue ?? []).compactMap(\.stringValue)
                            }, count: match.count)) ?? []
                if state?.positions[digest] == nil {
                    state?.positions[digest] = event.position
                    state?.arrivals.append((event.recordedAt, digest))
                }
            }
            state?.forget(before: event.recordedAt.adding(milliseconds: -correlations.reach / 1_000 - 1))
            return found
        }
    }

    /// What led to a match: a record, or for what did not happen the moment at which its window was over.
    private func cause(of match: CorrelationMatch, _ group: JSONValue, _ event: Event?) -> (Cause, at: Instant)? {
        let rule = Actor(kind: .rule, subject: match.id, lane: .siem)
        if let judgedAt = match.judgedAt {
            let instant = Instant(microseconds: judgedAt)
            let key = "silence/\(match.id)/\(group.canonicalString())/\(match.firstOccurredAt)"
            var cause = Cause(
                timer: key, in: bench.tenant, correlationID: UUID.v5(namespace: bench.tenant, name: key), at: instant)
            cause.actor = rule
            return (cause, instant)
        }
        guard let event else { return nil }
        return (Cause(reactor: Self.name, actor: rule, reactingTo: event, at: bench.clock()), event.recordedAt)
    }

    private func alert(_ match: CorrelationMatch, cause event: Event?, rules: ActiveRules) async throws {
        let group = JSONValue.object(
            Dictionary(match.group.map { ($0.name, JSONValue.string($0.value)) }) { first, _ in first })
        guard let (cause, instant) = cause(of: match, group, event) else { return }
        let records = try await records(of: match)
        let document = document(match, group, records)
        let bytes = document.canonicalBytes()
        let accepted = AlertIntake.alert(
            of: finding(match, group, records, document, bytes), tenant: bench.tenant, receivedAt: instant)
        let salt = "\(match.id)/\(group.canonicalString())/\(match.firstOccurredAt)"
        let payload = CorrelationMatched(
            ruleSet: rules.digest,
            matches: [
                CorrelationMatched.Match(
                    correlationID: match.id, alertID: accepted.alertID,
                    group: match.group.map { .init(name: $0.name, value: $0.value) },
                    firstOccurredAt: Instant(microseconds: match.firstOccurredAt),
                    lastOccurredAt: Instant(microseconds: match.lastOccurredAt), count: match.count,
                    measured: match.measured?.description, ruleIDs: match.rules,
                    rawDigests: Array(match.digests.prefix(Self.digestsMaximum)))
            ])
        let matched = cause.events(for: [Decision(payload)], salt: salt)
        _ = try await self.rules.log.append(
            AppendRequest(
                tenant: bench.tenant, streamKind: StreamKind.rule.rawValue,
                streamID: UUID.v5(namespace: bench.tenant, name: "rule/\(match.id)"), caseID: nil, expected: .any,
                events: matched, evidence: []))
        var following = cause
        following.causedBy = matched.first?.eventID
        let (decisions, parts) = try AlertWriter.decisions(accepted, isNew: true)
        let written = following.events(for: decisions, salt: salt + "/alert")
        _ = try await self.rules.log.append(
            AppendRequest(
                tenant: bench.tenant, streamKind: StreamKind.alert.rawValue, streamID: accepted.alertID, caseID: nil,
                // There already: it was written before a crash, or the same records came again much later.
                expected: .exactly(0), events: AlertWriter.events(written, of: accepted),
                evidence: AlertWriter.distinct([Evidence(mediaType: accepted.mediaType, bytes: bytes)] + parts)))
    }

    /// The matches behind a correlation, read back from the log, in the order of their times.
    private func records(of match: CorrelationMatch) async throws -> [DetectionMatched.Match] {
        let wanted = Set(match.digests)
        let positions = state.withLock { state in Set(match.digests.compactMap { state?.positions[$0] }) }.sorted()
        var found: [String: DetectionMatched.Match] = [:]
        // An event may hold thousands of records: a few of them at a time.
        for start in stride(from: 0, to: positions.count, by: 32) {
            let part = Array(positions[start..<min(start + 32, positions.count)])
            for event in try await rules.log.events(at: part, tenant: bench.tenant) {
                guard event.kind == .detectionMatched, event.data["matches"]?.isNull == false else { continue }
                let payload: DetectionMatched = try event.payload()
                for record in payload.matches {
                    guard let digest = record.rawDigest?.text, wanted.contains(digest) else { continue }
                    found[digest] = record
                }
            }
        }
        return match.digests.compactMap { found[$0] }
    }

    /// The raw input of a correlation's alert: what it rests on, each record by the digest of its bytes.
    private func document(
        _ match: CorrelationMatch, _ group: JSONValue, _ records: [DetectionMatched.Match]
    ) -> JSONValue {
        var document: JSONValue = [
            "kind": "sigma_correlation", "rule": ["id": .string(match.id), "title": .string(match.title)],
            "group": group, "count": .integer(Int64(match.count)),
            "first_occurred_at": .string(Instant(microseconds: match.firstOccurredAt).rfc3339),
            "last_occurred_at": .string(Instant(microseconds: match.lastOccurredAt).rfc3339),
            "records": .array(
                records.map { record in
                    [
                        "occurred_at": .string(record.occurredAt.rfc3339),
                        "rule_ids": .array(record.ruleIDs.map { .string($0) }),
                        "raw_digest": record.rawDigest.map { .string($0.text) } ?? .null,
                    ]
                }),
        ]
        if let measured = match.measured { document["measured"] = .string(measured.description) }
        if let judgedAt = match.judgedAt {
            document["judged_at"] = .string(Instant(microseconds: judgedAt).rfc3339)
        }
        return document
    }

    private func finding(
        _ match: CorrelationMatch, _ group: JSONValue, _ records: [DetectionMatched.Match], _ document: JSONValue,
        _ bytes: [UInt8]
    ) -> RuleFinding {
        let first = Instant(microseconds: match.firstOccurredAt)
        var text = group.canonicalString()
        // A reference has at most 500 characters; whoever was attacked by a long name gets its digest.
        if text.utf8.count > 300 { text = Digest.sha256(group.canonicalBytes()).text }
        var entities: [Entity] = []
        for entity in records.flatMap(\.entities) where !entities.contains(where: { $0.key == entity.key }) {
            entities.append(entity)
        }
        let correlation = state.withLock { state in
            state?.rules.correlations.correlations.first { $0.id == match.id }
        }
        return RuleFinding(
            ruleID: match.id, title: match.title, severity: match.level.severity,
            description: correlation?.description, tags: match.tags, pattern: correlation?.docket?.pattern,
            confidenceScore: correlation?.docket?.confidenceScore,
            reference: "\(match.id):\(text):\(first.rfc3339)", occurredAt: first,
            clockSuspect: records.contains(where: \.clockSuspect), entities: entities,
            evidence: [
                .init(kind: .rawEvent, observedAt: Instant(microseconds: match.lastOccurredAt), data: document)
            ], region: nil, isCorrelation: true, rawDigest: Digest.sha256(bytes), rawSize: bytes.count)
    }
}
