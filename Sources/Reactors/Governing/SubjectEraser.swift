package import Cases
package import EventLog
package import Events
import JSON

package import struct Foundation.UUID

/// Erases what is known of a person, a host, an address: everywhere that it is mentioned, unless a case is under legal
/// hold.
///
/// 1. Everything sealed is opened and held against the value (`SubjectSearch`, `SubjectText`).
/// 2. Under the tenant's turn to write: what came since is looked at too, held cases are asked, the keys are deleted, the
///    events of it recorded, and projections emptied, in one transaction (`EventLog.erase`).
/// 3. A stage that had read an event before may write of it after. Once every stage has passed the erasure, what follows
///    from events of before is searched, and erased as well.
package struct SubjectEraser: Sendable {
    /// Whom it is about. Never written down: the log knows it by `id` alone.
    package struct Subject: Sendable {
        package let id: UUID
        package let key: EntityKey
        fileprivate let text: SubjectText

        /// Whether a text names the subject: what is said of the erasure must not.
        package func isNamed(in text: String) -> Bool { self.text.isMentioned(in: Array(text.utf8)) }
    }

    /// What is known of a subject.
    package struct Account: Sendable {
        package var mentions: SubjectMentions
        /// Cases under legal hold that an erasure would touch.
        package var heldBy: [UUID]
        /// As of this position.
        package var position: Int64
    }

    package enum Outcome: Sendable {
        case erased(Summary)
        case held([UUID])
    }

    package struct Summary: Sendable {
        package var erasure: Erasure
        package var cases: Int
        package var clearEvents: Int64
        /// The last event of it.
        package var position: Int64
        /// Every stage has passed it. Otherwise a stage may still write what it had read: erase again later.
        package var isSettled: Bool
    }

    package static let holds = HoldCatalogue(
        placed: EventType.legalHoldPlaced.rawValue, lifted: EventType.legalHoldLifted.rawValue, link: "alert_id",
        sources: [EventType.detectionMatched.rawValue])

    private static let keysMaximum = 5_000
    private static let settlings = 3

    private let log: EventLog
    private let cases: CaseStore
    private let positions: ReactorPositions
    private let clearing: ErasureClearing
    private let clock: @Sendable () -> Instant
    /// How long stages are waited for.
    private let patience: Duration

    package init(
        log: EventLog, cases: CaseStore, positions: ReactorPositions, clearing: ErasureClearing,
        clock: @escaping @Sendable () -> Instant, patience: Duration = .seconds(5)
    ) {
        self.log = log
        self.cases = cases
        self.positions = positions
        self.clearing = clearing
        self.clock = clock
        self.patience = patience
    }

    /// The subject that a value names. Spellings that are the same thing (`WEB-1`, `web-1`) are one subject.
    package func subject(
        _ type: Entity.EntityType, _ value: String, tenant: UUID
    ) async throws(EventLogError) -> Subject {
        let key = EntityKey(type: type, value: Entity.normalize(value, as: type))
        let id = try await log.subjectKeyID(type: type.rawValue, value: .string(key.value), tenant: tenant)
        return Subject(id: id, key: key, text: SubjectText(key, asGiven: value))
    }

    /// The subject of an id, as far as an entity in the log still bears its value; an id alone does not tell it.
    ///
    /// Quick when an entity is written as it is normalized; else every entity in the log is looked at.
    package func find(_ id: UUID, tenant: UUID) async throws -> Subject? {
        var seen: Set<EntityKey> = []
        if let event = try await log.event(sealedUnder: id, tenant: tenant),
            let found = try await find(id, in: event, &seen, tenant: tenant)
        {
            return found
        }
        var next: Int64 = 0
        while true {
            let page = try await log.page(tenant: tenant, from: next, limit: 500)
            for event in page.events {
                if let found = try await find(id, in: event, &seen, tenant: tenant) { return found }
            }
            guard page.next > next else { return nil }
            next = page.next
        }
    }

    private func find(
        _ id: UUID, in event: Event, _ seen: inout Set<EntityKey>, tenant: UUID
    ) async throws -> Subject? {
        for member in event.kind?.personalMembers ?? [] where member.subject == .entity {
            for entity in Self.entities(in: event.data, at: member.pointer) {
                let key = EntityKey(type: entity.type, value: Entity.normalize(entity.value, as: entity.type))
                guard seen.insert(key).inserted,
                    try await log.subjectKeyID(type: key.type.rawValue, value: .string(key.value), tenant: tenant) == id
                else { continue }
                return try await subject(entity.type, entity.value, tenant: tenant)
            }
        }
        return nil
    }

    package func account(of subject: Subject, tenant: UUID) async throws -> Account {
        let mentions = try await log.mentions(search(subject, tenant))
        let held = try await log.cases(holding: mentions.keys, Self.holds, tenant: tenant)
        return Account(mentions: mentions, heldBy: held, position: mentions.next - 1)
    }

    /// - Throws: `Rejection.illegalTransition` while a run is under way in a case that it would touch: undoing needs what
    ///   would go.
    package func erase(
        _ subject: Subject, reason: String, authority: String?, by actor: Actor, traceID: String?, tenant: UUID
    ) async throws -> Outcome {
        let search = search(subject, tenant)
        let found = try await log.mentions(search)
        for id in found.cases {
            guard let record = try await cases.load(id, tenant: tenant), record.activeRun != nil else { continue }
            throw Rejection.illegalTransition(state: record.state, command: "erase", allowed: [])
        }
        let cause = Cause(command: actor, traceID: traceID, at: clock())
        let outcome = try await log.erase(found, of: search, clearing: clearing) {
            Self.requests($0, $1, subject, reason, authority, cause, tenant)
        }
        switch outcome {
        case .held(let ids): return .held(ids)
        case .erased(let all, let erasure, let range):
            var summary = Summary(
                erasure: erasure, cases: all.cases.count, clearEvents: all.clearEvents, position: range.upperBound,
                isSettled: false)
            try await settle(&summary, search, since: range, subject, cause, tenant)
            return .erased(summary)
        }
    }

    /// Erases what stages wrote after the erasure of what they had read before it.
    private func settle(
        _ summary: inout Summary, _ search: SubjectSearch, since range: ClosedRange<Int64>, _ subject: Subject,
        _ cause: Cause, _ tenant: UUID
    ) async throws {
        let deadline = ContinuousClock.now + patience
        for _ in 0..<Self.settlings {
            while try await !positions.havePassed(summary.position + 1, tenant: tenant, now: clock()) {
                guard ContinuousClock.now < deadline else { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            let late = try await log.mentions(search, derivedFromBefore: range.lowerBound)
            guard !late.keys.isEmpty else {
                summary.isSettled = true
                return
            }
            guard
                case .erased(let all, let erasure, let further) = try await log.erase(
                    late, of: search, clearing: clearing,
                    recording: { Self.requests($0, $1, subject, nil, nil, cause, tenant) })
            else { return }
            summary.erasure.keys += erasure.keys
            summary.erasure.sealedMembers += erasure.sealedMembers
            summary.erasure.evidenceItems += erasure.evidenceItems
            summary.cases = max(summary.cases, all.cases.count)
            summary.position = further.upperBound
        }
    }

    private func search(_ subject: Subject, _ tenant: UUID) -> SubjectSearch {
        let text = subject.text
        return SubjectSearch(tenant: tenant, holds: Self.holds) { text.isMentioned(in: $0) }
    }

    /// The stream of erasures, and that of each case that changed.
    private static func requests(
        _ found: SubjectMentions, _ erasure: Erasure, _ subject: Subject, _ reason: String?, _ authority: String?,
        _ cause: Cause, _ tenant: UUID
    ) -> [AppendRequest] {
        let keys = found.keys.sorted { $0.uuidString < $1.uuidString }
        let parts = max(1, (keys.count + keysMaximum - 1) / keysMaximum)
        func payload(_ part: Int, _ keyIDs: [UUID], isOriginal: Bool) -> SubjectErased {
            SubjectErased(
                subjectID: subject.id, entityType: subject.key.type, reason: isOriginal ? reason : nil,
                authority: isOriginal ? authority : nil, keys: erasure.keys, sealedMembers: erasure.sealedMembers,
                evidenceItems: erasure.evidenceItems, cases: Int64(found.cases.count),
                clearEvents: found.clearEvents, keyIDs: keyIDs, part: part, parts: parts)
        }
        let decisions = (0..<parts).map { part in
            Decision(
                payload(part + 1, Array(keys.dropFirst(part * keysMaximum).prefix(keysMaximum)), isOriginal: true))
        }
        let original = AppendRequest(
            tenant: tenant, streamKind: StreamKind.audit.rawValue,
            streamID: UUID.v5(namespace: tenant, name: "erasures"), expected: .any,
            events: cause.events(for: decisions))
        // No deed on the case: it counts as nobody's work on it.
        var following = Cause(
            command: Actor(kind: .service, subject: "docket.eraser", lane: .system), traceID: cause.traceID,
            correlationID: cause.correlationID, at: cause.occurredAt)
        following.causedBy = original.events.first?.eventID
        return [original]
            + found.cases.sorted { $0.uuidString < $1.uuidString }.map { id in
                AppendRequest(
                    tenant: tenant, streamKind: StreamKind.case.rawValue, streamID: id, caseID: id, expected: .any,
                    events: following.events(for: [Decision(payload(1, [], isOriginal: false))]))
            }
    }

    /// Entities that a sealed member's pointer leads to: the value, with the type beside it.
    private static func entities(in data: JSONValue, at pointer: String) -> [(type: Entity.EntityType, value: String)] {
        var places = [data]
        // Without `/data` in front and the value's own name behind.
        for token in pointer.split(separator: "/").dropFirst().dropLast() {
            places = places.flatMap { place in
                token == "*" ? place.arrayValue ?? [] : place[String(token)].map { [$0] } ?? []
            }
        }
        return places.compactMap { place in
            guard let type = place["type"]?.stringValue.flatMap(Entity.EntityType.init(rawValue:)),
                let value = place["value"]?.stringValue
            else { return nil }
            return (type, value)
        }
    }
}
