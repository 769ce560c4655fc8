import Cases
package import Events
package import Foundation
package import JSON
package import Postgres

/// Dead letters: what was refused at intake (`alert.rejected`), and whether it was tried again (`alert.retried`).
package struct DeadLettersProjection: Projection {
    package let name = "dead_letters"
    package let generation: Int32 = 1
    package let tables = ["dead_letters"]
    package let foldsCases = false
    package var ddl: String { SQL.text("DeadLetters/dead_letters.sql") }

    package init() {}

    package func apply(
        _ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction
    ) throws(PostgresError) {
        let events = batch.events.filter { $0.kind == .alertRejected || $0.kind == .alertRetried }
        guard !events.isEmpty else { return }
        let ids = Array(Set(events.map(Self.id)))
        let known = try tx.query(
            """
            SELECT view FROM \(unescaped: set["dead_letters"])
             WHERE tenant_id = \(batch.tenant) AND dead_letter_id = ANY(\(ids))
            """
        ) { row throws(PostgresError) in
            try StoredJSON.decode(try row[0] as PostgresJSON, as: DeadLetterView.self)
        }
        var letters = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for event in events {
            let id = Self.id(of: event)
            if event.kind == .alertRejected {
                letters[id] = DeadLetterView(id, event)
            } else {
                letters[id]?.retriedAt = event.recordedAt
            }
        }
        try write(letters.values.sorted { $0.position < $1.position }, batch.tenant, set, tx)
    }

    private func write(
        _ letters: [DeadLetterView], _ tenant: UUID, _ set: TableSet, _ tx: borrowing Transaction
    ) throws(PostgresError) {
        guard !letters.isEmpty else { return }
        let views = try letters.map { letter throws(PostgresError) in try StoredJSON.view(letter) }
        try tx.execute(
            """
            INSERT INTO \(unescaped: set["dead_letters"]) (
                tenant_id, dead_letter_id, position, recorded_at, source, is_retried, view)
            SELECT \(tenant), l.*
              FROM unnest(
                       \(letters.map(\.id)), \(letters.map(\.position)), \(letters.map(\.recordedAt.timestamp)),
                       \(letters.map(\.source)), \(letters.map { $0.retriedAt != nil }), \(views)) AS l
            ON CONFLICT (tenant_id, dead_letter_id) DO UPDATE SET
                position = excluded.position, recorded_at = excluded.recorded_at, source = excluded.source,
                is_retried = excluded.is_retried, view = excluded.view
            """)
    }

    /// The id that the sender was told; without one the event's own.
    private static func id(of event: Event) -> UUID { event.data["dead_letter_id"]?.uuidValue ?? event.eventID }
}

/// A dead letter as the API lists it.
package struct DeadLetterView: Codable, Sendable, Hashable {
    package struct Raw: Codable, Sendable, Hashable {
        package var digest: String?
        package var mediaType: String?
        package var size: Int64?
    }

    package var id: UUID
    package var position: Int64
    package var recordedAt: Instant
    package var source: String?
    package var sourceRef: String?
    package var reason: String?
    /// As in a problem document (contract §9); `null` once erased.
    package var errors: JSONValue
    package var raw: Raw
    /// How many records it stands for: of many broken ones in a row only the first are kept one by one.
    package var items: Int64
    /// Of telemetry, where its sender says that it is from; `null` for what was sent as an alert.
    package var logsource: String?
    package var retriedAt: Instant?

    init(_ id: UUID, _ event: Event) {
        self.id = id
        position = event.position
        recordedAt = event.recordedAt
        source = event.data["source"]?.stringValue
        sourceRef = event.data["source_ref"]?.stringValue
        reason = event.data["reason"]?.stringValue
        errors = event.data["errors"] ?? .null
        items = event.data["items"]?.int64Value ?? 1
        logsource = event.data["logsource"]?.stringValue
        raw = Raw(
            digest: event.data["raw_digest"]?.stringValue,
            mediaType: (event.data["raw_media_type"] ?? event.data["media_type"])?.stringValue,
            size: event.data["raw_size"]?.int64Value)
    }
}
