package import Events
package import Foundation
package import Postgres

/// A stream that a projection cannot take in: its events from a position on are set aside, and everything else goes on.
///
/// The rows of the stream stay as they were before that event. The mark is tried again with growing pauses, and at once
/// when a process starts, so a build that can read the event brings the stream up to date by itself.
package struct ProjectionMark: Codable, Sendable, Hashable {
    package var projection: String
    package var version: Int32
    package var tenantID: UUID
    package var streamID: UUID
    package var caseID: UUID?
    /// Of the event that cannot be taken in.
    package var position: Int64
    package var type: String
    /// Without any of the event's values.
    package var reason: String
    /// Attempts that failed.
    package var attempts: Int
    package var since: Instant
    package var dueAt: Instant

    static let columns =
        "m.name, m.version, m.tenant_id, m.stream_id, m.case_id, m.position, m.type, m.reason, m.attempts, m.since, m.due_at"

    init(
        _ event: Event, projection: String, version: Int32, tenant: UUID, reason: String, since: Instant, dueAt: Instant
    ) {
        self.projection = projection
        self.version = version
        tenantID = tenant
        streamID = event.streamID
        caseID = event.caseID
        position = event.position
        type = event.type
        self.reason = reason
        attempts = 1
        self.since = since
        self.dueAt = dueAt
    }

    init(_ row: borrowing Row, from first: Int = 0) throws(PostgresError) {
        projection = try row[first]
        version = try row[first + 1]
        tenantID = try row[first + 2]
        streamID = try row[first + 3]
        caseID = try row[first + 4]
        position = try row[first + 5]
        type = try row[first + 6]
        reason = try row[first + 7]
        attempts = Int(try row[first + 8] as Int32)
        since = Instant(try row[first + 9] as PostgresTimestamp)
        dueAt = Instant(try row[first + 10] as PostgresTimestamp)
    }

    /// 2, 4, 8, … seconds, and then every five minutes.
    static func pauseMs(after attempts: Int) -> Int64 { min(300_000, 1_000 << min(max(attempts, 0), 10)) }
}

extension ProjectionMark {
    /// Streams that may be set aside; more mean that not the events are at fault, but the projection.
    static let maximum = 100

    /// The marks of one set of a projection of a tenant, by stream.
    static func all(
        of projection: any Projection, version: Int32, tenant: UUID, in tx: borrowing Transaction
    ) throws(PostgresError) -> [ProjectionMark] {
        try tx.query(
            """
            SELECT \(unescaped: columns) FROM docket.projection_mark AS m
             WHERE m.tenant_id = \(tenant) AND m.name = \(projection.name) AND m.version = \(version)
             ORDER BY m.stream_id
            """
        ) { row throws(PostgresError) in try ProjectionMark(row) }
    }

    func write(in tx: borrowing Transaction) throws(PostgresError) {
        try tx.execute(
            """
            INSERT INTO docket.projection_mark (
                tenant_id, name, version, stream_id, case_id, position, type, reason, attempts, since, due_at)
            VALUES (
                \(tenantID), \(projection), \(version), \(streamID), \(caseID), \(position), \(type), \(reason),
                \(Int32(clamping: attempts)), \(since.timestamp), \(dueAt.timestamp))
            ON CONFLICT (tenant_id, name, version, stream_id) DO UPDATE
               SET position = excluded.position, type = excluded.type, reason = excluded.reason,
                   attempts = excluded.attempts, due_at = excluded.due_at
            """)
    }

    func remove(in tx: borrowing Transaction) throws(PostgresError) {
        try tx.execute(
            """
            DELETE FROM docket.projection_mark
             WHERE tenant_id = \(tenantID) AND name = \(projection) AND version = \(version)
               AND stream_id = \(streamID)
            """)
    }

    /// Takes away every mark of a set: it begins anew.
    static func clear(
        _ name: String, version: Int32, tenant: UUID, in tx: borrowing Transaction
    ) throws(PostgresError) {
        try tx.execute(
            """
            DELETE FROM docket.projection_mark
             WHERE tenant_id = \(tenant) AND name = \(name) AND version = \(version)
            """)
    }
}

extension ProjectionMonitor {
    /// The streams that are set aside, oldest first; of one tenant or of all.
    package func marks(
        tenant: UUID? = nil, limit: Int = 1_000
    ) async throws(ProjectionError) -> [ProjectionMark] {
        do {
            return try await database.query(
                """
                SELECT \(unescaped: ProjectionMark.columns) FROM docket.projection_mark AS m
                 WHERE \(tenant) IS NULL OR m.tenant_id = \(tenant)
                 ORDER BY m.since, m.tenant_id, m.name, m.stream_id LIMIT \(limit)
                """
            ) { row throws(PostgresError) in try ProjectionMark(row) }
        } catch {
            throw ProjectionError(.database, "what is set aside cannot be read", cause: error)
        }
    }
}
