/// What the literals of a field were found to say about texts that came before, so that the same text need not be
/// looked through again: logs repeat themselves, and of ten values nine were there a moment ago.
///
/// Texts are known by their bytes as they stand in the record, and compared whole: what is remembered is what looking
/// again would find, whatever somebody sends. A text is kept when it comes the second time, so that those which come
/// once cost no memory. It grows with what comes, to some hundred KiB: when that is full it forgets everything and begins
/// anew.
struct KnownTexts {
    /// Bytes of the longest text that is kept.
    static let longest = 1_024
    /// Predicates of one text that are kept at most.
    static let foundMaximum = 32

    private static let slotCounts = (first: 256, last: 4_096)
    private static let bytesMaximum = 512 << 10
    private static let predicatesMaximum = 64 << 10

    private struct Slot {
        var hash: UInt64 = 0
        /// For which literals.
        var literals: UInt64 = 0
        /// Place of the text in `bytes`; -1 where it was only seen.
        var start: Int32 = -1
        var count: Int32 = 0
        /// Place of its predicates in `predicates`.
        var firstPredicate: Int32 = 0
        var predicateCount: Int32 = 0
    }

    private var slots: [Slot] = []
    /// How often something was noted since the slots are as many as they are.
    private var noted = 0
    private var bytes: [UInt8] = []
    /// Of all texts, one after the other.
    private(set) var predicates: [Int32] = []

    /// A text on its way to being known.
    struct Key {
        let hash: UInt64
        let literals: UInt64
        let range: Range<Int>
    }

    /// - Parameter literals: a number for all that is looked for.
    @inline(__always)
    static func key(_ literals: UInt64, _ record: Span<UInt8>, _ range: Range<Int>) -> Key {
        let hash = WordHash.of(
            record, from: range.lowerBound, count: range.count, seed: Int(truncatingIfNeeded: literals))
        return Key(hash: hash, literals: literals, range: range)
    }

    /// - Returns: places in `predicates` of those that the text makes true; `nil` when it is not known.
    @inline(__always)
    func found(_ key: Key, _ record: Span<UInt8>) -> Range<Int>? {
        if slots.isEmpty { return nil }
        let slot = slots[Int(truncatingIfNeeded: key.hash) & (slots.count - 1)]
        guard slot.hash == key.hash, slot.start >= 0, slot.literals == key.literals,
            Int(slot.count) == key.range.count, isSame(Int(slot.start), record, key.range)
        else { return nil }
        return Int(slot.firstPredicate)..<Int(slot.firstPredicate + slot.predicateCount)
    }

    @inline(__always)
    private func isSame(_ start: Int, _ record: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let known = bytes.span
        var offset = 0
        while offset + Word.width <= range.count {
            if Word(known, at: start + offset).bits != Word(record, at: range.lowerBound + offset).bits { return false }
            offset += Word.width
        }
        while offset < range.count {
            if known[start + offset] != record[range.lowerBound + offset] { return false }
            offset += 1
        }
        return true
    }

    /// Keeps what was found, when the text came before.
    mutating func note(_ key: Key, _ record: Span<UInt8>, _ found: [Int32]) {
        noted += 1
        if noted > 2 * slots.count, slots.count < Self.slotCounts.last {
            begin(slots: slots.isEmpty ? Self.slotCounts.first : 4 * slots.count)
        }
        let place = Int(truncatingIfNeeded: key.hash) & (slots.count - 1)
        guard slots[place].hash == key.hash else {
            slots[place] = Slot(hash: key.hash)
            return
        }
        if bytes.count + key.range.count > Self.bytesMaximum || predicates.count + found.count > Self.predicatesMaximum
        {
            begin(slots: slots.count)
        }
        slots[place] = Slot(
            hash: key.hash, literals: key.literals, start: Int32(bytes.count), count: Int32(key.range.count),
            firstPredicate: Int32(predicates.count), predicateCount: Int32(found.count))
        for index in key.range { bytes.append(record[index]) }
        predicates += found
    }

    private mutating func begin(slots count: Int) {
        slots = [Slot](repeating: Slot(), count: count)
        bytes.removeAll(keepingCapacity: true)
        predicates.removeAll(keepingCapacity: true)
        noted = 0
    }
}
