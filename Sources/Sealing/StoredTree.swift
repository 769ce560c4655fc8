import Events
package import Foundation
package import Postgres
package import Proof

/// Tiles and checkpoints as they are stored.
package struct StoredTree: TileSource {
    package let database: Database
    package let tenant: UUID

    package init(database: Database, tenant: UUID) {
        self.database = database
        self.tenant = tenant
    }

    /// The tile, or a wider form of it: what was written later holds what was written before.
    package func hashes(of tile: Tile) async throws -> [UInt8]? {
        try await database.first(
            """
            SELECT hashes FROM docket.tile
             WHERE tenant_id = \(tenant) AND level = \(Int16(tile.level)) AND tile_index = \(tile.index)
               AND width >= \(Int16(tile.width))
             ORDER BY width LIMIT 1
            """
        ) { row throws(PostgresError) in try row[0] as [UInt8] }
    }

    package struct Signed: Sendable {
        package var size: Int64
        package var root: [UInt8]
        package var note: String

        package init(size: Int64, root: [UInt8], note: String) {
            self.size = size
            self.root = root
            self.note = note
        }
    }

    /// The newest checkpoint, or the newest of at most a size.
    package func checkpoint(upTo size: Int64 = .max) async throws -> Signed? {
        try await database.first(
            """
            SELECT tree_size, root, note FROM docket.checkpoint
             WHERE tenant_id = \(tenant) AND tree_size <= \(size) ORDER BY tree_size DESC LIMIT 1
            """
        ) { row throws(PostgresError) in Signed(size: try row[0], root: try row[1], note: try row[2]) }
    }

    /// All checkpoints, in order of size.
    package func checkpoints() async throws -> [Signed] {
        try await database.query(
            """
            SELECT tree_size, root, note FROM docket.checkpoint WHERE tenant_id = \(tenant) ORDER BY tree_size
            """
        ) { row throws(PostgresError) in Signed(size: try row[0], root: try row[1], note: try row[2]) }
    }

    /// The tree of a size, growing from where it was sealed.
    func growth(of size: Int64) async throws -> TreeGrowth {
        guard size > 0 else { return TreeGrowth() }
        var partial: [Tile: [UInt8]] = [:]
        for tile in Tile.new(from: 0, to: size) where !tile.isFull {
            guard let hashes = try await hashes(of: tile) else {
                throw SealingError("the tile \(tile.path) of the tree of \(size) is missing")
            }
            partial[tile] = Array(hashes.prefix(32 * tile.width))
        }
        return try TreeGrowth(size: size, partialTiles: partial)
    }
}
