/// A tree that is being sealed: leaves in, tiles and a frontier out.
///
/// Holds the hashes of the rightmost tile of each level and no more. Given back the partial tiles that were written
/// last (`partialTiles`), it goes on after a restart.
package struct TreeGrowth: Sendable {
    package private(set) var frontier: Frontier
    /// By level: the hashes of the rightmost, not yet full tile.
    private var edge: [[TreeHash]]

    package init() {
        frontier = Frontier()
        edge = []
    }

    /// Goes on with the tree of a size, from its rightmost partial tiles.
    package init(size: Int64, partialTiles: [Tile: [UInt8]]) throws(ProofError) {
        edge = []
        var subtrees: [[TreeHash]] = []
        var level = 0
        while size >> Int64(8 * level) > 0 {
            let count = size >> Int64(8 * level)
            var hashes: [TreeHash] = []
            if count & 255 > 0 {
                let tile = Tile(level: level, index: count >> 8, width: Int(count & 255))
                guard let bytes = partialTiles[tile], bytes.count == 32 * tile.width else {
                    throw ProofError(.missing, "\(tile.path) is not there")
                }
                hashes = (0..<tile.width).map { TreeHash(bytes, at: 32 * $0) }
            }
            edge.append(hashes)
            subtrees.append(Self.subtrees(of: hashes))
            level += 1
        }
        frontier = try Frontier(size: size, hashes: subtrees.reversed().flatMap(\.self))
    }

    package var size: Int64 { frontier.size }
    package var root: TreeHash { frontier.root }

    /// - Returns: the tiles that the leaf filled, lowest first.
    package mutating func append(_ leaf: TreeHash) -> [(tile: Tile, hashes: [UInt8])] {
        frontier.append(leaf)
        var full: [(Tile, [UInt8])] = []
        var hash = leaf
        var level = 0
        while true {
            if edge.count == level { edge.append([]) }
            edge[level].append(hash)
            guard edge[level].count == Tile.fullWidth else { return full }
            let index = (frontier.size >> Int64(8 * (level + 1))) - 1
            full.append((Tile(level: level, index: index), edge[level].flatMap(\.bytes)))
            hash = Self.subtrees(of: edge[level])[0]
            edge[level] = []
            level += 1
        }
    }

    /// The partial tiles of this size, which a checkpoint of it needs (C2SP tlog-tiles, Partial Tiles).
    package var partialTiles: [(tile: Tile, hashes: [UInt8])] {
        edge.enumerated().compactMap { level, hashes in
            guard !hashes.isEmpty else { return nil }
            let tile = Tile(
                level: level, index: frontier.size >> Int64(8 * (level + 1)), width: hashes.count)
            return (tile, hashes.flatMap(\.bytes))
        }
    }

    /// The perfect subtrees of a tile's hashes, from left to right.
    private static func subtrees(of hashes: [TreeHash]) -> [TreeHash] {
        var frontier = Frontier()
        for hash in hashes { frontier.append(hash) }
        return frontier.hashes
    }
}
