/// The right edge of a growing tree: the roots of the perfect subtrees that make up its leaves so far.
///
/// At most 63 hashes whatever the size, so a sealer goes on from here without reading the tree again. It is also what
/// walks over a package: leaves where there are events, whole subtrees where there are not.
package struct Frontier: Sendable, Hashable {
    /// Leaves so far.
    package private(set) var size: Int64
    /// From left to right: one for each bit of `size`, the largest first.
    package private(set) var hashes: [TreeHash]

    package init() {
        size = 0
        hashes = []
    }

    /// The frontier as it was kept.
    package init(size: Int64, hashes: [TreeHash]) throws(ProofError) {
        guard size >= 0, hashes.count == size.nonzeroBitCount else {
            throw ProofError(.malformed, "a frontier of \(size) leaves does not have \(hashes.count) hashes")
        }
        self.size = size
        self.hashes = hashes
    }

    package mutating func append(_ leaf: TreeHash) { append(leaf, level: 0) }

    /// Appends 2^level leaves at once.
    ///
    /// The size must be a multiple of 2^level, which holds for what `Subtree.covering` gives.
    package mutating func append(_ subtree: TreeHash, level: Int) {
        precondition(level < 62 && size & ((Int64(1) << Int64(level)) - 1) == 0)
        var hash = subtree
        var index = size >> Int64(level)
        while index & 1 == 1 {
            hash = .node(hashes.removeLast(), hash)
            index >>= 1
        }
        hashes.append(hash)
        size += Int64(1) << Int64(level)
    }

    /// The tree's root (RFC 6962 §2.1).
    package var root: TreeHash {
        guard var hash = hashes.last else { return .empty }
        for left in hashes.dropLast().reversed() { hash = .node(left, hash) }
        return hash
    }
}
