/// The names of fields that rules ask for, by number.
///
/// A name is a path of segments (`userIdentity.arn`), and the paths are a tree: the scanner goes down it member by
/// member, so what no rule asks for is left behind at the first segment. A number stands for exactly one name, since
/// the bytes are compared.
struct FieldNames: Sendable {
    /// The record itself.
    static let root: Int32 = 0
    /// What no name begins with.
    static let none: Int32 = -1

    private struct Node: Sendable {
        var parent: Int32
        var hash: UInt64
        /// Place of the segment in `text`.
        var start: Int
        var count: Int
        /// Number of the field whose name ends here, or -1.
        var field: Int32
    }

    private var nodes = [Node(parent: -1, hash: 0, start: 0, count: 0, field: -1)]
    private var text: [UInt8] = []
    /// Nodes by hash, open addressing; -1 is a free place.
    private var slots = [Int32](repeating: -1, count: 64)
    private(set) var names: [String] = []
    private var numbers: [String: Int32] = [:]

    var nodeCount: Int { nodes.count }

    /// Numbers a name; the same name gets the same number.
    mutating func insert(_ name: String) -> Int32 {
        if let known = numbers[name] { return known }
        let number = Int32(names.count)
        names.append(name)
        numbers[name] = number
        var node = Self.root
        for segment in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let bytes = Array(segment)
            let found = child(of: node, bytes.span, from: 0, count: bytes.count)
            node = found >= 0 ? found : add(bytes, under: node)
        }
        nodes[Int(node)].field = number
        return number
    }

    func number(of name: String) -> Int32? { numbers[name] }

    @inline(__always)
    func field(at node: Int32) -> Int32 { node < 0 ? -1 : nodes[Int(node)].field }

    /// The node of a segment under another, or `none`.
    @inline(__always)
    func child(of parent: Int32, _ bytes: Span<UInt8>, from start: Int, count: Int) -> Int32 {
        if parent < 0 { return Self.none }
        let hash = WordHash.of(bytes, from: start, count: count, seed: Int(parent))
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let node = slots[slot]
            if node < 0 { return Self.none }
            if nodes[Int(node)].hash == hash, isSame(node, parent, bytes, start, count) { return node }
            slot = (slot + 1) & mask
        }
    }

    private func isSame(_ node: Int32, _ parent: Int32, _ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
        let node = nodes[Int(node)]
        guard node.parent == parent, node.count == count else { return false }
        for offset in 0..<count where text[node.start + offset] != bytes[start + offset] { return false }
        return true
    }

    private mutating func add(_ segment: [UInt8], under parent: Int32) -> Int32 {
        let hash = WordHash.of(segment.span, from: 0, count: segment.count, seed: Int(parent))
        nodes.append(Node(parent: parent, hash: hash, start: text.count, count: segment.count, field: -1))
        text += segment
        if nodes.count * 2 > slots.count {
            slots = [Int32](repeating: -1, count: slots.count * 2)
            for node in nodes.indices.dropFirst() { place(Int32(node)) }
        } else {
            place(Int32(nodes.count - 1))
        }
        return Int32(nodes.count - 1)
    }

    private mutating func place(_ node: Int32) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: nodes[Int(node)].hash) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = node
    }
}
