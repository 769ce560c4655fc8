import Foundation
import Testing

@testable import Proof

@Suite struct TileTests {
    @Test("the path of a tile is the one of the specification, and reads back")
    func paths() throws {
        let tiles: [(Tile, String)] = [
            (Tile(level: 0, index: 0), "tile/0/000"), (Tile(level: 4, index: 1_234_067), "tile/4/x001/x234/067"),
            (Tile(level: 0, index: 273, width: 112), "tile/0/273.p/112"), (Tile(level: 63, index: 7), "tile/63/007"),
            (Tile(level: 2, index: 1_000, width: 1), "tile/2/x001/000.p/1"),
        ]
        for (tile, path) in tiles {
            #expect(tile.path == path)
            #expect(Tile(path: path) == tile)
        }
    }

    @Test(
        "what is no path of a tile is refused",
        arguments: [
            "", "tile", "tile/0", "tile/0/", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0", "tile/0/0000",
            "tile/0/x001", "tile/0/001/000", "tile/0/x000/000", "tile/0/x001/x000/000/", "tile/0/000.p/0",
            "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000.p/", "tile/0/00a", "tile/0/٠٠٠",
            "tile/entries/000", "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "/tile/0/000", "tile/0/000/..",
        ])
    func strangePaths(path: String) {
        #expect(Tile(path: path) == nil)
    }

    @Test("a tree of 70,000 has the tiles that the specification counts")
    func counts() {
        let tiles = Tile.new(from: 0, to: 70_000)
        let partial = tiles.filter { !$0.isFull }
        #expect(tiles.filter { $0.isFull && $0.level == 0 }.count == 273)
        #expect(tiles.filter { $0.isFull && $0.level == 1 }.count == 1)
        #expect(
            partial == [
                Tile(level: 0, index: 273, width: 112), Tile(level: 1, index: 1, width: 17),
                Tile(level: 2, index: 0, width: 1),
            ])
        #expect(Tile.new(from: 0, to: 256) == [Tile(level: 0, index: 0), Tile(level: 1, index: 0, width: 1)])
        #expect(Tile.inTree(of: 70_000, level: 1, index: 1) == Tile(level: 1, index: 1, width: 17))
        #expect(Tile.inTree(of: 70_000, level: 1, index: 2) == nil)
    }

    @Test("growing by one leaf at a time writes just the tiles that are new, and goes on after any restart")
    func growth() throws {
        let leaves = NaiveTree(count: 70_000).leaves
        var growth = TreeGrowth()
        var written: Set<Tile> = []
        for (size, leaf) in leaves.enumerated() {
            let full = growth.append(leaf)
            for (tile, _) in full { #expect(written.insert(tile).inserted) }
            #expect(full.map(\.tile) == Tile.new(from: Int64(size), to: Int64(size) + 1).filter(\.isFull))
            if size % 997 == 0 || size == 65_535 || size == 65_536 {
                #expect(
                    Set(growth.partialTiles.map(\.tile))
                        == Set(Tile.new(from: 0, to: growth.size).filter { !$0.isFull }))
                let kept = Dictionary(uniqueKeysWithValues: growth.partialTiles.map { ($0.tile, $0.hashes) })
                let restored = try TreeGrowth(size: growth.size, partialTiles: kept)
                #expect(restored.root == growth.root)
                growth = restored
            }
        }
        var frontier = Frontier()
        for leaf in leaves { frontier.append(leaf) }
        #expect(growth.root == frontier.root)
        #expect(throws: ProofError.self) { try TreeGrowth(size: 5, partialTiles: [:]) }
    }

    @Test("proofs read through tiles are those of RFC 6962, verify, and do not verify for anything else")
    func proofs() async throws {
        for size in [1, 2, 3, 7, 8, 13, 64, 100] {
            let naive = NaiveTree(count: size)
            var tree = TileTree(size: Int64(size), source: StoredTiles(naive.leaves))
            let root = try await tree.root()
            #expect(root == naive.root)
            for index in 0..<size {
                let proof = try await tree.inclusionProof(of: Int64(index))
                #expect(proof.path == NaiveTree.path(index, naive.leaves[...]))
                try proof.verify(leaf: naive.leaves[index], root: root)
                #expect(throws: ProofError.self) { try proof.verify(leaf: .zero, root: root) }
                #expect(throws: ProofError.self) { try proof.verify(leaf: naive.leaves[index], root: .zero) }
                var other = proof
                other.index += 1
                #expect(throws: ProofError.self) { try other.verify(leaf: naive.leaves[index], root: root) }
            }
            for first in 0...size {
                let proof = try await tree.consistencyProof(from: Int64(first))
                let expected = first == 0 ? [] : NaiveTree.subproof(first, naive.leaves[...], true)
                #expect(proof.path == expected)
                let firstRoot = naive.root(of: first)
                try proof.verify(firstRoot: firstRoot, secondRoot: root)
                #expect(throws: ProofError.self) { try proof.verify(firstRoot: .zero, secondRoot: root) }
                if first > 0 {
                    #expect(throws: ProofError.self) { try proof.verify(firstRoot: firstRoot, secondRoot: .zero) }
                }
            }
        }
    }

    @Test("over several levels of tiles, leaves, roots and proofs hold")
    func levels() async throws {
        let leaves = NaiveTree(count: 66_000).leaves
        let source = StoredTiles(leaves)
        var tree = TileTree(size: 66_000, source: source)
        var frontier = Frontier()
        for leaf in leaves { frontier.append(leaf) }
        let root = try await tree.root()
        #expect(root == frontier.root)
        #expect(try await tree.frontier() == frontier)
        for index in [0, 255, 256, 65_535, 65_536, 65_999] as [Int64] {
            #expect(try await tree.leaf(index) == leaves[Int(index)])
            try await tree.inclusionProof(of: index).verify(leaf: leaves[Int(index)], root: root)
        }
        var earlier = Frontier()
        for leaf in leaves[..<65_537] { earlier.append(leaf) }
        let consistency = try await tree.consistencyProof(from: 65_537)
        try consistency.verify(firstRoot: earlier.root, secondRoot: root)
        await #expect(throws: ProofError.self) {
            var tree = TileTree(size: 66_000, source: source)
            return try await tree.leaf(66_000)
        }
        await #expect(throws: ProofError.self) {
            var tree = TileTree(size: 66_001, source: source)
            return try await tree.root()
        }
    }
}
