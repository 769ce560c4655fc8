import JSON

/// One record as the engine sees it: a flat table of values by the number of their field, used again for every record.
///
/// Values stay where they are in the record's bytes; text is only made of those that a predicate looks at, once
/// (`raw`, `folded`), in a buffer that is used again as well.
struct EventTable {
    enum Kind: UInt8, Sendable {
        case text
        /// There, without a value: null, an empty array.
        case present
        /// An object, whose own text nobody asks for.
        case object
        /// An object that is a member of the record itself: it can be searched as its canonical JSON.
        case objectText
    }

    struct Entry {
        var field: Int32
        /// The next entry of the same field, or -1.
        var next: Int32 = -1
        /// The object in which it stands.
        var object: UInt32 = 0
        /// Place in the record's bytes: of a text what is between the quotation marks.
        var start: Int32
        var count: Int32
        var kind: Kind
        var isInRecord = true
        var hasEscapes = false
        var isASCII = true
        /// Whether there is another way to write one of its characters (`\u`, `\/`), or more than ASCII in it: then its
        /// bytes say nothing about what is in its text.
        var isFree = false
        /// A number that is not written as this program writes it, or one beyond what it keeps.
        var isFraction = false
        /// Place of the text in `text`; -1 as long as nobody asked.
        var rawStart: Int32 = -1
        var rawCount: Int32 = 0
        var foldedStart: Int32 = -1
        var foldedCount: Int32 = 0

        /// Whether its bytes in the record alone say what its text is.
        var isPlain: Bool { isInRecord && !isFraction && (kind == .text || kind == .objectText) }
        var range: Range<Int> { Int(start)..<Int(start + count) }
    }

    private(set) var entries: [Entry] = []
    /// First and last entry by number of the field, -1 for none.
    private(set) var first: [Int32]
    private var last: [Int32]
    /// Fields that have an entry.
    private(set) var touched: [Int32] = []
    /// Texts that were asked for: the first `used` bytes.
    private(set) var text = [UInt8](repeating: 0, count: 4_096)
    private var used = 0
    /// By node of `FieldNames`: the object in which it was met last, and the node of that.
    private var met: [(object: UInt32, parent: Int32)]
    private var objects: UInt32 = 0
    /// The number of the last object before this record.
    private var objectsBefore: UInt32 = 0
    /// Names of members that have members of their own, as places in the record.
    private var containers: [(object: UInt32, name: Range<Int>)] = []
    private static let containersMaximum = 256
    /// Whether members have members. Only told where names do not.
    var hasContainers: Bool { isNested || !containers.isEmpty }
    private var isNested = false
    private var scratch: [UInt8] = []

    /// Searches for regular expressions that were given up (`RegularExpression.Outcome`), since the table was made.
    var exceeded = 0

    private static let keptBytes = 4 << 20

    init(_ names: FieldNames) {
        first = [Int32](repeating: -1, count: names.names.count)
        last = first
        met = Array(repeating: (0, FieldNames.none), count: names.nodeCount)
    }

    mutating func clear() {
        entries.removeAll(keepingCapacity: true)
        containers.removeAll(keepingCapacity: true)
        isNested = false
        used = 0
        // One huge record does not keep its memory for ever.
        if text.count > Self.keptBytes { text = [UInt8](repeating: 0, count: 4_096) }
        for field in touched { first[Int(field)] = -1 }
        touched.removeAll(keepingCapacity: true)
        if objects > .max - 1_000_000 {
            objects = 0
            for node in met.indices { met[node].object = 0 }
        }
        objectsBefore = objects
    }

    /// - Returns: a number that no other object of this or another record has for a long time.
    @inline(__always)
    mutating func beginObject() -> UInt32 {
        objects += 1
        return objects
    }

    /// Notes that a member stands in an object. - Returns: whether it may have stood there already: it did, or it is
    /// reached in two ways (`"a.b"` and `"a":{"b"`), of which one may hide from the other that it came twice.
    @inline(__always)
    mutating func meet(_ node: Int32, under parent: Int32, in object: UInt32) -> Bool {
        if node < 0 { return false }
        let last = met[Int(node)]
        met[Int(node)] = (object, parent)
        return last.object == object || last.object > objectsBefore && last.parent != parent
    }

    /// Notes that a member stands in an object, where names do not tell in which.
    /// - Returns: whether it is the first of its name there, and there are not too many members to tell.
    @inline(__always)
    mutating func meet(
        _ field: Int32, _ record: Span<UInt8>, _ name: Range<Int>, in object: UInt32, isContainer: Bool
    ) -> Bool {
        var place = field < 0 ? -1 : first[Int(field)]
        while place >= 0 {
            if entries[Int(place)].object == object { return false }
            place = entries[Int(place)].next
        }
        return containers.isEmpty && !isContainer || meetSlowly(record, name, in: object, isContainer: isContainer)
    }

    /// Notes that the record's members are not its fields.
    mutating func noteNesting() { isNested = true }

    /// Two names of the record as one: `Provider_Name`.
    mutating func joined(_ record: Span<UInt8>, _ name: Range<Int>, _ other: Range<Int>) -> [UInt8] {
        scratch.removeAll(keepingCapacity: true)
        for index in name { scratch.append(record[index]) }
        scratch.append(UInt8(ascii: "_"))
        for index in other { scratch.append(record[index]) }
        return scratch
    }

    private mutating func meetSlowly(
        _ record: Span<UInt8>, _ name: Range<Int>, in object: UInt32, isContainer: Bool
    ) -> Bool {
        guard containers.count < Self.containersMaximum else { return false }
        for other in containers where other.object == object && other.name.count == name.count {
            var offset = 0
            while offset < name.count, record[other.name.lowerBound + offset] == record[name.lowerBound + offset] {
                offset += 1
            }
            if offset == name.count { return false }
        }
        if isContainer { containers.append((object, name)) }
        return true
    }

    @inline(__always)
    mutating func append(_ entry: Entry) {
        let place = Int32(truncatingIfNeeded: entries.count)
        entries.append(entry)
        let field = Int(entry.field)
        if field < 0 { return }
        if first[field] < 0 {
            first[field] = place
            touched.append(entry.field)
        } else {
            entries[Int(last[field])].next = place
        }
        last[field] = place
    }

    /// Lets a field have the values of another one where it has none itself.
    mutating func alias(_ field: Int32, to source: Int32) {
        guard first[Int(field)] < 0, first[Int(source)] >= 0 else { return }
        first[Int(field)] = first[Int(source)]
        last[Int(field)] = last[Int(source)]
        touched.append(field)
    }

    /// Puts a text in that is not part of the record's bytes.
    mutating func append(_ bytes: [UInt8], folded: [UInt8], as field: Int32, kind: Kind) {
        var entry = Entry(field: field, start: 0, count: 0, kind: kind, isInRecord: false)
        let raw = keep(bytes)
        let low = keep(folded)
        (entry.rawStart, entry.rawCount) = (Int32(raw.lowerBound), Int32(raw.count))
        (entry.foldedStart, entry.foldedCount) = (Int32(low.lowerBound), Int32(low.count))
        append(entry)
    }

    /// Makes room for so many bytes behind those in use, and for the word that may be written over their end.
    @inline(__always)
    private mutating func reserve(_ count: Int) {
        if used + count + Word.width > text.count { grow(used + count + Word.width) }
    }

    private mutating func grow(_ size: Int) {
        text.append(contentsOf: repeatElement(0, count: max(size, 2 * text.count) - text.count))
    }

    private mutating func keep(_ bytes: [UInt8]) -> Range<Int> {
        reserve(bytes.count)
        let start = used
        for (offset, byte) in bytes.enumerated() { text[start + offset] = byte }
        used += bytes.count
        return start..<used
    }

    /// The place in `text` of an entry's text with its case folded.
    mutating func folded(_ place: Int, in record: Span<UInt8>) -> Range<Int> {
        let entry = entries[place]
        if entry.foldedStart >= 0 { return Int(entry.foldedStart)..<Int(entry.foldedStart + entry.foldedCount) }
        guard entry.kind == .text, !entry.isFraction else { return foldSlowly(place, in: record) }
        let start = used
        if entry.isASCII, !entry.hasEscapes {
            reserve(Int(entry.count))
            used += foldPlain(entry, in: record)
        } else {
            // A character may become longer, to twice its bytes at most, and one may be written beyond the end.
            reserve(2 * Int(entry.count) + 16)
            used += decode(entry, in: record, folding: true)
        }
        return noteFolded(place, start..<used)
    }

    private mutating func noteFolded(_ place: Int, _ range: Range<Int>) -> Range<Int> {
        entries[place].foldedStart = Int32(range.lowerBound)
        entries[place].foldedCount = Int32(range.count)
        return range
    }

    private mutating func foldPlain(_ entry: Entry, in record: Span<UInt8>) -> Int {
        var target = used
        var out = text.mutableSpan
        var index = Int(entry.start)
        let end = index + Int(entry.count)
        while index < end {
            if index + Word.width <= record.count {
                Word(record, at: index).lowercased.store(into: &out, at: target)
                index += Word.width
                target += Word.width
            } else {
                out[target] = Self.lowercased(record[index])
                index += 1
                target += 1
            }
        }
        return Int(entry.count)
    }

    /// Resolves the escapes of a text, and folds its case or not.
    /// - Returns: how many bytes were written.
    @inline(__always)
    private mutating func decode(_ entry: Entry, in record: Span<UInt8>, folding: Bool) -> Int {
        let begin = used
        var out = text.mutableSpan
        var target = begin
        var index = Int(entry.start)
        let end = index + Int(entry.count)
        while index < end {
            if index + Word.width <= record.count {
                let word = Word(record, at: index)
                let plain = min(word.asciiPrefixBeforeBackslash, end - index)
                (folding ? word.lowercased : word).store(into: &out, at: target)
                index += plain
                target += plain
                if plain == Word.width || index >= end { continue }
            }
            let byte = record[index]
            switch byte {
            case UInt8(ascii: "\\") where record[index + 1] == UInt8(ascii: "\\"):
                // By far the most frequent: paths of Windows are full of it.
                out[target] = UInt8(ascii: "\\")
                target += 1
                index += 2
            case UInt8(ascii: "\\"):
                let value = Self.escape(record, &index)
                target =
                    folding
                    ? LowerCase.write(value, into: &out, at: target) : LowerCase.encode(value, into: &out, at: target)
            case ..<0x80:
                out[target] = folding ? Self.lowercased(byte) : byte
                target += 1
                index += 1
            default:
                let value = Self.scalar(record, &index)
                target =
                    folding
                    ? LowerCase.write(value, into: &out, at: target) : LowerCase.encode(value, into: &out, at: target)
            }
        }
        return target - begin
    }

    /// The character of an escape that the scanner has seen; it moves the index behind it. What `JSONValue.parseEvidence`
    /// replaces is replaced here.
    private static func escape(_ record: Span<UInt8>, _ index: inout Int) -> UInt32 {
        let byte = record[index + 1]
        index += 2
        switch byte {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "u"): break
        default: return UInt32(byte)
        }
        let unit = hexadecimal(record, at: index)
        index += 4
        switch unit {
        case 0, 0xDC00...0xDFFF: return 0xFFFD
        case 0xD800...0xDBFF:
            guard index + 6 <= record.count, record[index] == UInt8(ascii: "\\"), record[index + 1] == UInt8(ascii: "u")
            else { return 0xFFFD }
            let low = hexadecimal(record, at: index + 2)
            guard (0xDC00...0xDFFF).contains(low) else { return 0xFFFD }
            index += 6
            return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        default: return unit
        }
    }

    private static func hexadecimal(_ record: Span<UInt8>, at index: Int) -> UInt32 {
        var unit: UInt32 = 0
        for offset in 0..<4 {
            let byte = record[index + offset]
            let digit = byte &- UInt8(ascii: "0")
            unit = unit << 4 | UInt32(digit < 10 ? digit : (byte | 0x20) &- 87)
        }
        return unit
    }

    /// The character that begins at an index in valid UTF-8; it moves the index behind it.
    private static func scalar(_ record: Span<UInt8>, _ index: inout Int) -> UInt32 {
        let lead = record[index]
        let count = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        var value = UInt32(lead) & (0x7F >> UInt32(count))
        for offset in 1..<count { value = value << 6 | UInt32(record[index + offset]) & 0x3F }
        index += count
        return value
    }

    @inline(__always)
    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }

    private mutating func foldSlowly(_ place: Int, in record: Span<UInt8>) -> Range<Int> {
        let raw = raw(place, in: record)
        return noteFolded(place, keep(EventText.folded(Array(text[raw]))))
    }

    /// The place in `text` of an entry's text as it came, with escapes resolved.
    mutating func raw(_ place: Int, in record: Span<UInt8>) -> Range<Int> {
        let entry = entries[place]
        if entry.rawStart >= 0 { return Int(entry.rawStart)..<Int(entry.rawStart + entry.rawCount) }
        let range = Int(entry.start)..<Int(entry.start + entry.count)
        let kept: Range<Int>
        if entry.kind == .text, !entry.isFraction {
            reserve(2 * range.count + 16)
            let start = used
            used += decode(entry, in: record, folding: false)
            kept = start..<used
        } else {
            kept = keep(Self.slowText(entry, range, in: record))
        }
        entries[place].rawStart = Int32(kept.lowerBound)
        entries[place].rawCount = Int32(kept.count)
        return kept
    }

    /// Text that the parser makes: of fractions, of objects.
    private static func slowText(_ entry: Entry, _ range: Range<Int>, in record: Span<UInt8>) -> [UInt8] {
        // The scanner has read it, so there is a value.
        guard let value = try? JSONValue.parseEvidence(Array(copying: record.extracting(range))).value else {
            return []
        }
        return Array((value.scalarText ?? value.canonicalString()).utf8)
    }
}
