import Crypto
import Events
package import Foundation
import Postgres

/// Which events put a case under legal hold and lift it, and how events name what belongs together. This is knowledge of
/// the domain; the log only obeys it.
package struct HoldCatalogue: Sendable {
    /// Events of the case itself.
    package var placed: String
    package var lifted: String
    /// The member of the data by which a case's event names a stream that belongs to the case.
    package var link: String
    /// Types of events that bring raw input for others to cite, each listing its digests under `raw_digests`.
    package var sources: [String]

    package init(placed: String, lifted: String, link: String, sources: [String]) {
        self.placed = placed
        self.lifted = lifted
        self.link = link
        self.sources = sources
    }
}

/// What the cases that are under legal hold at this moment hold.
///
/// Computed from the log when it is asked for, and so never out of date: whatever joined a case since, an alert or a
/// comment, is held like what was there when the hold was placed. Held are the events of the case, those of the streams
/// that belong to it, everything that led to them, and raw input that any of these names, in the clear or sealed.
struct LegalHold {
    let tenant: UUID
    let catalogue: HoldCatalogue
    /// The tenant's; without one nothing is sealed, and nothing to be held.
    let key: TenantKey?

    /// The cases that hold any of some keys.
    func cases(holding keys: Set<UUID>, _ tx: borrowing Transaction) throws(PostgresError) -> Set<UUID> {
        let cases = try heldCases(tx)
        guard !cases.isEmpty, !keys.isEmpty, let key else { return [] }
        var holders: Set<UUID> = []
        // Case by case, for a refusal names them; held cases are few.
        for id in cases where try !self.keys(of: id, among: keys, SealedContent(tenant: tenant, key: key), tx).isEmpty {
            holders.insert(id)
        }
        return holders
    }

    /// Cases whose last word on it is that they are held.
    func heldCases(_ tx: borrowing Transaction) throws(PostgresError) -> [UUID] {
        try tx.query(
            """
            SELECT last.case_id
              FROM (SELECT DISTINCT ON (e.case_id) e.case_id, e.type FROM docket.event AS e
                     WHERE e.tenant_id = \(tenant) AND e.type = ANY (\([catalogue.placed, catalogue.lifted]))
                       AND e.case_id IS NOT NULL
                     ORDER BY e.case_id, e.position DESC) AS last
             WHERE last.type = \(catalogue.placed) ORDER BY last.case_id
            """
        ) { row throws(PostgresError) in try row[0] as UUID }
    }

    private func keys(
        of caseID: UUID, among keys: Set<UUID>, _ content: SealedContent, _ tx: borrowing Transaction
    ) throws(PostgresError) -> Set<UUID> {
        var positions = try self.positions(of: caseID, tx)
        var digests: Set<Events.Digest> = []
        for start in stride(from: 0, to: positions.count, by: 200) {
            let some = Array(positions[start..<min(start + 200, positions.count)])
            let bodies = try tx.query(
                "SELECT body FROM docket.event WHERE tenant_id = \(tenant) AND position = ANY (\(some))"
            ) { row throws(PostgresError) in (try row[0] as PostgresJSON).bytes }
            for text in bodies + (try content.members(of: some, tx)).map(\.value) { digests.formUnion(text.digests) }
        }
        positions += try sources(of: digests, tx)
        let candidates = Array(keys)
        let sealed = try tx.query(
            """
            SELECT DISTINCT s.subject_key_id FROM docket.sealed AS s
             WHERE s.tenant_id = \(tenant) AND s.position = ANY (\(positions)) AND s.subject_key_id = ANY (\(candidates))
            """
        ) { row throws(PostgresError) in try row[0] as UUID }
        let raw = try tx.query(
            """
            SELECT d.subject_key_id FROM docket.evidence AS d
             WHERE d.tenant_id = \(tenant) AND d.digest = ANY (\(digests.map(\.bytes)))
               AND d.subject_key_id = ANY (\(candidates))
            """
        ) { row throws(PostgresError) in try row[0] as UUID }
        return Set(sealed).union(raw)
    }

    /// The case's own events, those of the streams that belong to it, and whatever caused any of them.
    private func positions(of caseID: UUID, _ tx: borrowing Transaction) throws(PostgresError) -> [Int64] {
        try tx.query(
            """
            WITH RECURSIVE own AS (
                SELECT e.position, e.caused_by, e.body #>> ARRAY['data', \(catalogue.link)] AS stream
                  FROM docket.event AS e WHERE e.tenant_id = \(tenant) AND e.case_id = \(caseID)
            ), linked AS (
                SELECT DISTINCT CASE WHEN o.stream ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                     THEN o.stream::uuid END AS stream_id FROM own AS o
            ), chain AS (
                SELECT o.position, o.caused_by FROM own AS o
                UNION
                SELECT a.position, a.caused_by FROM linked AS l
                  JOIN docket.event AS a ON a.tenant_id = \(tenant) AND a.stream_id = l.stream_id
                UNION
                SELECT p.position, p.caused_by FROM chain AS c
                  JOIN docket.event AS p ON p.tenant_id = \(tenant) AND p.event_id = c.caused_by
            )
            SELECT DISTINCT position FROM chain ORDER BY position
            """
        ) { row throws(PostgresError) in try row[0] as Int64 }
    }

    /// Events that brought raw input of these digests for others to cite.
    private func sources(
        of digests: Set<Events.Digest>, _ tx: borrowing Transaction
    ) throws(PostgresError) -> [Int64] {
        guard !digests.isEmpty else { return [] }
        return try tx.query(
            """
            SELECT DISTINCT e.position FROM docket.event AS e
             CROSS JOIN LATERAL json_array_elements_text(
                   CASE json_typeof(e.body #> '{data,raw_digests}')
                        WHEN 'array' THEN e.body #> '{data,raw_digests}' ELSE '[]'::json END) AS d (digest)
             WHERE e.tenant_id = \(tenant) AND e.type = ANY (\(catalogue.sources))
               AND d.digest = ANY (\(digests.map(\.text)))
            """
        ) { row throws(PostgresError) in try row[0] as Int64 }
    }
}

extension [UInt8] {
    /// Every `sha256:` with its 64 digits that stands in a text.
    fileprivate var digests: [Events.Digest] {
        let mark = Array("sha256:".utf8)
        var found: [Events.Digest] = []
        var start = startIndex
        while let colon = self[start...].firstIndex(of: UInt8(ascii: ":")) {
            start = colon + 1
            guard colon >= mark.count - 1, start + 64 <= endIndex,
                self[(start - mark.count)..<start].elementsEqual(mark)
            else { continue }
            let text = String(decoding: self[(start - mark.count)..<(start + 64)], as: UTF8.self)
            if let digest = Events.Digest(text: text) { found.append(digest) }
        }
        return found
    }
}
