package import EventLog
package import Events
package import Foundation
package import Postgres
package import Proof

/// Writes a tenant's Merkle tree and signs its head: what makes the log provable.
///
/// Each leaf is computed anew from the bytes that are read, and compared with the one that the append stored: what was
/// changed in between is not signed. Tiles and checkpoint of a size are one transaction. Several sealers do no harm: from
/// the same log both make the same tree, so whatever two of them write at the same moment fits together.
package struct Sealer: Sendable {
    /// Events read at once, which is also the most that lie between two checkpoints while there is a backlog.
    private static let step = 4_096

    private let log: EventLog
    private let database: Database
    private let keys: SigningKeys
    private let clock: @Sendable () -> Instant

    package init(
        log: EventLog, database: Database, keys: SigningKeys, clock: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.log = log
        self.database = database
        self.keys = keys
        self.clock = clock
    }

    /// Seals what is not sealed yet.
    ///
    /// - Returns: the size of the sealed tree.
    /// - Throws: `SealingError` naming the position where the log is not what it was: nothing beyond it is signed.
    @discardableResult
    package func seal(_ tenant: UUID) async throws -> Int64 {
        let stored = StoredTree(database: database, tenant: tenant)
        let last = try await stored.checkpoint()
        var size = last?.size ?? 0
        guard try await log.head(tenant: tenant) > size else { return size }
        let key = try keys.make(tenant, hasSigned: last != nil)
        var growth = try await stored.growth(of: size)
        if let last, growth.root.bytes != last.root {
            throw SealingError("the stored tiles do not give the root that was signed for size \(last.size)")
        }
        while true {
            let records = try await log.records(tenant: tenant, from: size, limit: Self.step)
            guard !records.isEmpty else { return size }
            var tiles: [(tile: Tile, hashes: [UInt8])] = []
            for record in records {
                tiles += growth.append(try Self.leaf(record, tenant: tenant, expected: growth.size))
            }
            tiles += growth.partialTiles
            let checkpoint = Checkpoint(
                origin: SigningKeys.origin(of: tenant), size: growth.size, root: growth.root)
            let note = try checkpoint.signed(by: [key])
            guard try await write(tiles, checkpoint, note, after: size, tenant) else {
                // Another sealer was faster.
                return try await stored.checkpoint()?.size ?? size
            }
            size = growth.size
            try keys.keepHead(note, checkpoint, tenant)
        }
    }

    /// The leaf of a row, computed from its bytes.
    static func leaf(_ record: StoredRecord, tenant: UUID, expected position: Int64) throws -> TreeHash {
        guard record.position == position else {
            throw SealingError("position \(position) is missing: the next one is \(record.position)")
        }
        guard let sealed = TreeHash(record.sealedDigest) else {
            throw SealingError("the sealed digest at position \(position) has no 32 bytes")
        }
        let leaf = record.leaf(of: tenant).hash(body: record.body, sealedDigest: sealed)
        guard leaf.bytes == record.leafHash else {
            throw SealingError("the event at position \(position) is not what was appended: its leaf differs")
        }
        return leaf
    }

    /// - Returns: `false` when the tree has grown meanwhile.
    private func write(
        _ tiles: [(tile: Tile, hashes: [UInt8])], _ checkpoint: Checkpoint, _ note: SignedNote, after size: Int64,
        _ tenant: UUID
    ) async throws -> Bool {
        let text = String(decoding: note.bytes, as: UTF8.self)
        let signedAt = PostgresTimestamp(microseconds: clock().microseconds)
        let root = checkpoint.root.bytes
        let newSize = checkpoint.size
        return try await database.transaction { tx throws(PostgresError) in
            let newest = try tx.query(
                "SELECT coalesce(max(tree_size), 0) FROM docket.checkpoint WHERE tenant_id = \(tenant)"
            ) { row throws(PostgresError) in try row[0] as Int64 }
            guard newest.first == size else { return false }
            try tx.execute(
                """
                INSERT INTO docket.tile (tenant_id, level, tile_index, width, hashes)
                SELECT \(tenant), t.* FROM unnest(
                    \(tiles.map { Int16($0.tile.level) }), \(tiles.map(\.tile.index)),
                    \(tiles.map { Int16($0.tile.width) }), \(tiles.map(\.hashes))) AS t
                ON CONFLICT DO NOTHING
                """)
            // A partial tile that a wider one of this transaction holds is no longer needed.
            try tx.execute(
                """
                DELETE FROM docket.tile AS o USING docket.tile AS n
                 WHERE o.tenant_id = \(tenant) AND n.tenant_id = \(tenant) AND o.level = n.level
                   AND o.tile_index = n.tile_index AND o.width < n.width AND o.width < 256
                   AND (o.level, o.tile_index) IN (
                       SELECT t.* FROM unnest(\(tiles.map { Int16($0.tile.level) }), \(tiles.map(\.tile.index))) AS t)
                """)
            try tx.execute(
                """
                INSERT INTO docket.checkpoint (tenant_id, tree_size, root, note, signed_at)
                VALUES (\(tenant), \(newSize), \(root), \(text), \(signedAt))
                ON CONFLICT DO NOTHING
                """)
            return true
        }
    }
}

extension StoredRecord {
    /// Header of the leaf (event-log design, "Immutability and proof").
    package func leaf(of tenant: UUID) -> Leaf {
        Leaf(
            tenant: tenant, position: position, stream: streamID, version: version, event: eventID,
            schemaVersion: schemaVersion, recordedAt: recordedAt, type: type)
    }
}
