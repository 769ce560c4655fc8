package import Foundation
import Postgres

/// Where a subject is mentioned, as far as the log was looked through.
package struct SubjectMentions: Sendable, Hashable {
    /// Under which everything that mentions it is sealed: what an erasure deletes.
    package var keys: Set<UUID> = []
    package var sealedMembers: Int64 = 0
    package var evidenceItems: Int64 = 0
    /// Streams with an event that mentions it, be it in the raw input that came with it.
    package var streams: Set<UUID> = []
    /// Cases that mention it, or that one of those streams belongs to.
    package var cases: Set<UUID> = []
    /// Events that mention it in the clear, where no erasure reaches: an actor's name, the text of a rule.
    package var clearEvents: Int64 = 0
    /// Everything before this position was looked at.
    package var next: Int64 = 0
}

/// Looks for a subject by opening everything that a tenant has sealed.
///
/// An entity's own key is known from its value; what mentions it in passing (a title, a comment, raw bytes, a plan) is
/// sealed under keys of its own, and only its text tells. So each member and each raw input is opened once, a page at a
/// time, and held against `isMention`. That takes as long as reading the tenant's whole log does, and it is the only way
/// that finds everything.
package struct SubjectSearch: Sendable {
    private static let eventsMaximum = 500
    private static let membersMaximum = 128
    private static let evidenceMaximum = 16

    private struct Row {
        let position: Int64
        let eventID: UUID
        let streamID: UUID
        let caseID: UUID?
        let causedBy: UUID?
        let body: [UInt8]
        /// Of a case's event: the stream that belongs to the case from here on.
        let linked: UUID?
    }

    let tenant: UUID
    let holds: HoldCatalogue
    let isMention: @Sendable ([UInt8]) -> Bool

    package init(tenant: UUID, holds: HoldCatalogue, isMention: @escaping @Sendable ([UInt8]) -> Bool) {
        self.tenant = tenant
        self.holds = holds
        self.isMention = isMention
    }

    /// Takes the next page in.
    ///
    /// - Parameters:
    ///   - key: the tenant's; without one nothing is sealed.
    ///   - ancestors: when given, only events that follow from one of these are looked at, and they join them.
    func step(
        _ found: SubjectMentions, before end: Int64, key: TenantKey?, descendants: Descendants? = nil,
        _ tx: borrowing Transaction
    ) throws(PostgresError) -> (found: SubjectMentions, descendants: Descendants?) {
        var found = found
        var descendants = descendants
        var rows = try page(from: found.next, before: end, tx)
        guard let last = rows.last?.position else {
            found.next = max(found.next, end)
            return (found, descendants)
        }
        let pages = found.next..<(last + 1)
        found.next = pages.upperBound
        if descendants != nil {
            let heirs =
                try descendants?.take(
                    rows.map { (id: $0.eventID, causedBy: $0.causedBy) }, tenant: tenant, tx) ?? []
            rows = rows.filter { heirs.contains($0.eventID) }
        }
        let byPosition = Dictionary(rows.map { ($0.position, $0) }) { first, _ in first }
        if let key {
            let content = SealedContent(tenant: tenant, key: key)
            for (position, keyID) in try matches(in: pages, content, tx) where byPosition[position] != nil {
                found.keys.insert(keyID)
                found.sealedMembers += 1
                if let row = byPosition[position] { found.note(row.streamID, row.caseID) }
            }
            for (position, keyID) in try rawMatches(in: pages, content, tx) where byPosition[position] != nil {
                found.keys.insert(keyID)
                found.evidenceItems += 1
                if let row = byPosition[position] { found.note(row.streamID, row.caseID) }
            }
        }
        for row in rows {
            if let linked = row.linked, let caseID = row.caseID, found.streams.contains(linked) {
                found.cases.insert(caseID)
            }
            if isMention(row.body) { found.clearEvents += 1 }
        }
        return (found, descendants)
    }

    private func page(
        from next: Int64, before end: Int64, _ tx: borrowing Transaction
    ) throws(PostgresError) -> [Row] {
        try tx.query(
            """
            SELECT e.position, e.event_id, e.stream_id, e.case_id, e.caused_by, e.body,
                   CASE WHEN e.case_id IS NOT NULL THEN e.body #>> ARRAY['data', \(holds.link)] END
              FROM docket.event AS e
             WHERE e.tenant_id = \(tenant) AND e.position >= \(next) AND e.position < \(end)
             ORDER BY e.position LIMIT \(Self.eventsMaximum)
            """
        ) { row throws(PostgresError) in
            Row(
                position: try row[0], eventID: try row[1], streamID: try row[2], caseID: try row[3],
                causedBy: try row[4], body: (try row[5] as PostgresJSON).bytes,
                linked: (try row[6] as String?).flatMap { UUID(uuidString: $0) })
        }
    }

    private func matches(
        in positions: Range<Int64>, _ content: SealedContent, _ tx: borrowing Transaction
    ) throws(PostgresError) -> [(position: Int64, key: UUID)] {
        var found: [(position: Int64, key: UUID)] = []
        var last: (position: Int64, n: Int32)?
        while true {
            let members = try content.members(in: positions, after: last, limit: Self.membersMaximum, tx)
            for member in members where isMention(member.value) { found.append((member.position, member.keyID)) }
            guard members.count == Self.membersMaximum, let end = members.last else { return found }
            last = (end.position, end.n)
        }
    }

    private func rawMatches(
        in positions: Range<Int64>, _ content: SealedContent, _ tx: borrowing Transaction
    ) throws(PostgresError) -> [(position: Int64, key: UUID)] {
        var found: [(position: Int64, key: UUID)] = []
        var last: (position: Int64, digest: [UInt8])?
        while true {
            let items = try content.evidence(in: positions, after: last, limit: Self.evidenceMaximum, tx)
            for item in items where isMention(item.bytes) { found.append((item.firstPosition, item.keyID)) }
            guard items.count == Self.evidenceMaximum, let end = items.last else { return found }
            last = (end.firstPosition, end.digest)
        }
    }
}

extension SubjectMentions {
    fileprivate mutating func note(_ stream: UUID, _ caseID: UUID?) {
        streams.insert(stream)
        if let caseID { cases.insert(caseID) }
    }
}

/// Which events follow, by what caused them, from events before a position.
struct Descendants: Sendable {
    let position: Int64
    private var known: Set<UUID> = []

    init(ofEventsBefore position: Int64) { self.position = position }

    /// The heirs among the next events of the feed.
    mutating func take(
        _ events: [(id: UUID, causedBy: UUID?)], tenant: UUID, _ tx: borrowing Transaction
    ) throws(PostgresError) -> Set<UUID> {
        let causes = Set(events.compactMap(\.causedBy))
        let elders = Set(
            try tx.query(
                """
                SELECT e.event_id FROM docket.event AS e
                 WHERE e.tenant_id = \(tenant) AND e.event_id = ANY (\(Array(causes))) AND e.position < \(position)
                """
            ) { row throws(PostgresError) in try row[0] as UUID })
        var heirs: Set<UUID> = []
        for event in events {
            guard let cause = event.causedBy, elders.contains(cause) || known.contains(cause) else { continue }
            known.insert(event.id)
            heirs.insert(event.id)
        }
        return heirs
    }
}
