package import Events
package import Foundation
import Postgres

/// Events of a contiguous range as they came from the database; opening and decoding them is left to whoever uses them,
/// on whichever thread that is.
package struct LogChunk: Sendable {
    package let positions: Range<Int64>
    let log: EventLog
    let tenant: UUID
    let rows: CopiedRows
    let members: SealedMembers

    /// The events, all or those of a part of the chunk.
    package func events(_ part: Range<Int64>? = nil) throws(EventLogError) -> [Event] {
        let part = part ?? positions
        var stored: [StoredEvent] = []
        stored.reserveCapacity(part.count)
        for position in part {
            let row = try rows.withColumns(of: Int(position - positions.lowerBound)) {
                columns throws(EventLogError) in try StoredEvent(columns)
            }
            guard row.position == position else {
                throw EventLogError(.corrupt, "position \(position) is missing")
            }
            stored.append(row)
        }
        return try log.opened(stored, members, tenant)
    }
}

extension EventLog {
    /// From this size on, a page without a filter is read by COPY.
    static let scannedPage = 1_000

    /// Reads a long stretch of a tenant's log, in order and without a gap, chunk by chunk: the next one is on its way
    /// from the database while `body` works on the one before. Holds two chunks in memory, and no transaction between
    /// them.
    ///
    /// - Parameters:
    ///   - end: exclusive; the head when it is not given, as it is at the beginning.
    ///   - size: events in a chunk; the last one may have fewer.
    package func scan(
        tenant: UUID, from start: Int64, upTo end: Int64? = nil, chunksOf size: Int = 10_000,
        _ body: (LogChunk) async throws -> Void
    ) async throws {
        let head = try await head(tenant: tenant)
        let end = min(end ?? head, head)
        guard start < end else { return }
        func range(_ from: Int64) -> Range<Int64> { from..<(end - from <= Int64(size) ? end : from + Int64(size)) }
        var current = try await chunk(tenant, range(start))
        while current.positions.upperBound < end {
            let following = range(current.positions.upperBound)
            async let next = chunk(tenant, following)
            try await body(current)
            current = try await next
        }
        try await body(current)
    }

    /// Positions below the head are all there.
    func chunk(_ tenant: UUID, _ positions: Range<Int64>) async throws(EventLogError) -> LogChunk {
        let rows = try await reading { () throws(PostgresError) in
            try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                // COPY takes no parameters; nothing here can be anything but hexadecimal digits and numbers.
                try tx.copied(
                    from: """
                        SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
                         WHERE e.tenant_id = '\(unescaped: tenant.lowercased)'
                           AND e.position >= \(unescaped: String(positions.lowerBound))
                           AND e.position < \(unescaped: String(positions.upperBound))
                         ORDER BY e.position
                        """)
            }
        }
        guard rows.count == positions.count else {
            throw EventLogError(
                .corrupt, "of the positions \(positions) only \(rows.count) are there")
        }
        return LogChunk(
            positions: positions, log: self, tenant: tenant, rows: rows,
            members: try await sealedMembers(in: positions, tenant))
    }
}
