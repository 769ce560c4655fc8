/// A perfect subtree of the log's tree: the leaves `index·2^level ..< (index+1)·2^level`.
package struct Subtree: Sendable, Hashable {
    package var level: Int
    package var index: Int64

    package init(level: Int, index: Int64) {
        self.level = level
        self.index = index
    }

    package var first: Int64 { index << Int64(level) }
    package var end: Int64 { (index + 1) << Int64(level) }

    /// The fewest perfect subtrees that hold just these leaves, from left to right.
    ///
    /// Those of `0..<n` are what the root of a tree of n leaves is computed from; those of a gap are what a verifier
    /// needs who does not have the leaves in it.
    package static func covering(_ range: Range<Int64>) -> [Subtree] {
        var subtrees: [Subtree] = []
        var position = range.lowerBound
        while position < range.upperBound {
            let room = 63 - (range.upperBound - position).leadingZeroBitCount
            let level = position == 0 ? room : min(room, position.trailingZeroBitCount)
            subtrees.append(Subtree(level: level, index: position >> Int64(level)))
            position += Int64(1) << Int64(level)
        }
        return subtrees
    }
}
