/// Where tiles are: a table, a folder, an HTTP server.
package protocol TileSource: Sendable {
    /// The hashes of a tile, 32 bytes each; a wider version of the same tile is welcome. nil: not there.
    func hashes(of tile: Tile) async throws -> [UInt8]?
}

/// The tree of a size, read through its tiles: roots, proofs, leaves.
///
/// It believes what it reads. Whoever verifies compares a root with a checkpoint.
package struct TileTree<Source: TileSource>: Sendable {
    package let size: Int64
    private let source: Source
    private var cache: [Tile: [UInt8]] = [:]

    /// Enough for one path through the tree and a walk along its leaves.
    private static var cacheLimit: Int { 64 }

    package init(size: Int64, source: Source) {
        self.size = size
        self.source = source
    }

    package mutating func leaf(_ position: Int64) async throws -> TreeHash {
        try await hash(Subtree(level: 0, index: position))
    }

    /// The root of a perfect subtree.
    package mutating func hash(_ subtree: Subtree) async throws -> TreeHash {
        guard subtree.first >= 0, subtree.end <= size else {
            throw ProofError(.range, "\(subtree) is not in a tree of \(size)")
        }
        let level = subtree.level / 8
        let height = subtree.level % 8
        let first = subtree.index << Int64(height)
        let bytes = try await tile(level: level, index: first >> 8)
        let offset = Int(first & 255)
        var hashes = (0..<(1 << height)).map { TreeHash(bytes, at: 32 * (offset + $0)) }
        while hashes.count > 1 {
            hashes = stride(from: 0, to: hashes.count, by: 2).map { .node(hashes[$0], hashes[$0 + 1]) }
        }
        return hashes[0]
    }

    /// The roots of the subtrees that cover a range (`Subtree.covering`).
    package mutating func hashes(covering range: Range<Int64>) async throws -> [TreeHash] {
        var hashes: [TreeHash] = []
        for subtree in Subtree.covering(range) { hashes.append(try await hash(subtree)) }
        return hashes
    }

    package mutating func root() async throws -> TreeHash { SubtreeSpan.root(try await hashes(covering: 0..<size)) }

    package mutating func frontier() async throws -> Frontier {
        try Frontier(size: size, hashes: try await hashes(covering: 0..<size))
    }

    package mutating func inclusionProof(of index: Int64) async throws -> InclusionProof {
        guard index >= 0, index < size else { throw ProofError(.range, "index \(index) is not in a tree of \(size)") }
        let path = try await roots(of: InclusionProof.subtrees(index: index, treeSize: size))
        return InclusionProof(index: index, treeSize: size, path: path)
    }

    /// That this tree goes on from the one of an earlier size.
    package mutating func consistencyProof(from firstSize: Int64) async throws -> ConsistencyProof {
        guard firstSize >= 0, firstSize <= size else {
            throw ProofError(.range, "a tree of \(firstSize) does not come before one of \(size)")
        }
        let path = try await roots(of: ConsistencyProof.subtrees(firstSize: firstSize, secondSize: size))
        return ConsistencyProof(firstSize: firstSize, secondSize: size, path: path)
    }

    private mutating func roots(of spans: [SubtreeSpan]) async throws -> [TreeHash] {
        var roots: [TreeHash] = []
        for span in spans { roots.append(SubtreeSpan.root(try await hashes(covering: span.range))) }
        return roots
    }

    private mutating func tile(level: Int, index: Int64) async throws -> [UInt8] {
        guard let tile = Tile.inTree(of: size, level: level, index: index) else {
            throw ProofError(.range, "a tree of \(size) has no tile \(index) at level \(level)")
        }
        if let bytes = cache[tile] { return bytes }
        guard let bytes = try await source.hashes(of: tile), bytes.count >= 32 * tile.width else {
            throw ProofError(.missing, "\(tile.path) is not there")
        }
        if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
        cache[tile] = bytes
        return bytes
    }
}
