import Events
import Foundation
import JSON
import Synchronization

@testable import Proof

/// RFC 6962 §2.1 word for word: the slow tree that the fast one is held against.
struct NaiveTree {
    var leaves: [TreeHash]

    init(_ leaves: [TreeHash]) { self.leaves = leaves }

    /// Leaves of the entries 0 ..< count, each its own number in text.
    init(count: Int) { leaves = (0..<count).map { .leaf(of: Array("entry \($0)".utf8)) } }

    var root: TreeHash { Self.root(leaves[...]) }

    func root(of size: Int) -> TreeHash { Self.root(leaves[..<size]) }

    static func root(_ leaves: ArraySlice<TreeHash>) -> TreeHash {
        guard leaves.count > 1 else { return leaves.first ?? .empty }
        let k = split(leaves.count)
        return .node(root(leaves.prefix(k)), root(leaves.dropFirst(k)))
    }

    /// PATH(m, D[n]), §2.1.1.
    static func path(_ m: Int, _ leaves: ArraySlice<TreeHash>) -> [TreeHash] {
        guard leaves.count > 1 else { return [] }
        let k = split(leaves.count)
        return m < k
            ? path(m, leaves.prefix(k)) + [root(leaves.dropFirst(k))]
            : path(m - k, leaves.dropFirst(k)) + [root(leaves.prefix(k))]
    }

    /// SUBPROOF(m, D[n], b), §2.1.2.
    static func subproof(_ m: Int, _ leaves: ArraySlice<TreeHash>, _ b: Bool) -> [TreeHash] {
        if m == leaves.count { return b ? [] : [root(leaves)] }
        let k = split(leaves.count)
        return m <= k
            ? subproof(m, leaves.prefix(k), b) + [root(leaves.dropFirst(k))]
            : subproof(m - k, leaves.dropFirst(k), false) + [root(leaves.prefix(k))]
    }

    private static func split(_ n: Int) -> Int {
        var k = 1
        while k * 2 < n { k *= 2 }
        return k
    }
}

/// Tiles as a tree's growth gave them.
struct StoredTiles: TileSource {
    private let tiles: [Tile: [UInt8]]

    init(_ leaves: [TreeHash]) {
        var growth = TreeGrowth()
        var tiles: [Tile: [UInt8]] = [:]
        for leaf in leaves {
            for (tile, hashes) in growth.append(leaf) { tiles[tile] = hashes }
        }
        for (tile, hashes) in growth.partialTiles { tiles[tile] = hashes }
        self.tiles = tiles
    }

    func hashes(of tile: Tile) async throws -> [UInt8]? { tiles[tile] }
}

enum Vector {
    static func document(_ name: String) throws -> JSONValue {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Vectors/\(name)")
        return try JSONValue.parse(Array(try Data(contentsOf: file)), limits: JSONLimits(members: 1_000_000))
    }

    static func leaves() throws -> JSONValue {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../EventLogTests/Vectors/leaf.json")
        return try JSONValue.parse(Array(try Data(contentsOf: file)), limits: JSONLimits(members: 1_000_000))
    }
}
