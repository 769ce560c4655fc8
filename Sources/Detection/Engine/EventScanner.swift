import JSON

/// Reads a record's bytes into an `EventTable`, checking the grammar of JSON (RFC 8259) and UTF-8 on the way, and
/// building nothing.
///
/// Where it does not say `true`, nothing is known: the record may be broken, or of a kind that is left to
/// `DetectionEvent`, which is slower and reads everything. What it does say `true` to, has the table that
/// `DetectionEvent` would have made: a property test holds the two against each other. (The one exception: of members
/// that stand twice in an object and that no rule names, keywords see both values.)
struct EventScanner {
    /// How names of nested members are made.
    enum Naming: Sendable {
        /// Joined with dots.
        case paths
        /// The member's own name, whatever it stands in, as for Windows events; blanks in it do not count.
        case leaves
    }

    private let naming: Naming
    let limits: JSONLimits
    var index = 0
    /// The object in which the member at hand stands.
    var object: UInt32 = 0
    /// Whether the text just read has escapes or bytes beyond ASCII.
    private(set) var hasEscapes = false
    private var hasFreeEscapes = false
    private var isASCII = true
    /// Texts so far that could be written in another way, or have more than ASCII.
    private var freeTexts = 0

    /// - Returns: whether the bytes are one JSON object, read into the table.
    static func read(
        _ bytes: Span<UInt8>, into table: inout EventTable, names: FieldNames, naming: Naming, limits: JSONLimits
    ) -> Bool {
        guard bytes.count < Int(Int32.max) else { return false }
        var scanner = EventScanner(naming: naming, limits: limits)
        scanner.skipSpace(bytes)
        guard scanner.take(bytes, UInt8(ascii: "{")) else { return false }
        scanner.skipSpace(bytes)
        let isRead =
            naming == .leaves && scanner.beginsEVTX(bytes)
            ? scanner.evtx(bytes, &table, names) : scanner.object(bytes, &table, names, at: FieldNames.root, depth: 1)
        guard isRead else { return false }
        scanner.skipSpace(bytes)
        return scanner.index == bytes.count
    }

    private init(naming: Naming, limits: JSONLimits) {
        self.naming = naming
        self.limits = limits
    }

    /// What stands behind `{`.
    mutating func object(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at parent: Int32, depth: Int
    ) -> Bool {
        guard depth <= limits.depth else { return false }
        skipSpace(bytes)
        if take(bytes, UInt8(ascii: "}")) { return true }
        return members(bytes, &table, names, at: parent, depth: depth)
    }

    /// The members of an object from one of them on, and what closes it.
    mutating func members(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at parent: Int32, depth: Int
    ) -> Bool {
        let object = table.beginObject()
        var members = 0
        while true {
            skipSpace(bytes)
            let start = index + 1
            guard take(bytes, UInt8(ascii: "\"")), string(bytes) else { return false }
            let count = index - 1 - start
            guard !hasEscapes, let node = member(bytes, names, of: parent, from: start, count: count, depth: depth)
            else { return false }
            skipSpace(bytes)
            guard take(bytes, UInt8(ascii: ":")) else { return false }
            if naming == .paths {
                if table.meet(node, under: parent, in: object) { return false }
            } else {
                skipSpace(bytes)
                let field = names.field(at: node)
                guard table.meet(field, bytes, start..<(start + count), in: object, isContainer: isContainer(bytes))
                else { return false }
            }
            self.object = object
            guard value(bytes, &table, names, at: node, depth: depth) else { return false }
            members += 1
            guard members <= limits.members else { return false }
            skipSpace(bytes)
            if take(bytes, UInt8(ascii: ",")) { continue }
            return take(bytes, UInt8(ascii: "}"))
        }
    }

    /// The node of a member's name; `nil` for names with a meaning of their own.
    @inline(__always)
    private func member(
        _ bytes: Span<UInt8>, _ names: FieldNames, of parent: Int32, from start: Int, count: Int, depth: Int
    ) -> Int32? {
        if count == 0 { return nil }
        switch naming {
        case .paths: return descend(bytes, names, from: parent, start: start, count: count)
        case .leaves:
            // `#text`, `#attributes`, and what holds the record in EVTX but is not the first member.
            if bytes[start] == UInt8(ascii: "#") { return nil }
            if depth == 1, isText(bytes, start, count, "Event") || isText(bytes, start, count, "System") { return nil }
            return descend(bytes, names, from: FieldNames.root, start: start, count: count)
        }
    }

    private func isContainer(_ bytes: Span<UInt8>) -> Bool {
        index < bytes.count && (bytes[index] == UInt8(ascii: "{") || bytes[index] == UInt8(ascii: "["))
    }

    func isText(_ bytes: Span<UInt8>, _ start: Int, _ count: Int, _ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<count where unsafe bytes[start + offset] != text.utf8Start[offset] { return false }
        return true
    }

    @inline(__always)
    func descend(_ bytes: Span<UInt8>, _ names: FieldNames, from parent: Int32, start: Int, count: Int)
        -> Int32?
    {
        var at = start
        let end = start + count
        while at + Word.width <= end {
            if Word(bytes, at: at).hasDotOrBlank {
                return descendSlowly(bytes, names, from: parent, start: start, count: count)
            }
            at += Word.width
        }
        while at < end {
            if bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: " ") {
                return descendSlowly(bytes, names, from: parent, start: start, count: count)
            }
            at += 1
        }
        return names.child(of: parent, bytes, from: start, count: count)
    }

    /// A name with dots is several segments; blanks go where they do not count.
    private func descendSlowly(
        _ bytes: Span<UInt8>, _ names: FieldNames, from parent: Int32, start: Int, count: Int
    ) -> Int32? {
        var node = parent
        var segment: [UInt8] = []
        for at in start..<(start + count) {
            if bytes[at] == UInt8(ascii: ".") {
                node = names.child(of: node, segment.span, from: 0, count: segment.count)
                segment.removeAll()
            } else if naming == .paths || bytes[at] != UInt8(ascii: " ") {
                segment.append(bytes[at])
            }
        }
        return names.child(of: node, segment.span, from: 0, count: segment.count)
    }

    mutating func value(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at node: Int32, depth: Int
    ) -> Bool {
        skipSpace(bytes)
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "\""):
            let start = index + 1
            index = start
            guard string(bytes) else { return false }
            var entry = EventTable.Entry(
                field: names.field(at: node), object: object, start: Int32(start), count: Int32(index - 1 - start),
                kind: .text)
            entry.hasEscapes = hasEscapes
            entry.isFree = hasFreeEscapes || !isASCII
            entry.isASCII = isASCII
            table.append(entry)
            return true
        case UInt8(ascii: "{"): return nestedObject(bytes, &table, names, at: node, depth: depth)
        case UInt8(ascii: "["): return array(bytes, &table, names, at: node, depth: depth + 1, isInner: false)
        case UInt8(ascii: "t"): return literal(bytes, "true", &table, names.field(at: node))
        case UInt8(ascii: "f"): return literal(bytes, "false", &table, names.field(at: node))
        case UInt8(ascii: "n"):
            guard word(bytes, "null") else { return false }
            note(&table, names.field(at: node))
            return true
        default: return number(bytes, &table, names.field(at: node))
        }
    }

    private mutating func nestedObject(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at node: Int32, depth: Int
    ) -> Bool {
        let start = index
        let freeBefore = freeTexts
        index += 1
        guard naming == .paths else { return leaf(bytes, &table, names, at: node, depth: depth + 1) }
        guard object(bytes, &table, names, at: node, depth: depth + 1) else { return false }
        let field = names.field(at: node)
        if field >= 0 {
            // A name with a dot is not that of a member of the record itself.
            let isTop = !names.names[Int(field)].utf8.contains(UInt8(ascii: "."))
            var entry = EventTable.Entry(
                field: field, object: object, start: Int32(start), count: Int32(index - start),
                kind: isTop ? .objectText : .object)
            entry.isFree = freeTexts > freeBefore
            table.append(entry)
        }
        return true
    }

    /// Lets a field be there without a value.
    @inline(__always)
    private func note(_ table: inout EventTable, _ field: Int32) {
        if field >= 0 {
            table.append(EventTable.Entry(field: field, object: object, start: 0, count: 0, kind: .present))
        }
    }

    private mutating func array(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at node: Int32, depth: Int, isInner: Bool
    ) -> Bool {
        guard depth <= limits.depth else { return false }
        index += 1
        var hasObject = false
        skipSpace(bytes)
        if !take(bytes, UInt8(ascii: "]")) {
            while true {
                skipSpace(bytes)
                guard index < bytes.count else { return false }
                switch bytes[index] {
                case UInt8(ascii: "{"):
                    // In leaves an object in a list in a list is a path again: left to the slow reader.
                    if naming == .leaves, isInner { return false }
                    hasObject = true
                    guard nestedObject(bytes, &table, names, at: node, depth: depth) else { return false }
                case UInt8(ascii: "["):
                    guard array(bytes, &table, names, at: node, depth: depth + 1, isInner: true) else { return false }
                default: guard value(bytes, &table, names, at: node, depth: depth) else { return false }
                }
                skipSpace(bytes)
                if take(bytes, UInt8(ascii: ",")) { continue }
                guard take(bytes, UInt8(ascii: "]")) else { return false }
                break
            }
        }
        if naming == .paths || !hasObject { note(&table, names.field(at: node)) }
        return true
    }

    /// What stands behind the opening quotation mark, and moves behind the closing one.
    @inline(__always)
    mutating func string(_ bytes: Span<UInt8>) -> Bool {
        let start = index
        var at = index
        hasEscapes = false
        hasFreeEscapes = false
        isASCII = true
        while true {
            if at + Word.width <= bytes.count {
                let word = Word(bytes, at: at)
                let plain = word.plainPrefix
                if plain == Word.width {
                    if !word.isASCII { isASCII = false }
                    at += Word.width
                    continue
                }
                if !word.isASCII(first: plain) { isASCII = false }
                at += plain
            }
            guard at < bytes.count else { return false }
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                index = at + 1
                if hasFreeEscapes || !isASCII { freeTexts += 1 }
                return isASCII || (try? UTF8Span(validating: bytes.extracting(start..<at))) != nil
            }
            if byte < 0x20 { return false }
            if byte >= 0x80 { isASCII = false }
            at += 1
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                guard escape(bytes, &at) else { return false }
            }
        }
    }

    private mutating func escape(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
        guard at < bytes.count else { return false }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"),
            UInt8(ascii: "b"), UInt8(ascii: "f"):
            return true
        case UInt8(ascii: "/"):
            hasFreeEscapes = true
            return true
        case UInt8(ascii: "u"):
            hasFreeEscapes = true
            guard at + 4 <= bytes.count else { return false }
            for _ in 0..<4 {
                let digit = bytes[at]
                guard digit &- UInt8(ascii: "0") < 10 || (digit | 0x20) &- UInt8(ascii: "a") < 6 else { return false }
                at += 1
            }
            return true
        default: return false
        }
    }

    private mutating func number(_ bytes: Span<UInt8>, _ table: inout EventTable, _ field: Int32) -> Bool {
        let start = index
        let isNegative = take(bytes, UInt8(ascii: "-"))
        var isFraction = isNegative && index < bytes.count && bytes[index] == UInt8(ascii: "0")
        guard take(bytes, UInt8(ascii: "0")) || digits(bytes) else { return false }
        if take(bytes, UInt8(ascii: ".")) {
            isFraction = true
            guard digits(bytes) else { return false }
        }
        // Exponents, and as many digits as could be more than a double takes, are read by the parser.
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") { return false }
        guard index - start <= 300 else { return false }
        var entry = EventTable.Entry(
            field: field, object: object, start: Int32(start), count: Int32(index - start), kind: .text)
        entry.isFraction = isFraction
        table.append(entry)
        return true
    }

    @inline(__always)
    private mutating func digits(_ bytes: Span<UInt8>) -> Bool {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        return index > start
    }

    private mutating func literal(
        _ bytes: Span<UInt8>, _ text: StaticString, _ table: inout EventTable, _ field: Int32
    ) -> Bool {
        let start = index
        guard word(bytes, text) else { return false }
        table.append(
            EventTable.Entry(
                field: field, object: object, start: Int32(start), count: Int32(index - start), kind: .text))
        return true
    }

    private mutating func word(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        for offset in 0..<text.utf8CodeUnitCount {
            guard unsafe take(bytes, text.utf8Start[offset]) else { return false }
        }
        return true
    }

    @inline(__always)
    mutating func take(_ bytes: Span<UInt8>, _ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    @inline(__always)
    mutating func skipSpace(_ bytes: Span<UInt8>) {
        while index < bytes.count, bytes[index] <= 0x20,
            bytes[index] == 0x20 || bytes[index] == 0x0A || bytes[index] == 0x0D || bytes[index] == 0x09
        {
            index += 1
        }
    }
}
