/// Elements in an order of their own, in one block of memory.
///
/// New ones mostly come last and old ones go first, and both are cheap; elsewhere the block is moved.
struct Timeline<Element: Sendable>: Sendable {
    private var storage: [Element] = []
    /// Elements before this one are gone and still take room.
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { head == storage.count }
    subscript(index: Int) -> Element { storage[head + index] }

    subscript(range: Range<Int>) -> ArraySlice<Element> {
        storage[(head + range.lowerBound)..<(head + range.upperBound)]
    }

    /// The first place from which on `holds` is true; it must be false before and true after.
    func place(where holds: (Element) -> Bool) -> Int {
        var low = head
        var high = storage.count
        while low < high {
            let middle = low + (high - low) / 2
            if holds(storage[middle]) { high = middle } else { low = middle + 1 }
        }
        return low - head
    }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func insert(_ element: Element, at place: Int) { storage.insert(element, at: head + place) }

    mutating func remove(at place: Int) {
        guard place == 0 else {
            storage.remove(at: head + place)
            return
        }
        head += 1
        if head >= 64 && head * 2 >= storage.count || head == storage.count {
            storage.removeFirst(head)
            head = 0
        }
    }
}
