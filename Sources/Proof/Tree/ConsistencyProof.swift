/// That a tree only grew: the tree of the first size is the beginning of that of the second (RFC 9162 §2.1.4).
package struct ConsistencyProof: Sendable, Hashable {
    package var firstSize: Int64
    package var secondSize: Int64
    package var path: [TreeHash]

    package init(firstSize: Int64, secondSize: Int64, path: [TreeHash]) {
        self.firstSize = firstSize
        self.secondSize = secondSize
        self.path = path
    }

    /// RFC 9162 §2.1.4.2. The empty tree is consistent with every tree, by an empty proof.
    package func verify(firstRoot: TreeHash, secondRoot: TreeHash) throws(ProofError) {
        guard firstSize >= 0, firstSize <= secondSize else {
            throw ProofError(.proof, "a tree of \(firstSize) does not come before one of \(secondSize)")
        }
        if firstSize == secondSize || firstSize == 0 {
            guard path.isEmpty else { throw ProofError(.proof, "the consistency proof is too long") }
            guard firstSize == 0 ? firstRoot == .empty : firstRoot == secondRoot else {
                throw ProofError(.proof, "two roots of one size")
            }
            return
        }
        var rest = path[...]
        if firstSize & (firstSize - 1) == 0 { rest = [firstRoot] + rest }
        guard let seed = rest.popFirst() else { throw ProofError(.proof, "the consistency proof is empty") }
        var fn = firstSize - 1
        var sn = secondSize - 1
        while fn & 1 == 1 {
            fn >>= 1
            sn >>= 1
        }
        var first = seed
        var second = seed
        for hash in rest {
            guard sn != 0 else { throw ProofError(.proof, "the consistency proof is too long") }
            if fn & 1 == 1 || fn == sn {
                first = .node(hash, first)
                second = .node(hash, second)
                while fn & 1 == 0, fn != 0 {
                    fn >>= 1
                    sn >>= 1
                }
            } else {
                second = .node(second, hash)
            }
            fn >>= 1
            sn >>= 1
        }
        guard sn == 0 else { throw ProofError(.proof, "the consistency proof is too short") }
        guard first == firstRoot else { throw ProofError(.proof, "the consistency proof has another first root") }
        guard second == secondRoot else { throw ProofError(.proof, "the consistency proof has another second root") }
    }

    /// Which subtrees the path consists of (RFC 9162 §2.1.4.1).
    package static func subtrees(firstSize: Int64, secondSize: Int64) -> [SubtreeSpan] {
        guard firstSize > 0, firstSize < secondSize else { return [] }
        var result: [SubtreeSpan] = []
        var range = 0..<secondSize
        var knowsFirstRoot = true
        while firstSize != range.upperBound {
            let split = range.lowerBound + split(Int64(range.count))
            if firstSize <= split {
                result.append(SubtreeSpan(range: split..<range.upperBound))
                range = range.lowerBound..<split
            } else {
                result.append(SubtreeSpan(range: range.lowerBound..<split))
                range = split..<range.upperBound
                knowsFirstRoot = false
            }
        }
        if !knowsFirstRoot { result.append(SubtreeSpan(range: range)) }
        return result.reversed()
    }

    /// The largest power of two below n, which must be more than 1.
    static func split(_ n: Int64) -> Int64 { 1 << Int64(63 - (n - 1).leadingZeroBitCount) }
}
