package import Events
package import Foundation
import JSON
import Postgres

/// A row of the log as it is stored: the exact body, every column beside it, and what was sealed. For whoever proves,
/// exports or checks; everybody else reads events.
package struct StoredRecord: Sendable {
    package struct Member: Sendable {
        /// 32 bytes, bound by the leaf; stays after an erasure.
        package var digest: [UInt8]
        /// Salt and canonical JSON of the value; `nil` once erased.
        package var opened: (salt: [UInt8], value: [UInt8])?
        /// It is there, yet it does not open, or not to what its digest says: it was altered.
        package var isBroken = false
    }

    package var position: Int64
    package var eventID: UUID
    package var streamID: UUID
    package var version: Int64
    package var schemaVersion: Int32
    package var recordedAt: Instant
    package var type: String
    package var occurredAt: Instant
    package var caseID: UUID?
    package var actor: String
    package var causedBy: UUID?
    package var correlationID: UUID
    package var traceID: String?
    package var streamKind: String
    package var body: [UInt8]
    package var sealedDigest: [UInt8]
    package var leafHash: [UInt8]
    /// In the order of n; empty where nothing was asked for.
    package var members: [Member] = []

    static let columns = """
        e.position, e.event_id, e.stream_id, e.version, e.schema_version, e.recorded_at, e.type, e.occurred_at, \
        e.case_id, e.actor, e.caused_by, e.correlation_id, e.trace_id, coalesce(s.kind, ''), e.body, e.sealed_digest, \
        e.leaf_hash
        """

    init(_ row: borrowing Row) throws(PostgresError) {
        position = try row[0]
        eventID = try row[1]
        streamID = try row[2]
        version = try row[3]
        schemaVersion = try row[4]
        recordedAt = Instant(microseconds: (try row[5] as PostgresTimestamp).microseconds)
        type = try row[6]
        occurredAt = Instant(microseconds: (try row[7] as PostgresTimestamp).microseconds)
        caseID = try row[8]
        actor = String(decoding: (try row[9] as PostgresJSON).bytes, as: UTF8.self)
        causedBy = try row[10]
        correlationID = try row[11]
        traceID = try row[12]
        streamKind = try row[13]
        body = (try row[14] as PostgresJSON).bytes
        sealedDigest = try row[15]
        leafHash = try row[16]
    }
}

extension EventLog {
    /// A tenant's rows from a position on, in order, as they are stored.
    ///
    /// - Parameter opensMembers: sealed members are opened too.
    package func records(
        tenant: UUID, from position: Int64, limit: Int, stream: UUID? = nil, opensMembers: Bool = false
    ) async throws(EventLogError) -> [StoredRecord] {
        let query: Query =
            if let stream {
                """
                SELECT \(unescaped: StoredRecord.columns) FROM docket.event AS e
                  LEFT JOIN docket.stream AS s ON s.tenant_id = \(tenant) AND s.stream_id = e.stream_id
                 WHERE e.tenant_id = \(tenant) AND e.stream_id = \(stream) AND e.position >= \(position)
                 ORDER BY e.position LIMIT \(limit)
                """
            } else {
                """
                SELECT \(unescaped: StoredRecord.columns) FROM docket.event AS e
                  LEFT JOIN docket.stream AS s ON s.tenant_id = \(tenant) AND s.stream_id = e.stream_id
                 WHERE e.tenant_id = \(tenant) AND e.position >= \(position)
                 ORDER BY e.position LIMIT \(limit)
                """
            }
        var records = try await reading { () throws(PostgresError) in
            try await database.query(query) { row throws(PostgresError) in try StoredRecord(row) }
        }
        guard opensMembers else { return records }
        let sealed = records.filter { $0.sealedDigest.contains { $0 != 0 } }.map(\.position)
        let members = try await sealedMembers(of: sealed, tenant)
        for index in records.indices {
            guard let own = members[records[index].position] else { continue }
            for (n, member) in own.sorted(by: { $0.key < $1.key }) {
                var stored = StoredRecord.Member(digest: member.digest)
                do {
                    stored.opened = try member.opened(tenant: tenant, event: records[index].eventID, n: n)
                } catch  where error.code == .corrupt {
                    stored.isBroken = true
                }
                records[index].members.append(stored)
            }
        }
        return records
    }
}
