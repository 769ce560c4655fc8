/// A dictionary in the order of its keys, of which a copy costs next to nothing and a change of a copy costs little.
///
/// The entries lie in pieces of bounded size, each with its own storage. A copy shares all of them; a change of one
/// copy makes only the list of pieces and the one piece that it touches anew. So a value with a hundred thousand
/// entries can be handed out as a snapshot after each change. Look-ups, and where a range begins, cost the logarithm.
package struct SortedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    package typealias Element = (key: Key, value: Value)

    /// Entries in a piece at most.
    private static var pieceMaximum: Int { 64 }

    /// None is empty.
    private var pieces: [[Element]] = []
    package private(set) var count = 0

    package init() {}

    /// Of entries in any order; of two with the same key the later one stays.
    package init(_ elements: some Sequence<Element>) {
        var previous: Key?
        let sorted = elements.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }
        for (_, element) in sorted {
            if element.key == previous, let last = pieces.indices.last {
                pieces[last][pieces[last].count - 1] = element
                continue
            }
            previous = element.key
            count += 1
            if let last = pieces.indices.last, pieces[last].count < Self.pieceMaximum / 2 {
                pieces[last].append(element)
            } else {
                pieces.append([element])
            }
        }
    }

    package var isEmpty: Bool { count == 0 }

    package subscript(key: Key) -> Value? {
        get {
            let place = place(of: key)
            return place.isFound ? pieces[place.piece][place.index].value : nil
        }
        set {
            let place = place(of: key)
            switch (newValue, place.isFound) {
            case (let value?, true): pieces[place.piece][place.index].value = value
            case (let value?, false): insert((key, value), at: place)
            case (nil, true): remove(at: place)
            case (nil, false): break
            }
        }
    }

    @discardableResult
    package mutating func removeValue(forKey key: Key) -> Value? {
        let place = place(of: key)
        guard place.isFound else { return nil }
        let value = pieces[place.piece][place.index].value
        remove(at: place)
        return value
    }

    /// In order, from the first entry whose key is not less than `key` on.
    package func entries(from key: Key) -> some Sequence<Element> {
        let start = place(of: key)
        return pieces[start.piece...].lazy.enumerated().flatMap { offset, piece in
            piece[(offset == 0 ? start.index : 0)...]
        }
    }

    /// All, in order.
    package var entries: some Sequence<Element> { pieces.lazy.flatMap { $0 } }
    package var keys: some Sequence<Key> { pieces.lazy.flatMap { $0 }.map(\.key) }
    package var values: some Sequence<Value> { pieces.lazy.flatMap { $0 }.map(\.value) }

    private typealias Place = (piece: Int, index: Int, isFound: Bool)

    /// Where a key is, or where it would stand: within a piece, or at the end of the last one.
    private func place(of key: Key) -> Place {
        guard !pieces.isEmpty else { return (0, 0, false) }
        // The last piece that begins at or before the key.
        let after = Self.firstIndex(in: pieces.count) { pieces[$0][0].key > key }
        let piece = max(0, after - 1)
        let index = Self.firstIndex(in: pieces[piece].count) { pieces[piece][$0].key >= key }
        let isFound = index < pieces[piece].count && pieces[piece][index].key == key
        return (piece, index, isFound)
    }

    /// The first index that a condition holds for, which holds from there on; `count` when it holds for none.
    private static func firstIndex(in count: Int, where holds: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private mutating func insert(_ element: Element, at place: Place) {
        count += 1
        guard !pieces.isEmpty else {
            pieces = [[element]]
            return
        }
        pieces[place.piece].insert(element, at: place.index)
        guard pieces[place.piece].count > Self.pieceMaximum else { return }
        let half = pieces[place.piece].count / 2
        let rest = Array(pieces[place.piece][half...])
        pieces[place.piece].removeSubrange(half...)
        pieces.insert(rest, at: place.piece + 1)
    }

    private mutating func remove(at place: Place) {
        count -= 1
        pieces[place.piece].remove(at: place.index)
        if pieces[place.piece].isEmpty { pieces.remove(at: place.piece) }
    }
}
