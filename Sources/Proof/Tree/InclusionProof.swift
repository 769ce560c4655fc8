/// That a leaf is at an index of the tree of a size (RFC 9162 §2.1.3).
package struct InclusionProof: Sendable, Hashable {
    package var index: Int64
    package var treeSize: Int64
    /// From the leaf's sibling up.
    package var path: [TreeHash]

    package init(index: Int64, treeSize: Int64, path: [TreeHash]) {
        self.index = index
        self.treeSize = treeSize
        self.path = path
    }

    /// RFC 9162 §2.1.3.2.
    package func verify(leaf: TreeHash, root: TreeHash) throws(ProofError) {
        guard index >= 0, index < treeSize else {
            throw ProofError(.proof, "index \(index) is not in a tree of \(treeSize)")
        }
        var fn = index
        var sn = treeSize - 1
        var hash = leaf
        for sibling in path {
            guard sn != 0 else { throw ProofError(.proof, "the inclusion proof is too long") }
            if fn & 1 == 1 || fn == sn {
                hash = .node(sibling, hash)
                while fn & 1 == 0, fn != 0 {
                    fn >>= 1
                    sn >>= 1
                }
            } else {
                hash = .node(hash, sibling)
            }
            fn >>= 1
            sn >>= 1
        }
        guard sn == 0 else { throw ProofError(.proof, "the inclusion proof is too short") }
        guard hash == root else { throw ProofError(.proof, "the inclusion proof leads to another root") }
    }

    /// Which subtrees the path consists of.
    package static func subtrees(index: Int64, treeSize: Int64) -> [SubtreeSpan] {
        var result: [SubtreeSpan] = []
        var range = 0..<treeSize
        while range.count > 1 {
            let split = range.lowerBound + ConsistencyProof.split(Int64(range.count))
            if index < split {
                result.append(SubtreeSpan(range: split..<range.upperBound))
                range = range.lowerBound..<split
            } else {
                result.append(SubtreeSpan(range: range.lowerBound..<split))
                range = split..<range.upperBound
            }
        }
        return result.reversed()
    }
}

/// A subtree in the sense of RFC 6962 §2.1: of any size, its root computed from perfect ones.
package struct SubtreeSpan: Sendable, Hashable {
    package var range: Range<Int64>

    /// The root of a span from the hashes of `Subtree.covering(range)`.
    package static func root(_ hashes: [TreeHash]) -> TreeHash {
        guard var hash = hashes.last else { return .empty }
        for left in hashes.dropLast().reversed() { hash = .node(left, hash) }
        return hash
    }
}
