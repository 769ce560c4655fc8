import Events
import Foundation
import JSON
import Testing

@testable import Proof

@Suite struct TreeTests {
    /// The entries and hashes of the reference implementations (github.com/transparency-dev/merkle, testonly; the same
    /// in Certificate Transparency's C++ and Go).
    private static let entries = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ]
    private static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("the roots of the well known eight leaves are those of the reference implementations, at each size")
    func knownRoots() throws {
        var frontier = Frontier()
        var leaves: [TreeHash] = []
        #expect(frontier.root.hexadecimal == Self.roots[0])
        for (size, entry) in Self.entries.enumerated() {
            let leaf = TreeHash.leaf(of: try #require([UInt8](hexadecimal: entry)))
            leaves.append(leaf)
            frontier.append(leaf)
            #expect(frontier.root.hexadecimal == Self.roots[size + 1])
            #expect(NaiveTree(leaves).root == frontier.root)
        }
    }

    @Test("the leaf of an event is the one that Python computed from the definition")
    func leafVectors() throws {
        let cases = try #require(try Vector.leaves()["cases"]?.arrayValue)
        #expect(cases.count >= 20)
        for vector in cases {
            func text(_ name: String) throws -> String { try #require(vector[name]?.stringValue, "\(name)") }
            let identifiers = try ["tenant_id", "stream_id", "event_id"].map { UUID(uuidString: try text($0)) }
            let numbers = try ["position", "version", "recorded_us"].map { Int64(try text($0)) }
            let leaf = Leaf(
                tenant: try #require(identifiers[0]), position: try #require(numbers[0]),
                stream: try #require(identifiers[1]), version: try #require(numbers[1]),
                event: try #require(identifiers[2]),
                schemaVersion: Int32(try #require(vector["schema_version"]?.int64Value)),
                recordedAt: Instant(microseconds: try #require(numbers[2])), type: try text("type"))
            let digests = try #require(vector["sealed"]?.arrayValue).map { sealed in
                let saltText = try #require(sealed["salt"]?.stringValue)
                let salt = try #require([UInt8](hexadecimal: saltText))
                let value = try #require(sealed["value"]?.stringValue)
                return Leaf.digest(salt: try #require(TreeHash(salt)), value: Array(value.utf8))
            }
            let name = try text("name")
            #expect(leaf.header.hexadecimal == (try text("header")), "\(name)")
            #expect(Leaf.sealedDigest(digests).hexadecimal == (try text("sealed_digest")), "\(name)")
            let hash = leaf.hash(body: Array(try text("body").utf8), sealedDigest: Leaf.sealedDigest(digests))
            #expect(hash.hexadecimal == (try text("leaf")), "\(name)")
        }
    }

    @Test("inclusion proofs are accepted and refused as the reference implementation does")
    func inclusionProbes() throws {
        let probes = try #require(try Vector.document("rfc6962-probes.json")["inclusion"]?.arrayValue)
        #expect(probes.count > 90)
        for probe in probes {
            let proof = InclusionProof(
                index: probe["leafIdx"]?.int64Value ?? -1, treeSize: probe["treeSize"]?.int64Value ?? -1,
                path: hashes(probe["proof"]) ?? [.zero, .zero, .zero, .zero, .zero, .zero])
            let valid = accepts {
                guard let leaf = hash(probe["leafHash"]), let root = hash(probe["root"]) else {
                    throw ProofError(.malformed, "no hash")
                }
                try proof.verify(leaf: leaf, root: root)
            }
            #expect(valid == (probe["wantErr"] == false), "\(probe["name"]?.stringValue ?? "?")")
        }
    }

    @Test("consistency proofs are accepted and refused as the reference implementation does")
    func consistencyProbes() throws {
        let probes = try #require(try Vector.document("rfc6962-probes.json")["consistency"]?.arrayValue)
        #expect(probes.count > 90)
        for probe in probes {
            // Its roots are two equal texts of 12 bytes, which here are no hashes to begin with.
            if probe["name"] == "consistency/additional/sizes-are-equal-one-and-proof-is-empty" { continue }
            let proof = ConsistencyProof(
                firstSize: probe["size1"]?.int64Value ?? -1, secondSize: probe["size2"]?.int64Value ?? -1,
                path: hashes(probe["proof"]) ?? [.zero, .zero, .zero, .zero, .zero, .zero])
            let valid = accepts {
                guard let first = hash(probe["root1"]), let second = hash(probe["root2"]) else {
                    throw ProofError(.malformed, "no hash")
                }
                try proof.verify(firstRoot: first, secondRoot: second)
            }
            #expect(valid == (probe["wantErr"] == false), "\(probe["name"]?.stringValue ?? "?")")
        }
    }

    @Test("a grown tree has the root of the naive one, and its frontier goes on after a restart", arguments: 0...70)
    func growth(size: Int) throws {
        let naive = NaiveTree(count: size)
        var frontier = Frontier()
        for leaf in naive.leaves { frontier.append(leaf) }
        #expect(frontier.root == naive.root)
        #expect(frontier.hashes.count == size.nonzeroBitCount)
        var restored = try Frontier(size: frontier.size, hashes: frontier.hashes)
        restored.append(.zero)
        #expect(restored.root == NaiveTree(naive.leaves + [.zero]).root)
        #expect(throws: ProofError.self) { try Frontier(size: frontier.size, hashes: frontier.hashes + [.zero]) }
    }

    @Test("subtrees cover exactly their range, and a frontier that takes them whole has the same root")
    func covering() {
        let naive = NaiveTree(count: 100)
        for from in 0...40 {
            for to in from...100 {
                let subtrees = Subtree.covering(Int64(from)..<Int64(to))
                #expect(subtrees.first?.first ?? Int64(from) == Int64(from) && subtrees.last?.end ?? Int64(to) == to)
                #expect(zip(subtrees, subtrees.dropFirst()).allSatisfy { $0.end == $1.first })
                var frontier = Frontier()
                for leaf in naive.leaves[..<from] { frontier.append(leaf) }
                for subtree in subtrees {
                    let leaves = naive.leaves[Int(subtree.first)..<Int(subtree.end)]
                    frontier.append(NaiveTree.root(leaves), level: subtree.level)
                }
                #expect(frontier.root == naive.root(of: to))
            }
        }
    }

    private func hash(_ value: JSONValue?) -> TreeHash? {
        value?.stringValue.flatMap { Data(base64Encoded: $0) }.flatMap { TreeHash(Array($0)) }
    }

    /// nil: one of them is no hash.
    private func hashes(_ value: JSONValue?) -> [TreeHash]? {
        let all = (value?.arrayValue ?? []).map { hash($0) }
        return all.contains(nil) ? nil : all.compactMap(\.self)
    }

    private func accepts(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch {
            return false
        }
    }
}
