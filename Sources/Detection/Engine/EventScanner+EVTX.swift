import JSON

/// Windows events as EVTX's converters write them: `{"Event":{"System":{…},"EventData":{…}}}`, or what is in `Event`.
///
/// Attributes and text of XML stand in `#attributes` and `#text`. What is read is what `WindowsRecord` makes of it; what
/// stands in another order or form than converters write is left to it.
extension EventScanner {
    /// Whether the record's first member is one of EVTX. The record is open, and nothing of it read.
    func beginsEVTX(_ bytes: Span<UInt8>) -> Bool {
        isNext(bytes, "\"Event\"") || isNext(bytes, "\"System\"") || isNext(bytes, "\"#attributes\"")
    }

    /// The rest of the record.
    mutating func evtx(_ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames) -> Bool {
        table.noteNesting()
        guard isNext(bytes, "\"Event\"") else { return evtxBody(bytes, &table, names, depth: 1) }
        guard name(bytes) != nil, take(bytes, UInt8(ascii: "{")), evtxBody(bytes, &table, names, depth: 2) else {
            return false
        }
        skipSpace(bytes)
        return take(bytes, UInt8(ascii: "}"))
    }

    private mutating func evtxBody(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, depth: Int
    ) -> Bool {
        var hasSystem = false
        var hasEventData = false
        var hasUserData = false
        for _ in 0..<limits.members {
            skipSpace(bytes)
            guard let range = name(bytes) else { return false }
            if isText(bytes, range, "System") {
                guard !hasSystem, take(bytes, UInt8(ascii: "{")), system(bytes, &table, names, depth: depth + 1) else {
                    return false
                }
                hasSystem = true
            } else if isText(bytes, range, "EventData") {
                guard !hasEventData, data(bytes, &table, names, depth: depth + 1) else { return false }
                hasEventData = true
            } else if isText(bytes, range, "UserData") {
                guard !hasUserData, data(bytes, &table, names, depth: depth + 1) else { return false }
                hasUserData = true
            } else {
                guard !isText(bytes, range, "Event"), skip(bytes, depth: depth) else { return false }
            }
            skipSpace(bytes)
            if take(bytes, UInt8(ascii: ",")) { continue }
            return hasSystem && take(bytes, UInt8(ascii: "}"))
        }
        return false
    }

    /// What stands behind the `{` of `System`: fields, of which attributes are fields of their own (`Provider_Name`).
    private mutating func system(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, depth: Int
    ) -> Bool {
        guard depth <= limits.depth else { return false }
        skipSpace(bytes)
        if take(bytes, UInt8(ascii: "}")) { return true }
        let object = table.beginObject()
        for _ in 0..<limits.members {
            skipSpace(bytes)
            guard let range = name(bytes), !range.isEmpty,
                let node = descend(bytes, names, from: FieldNames.root, start: range.lowerBound, count: range.count),
                table.meet(
                    names.field(at: node), bytes, range, in: object, isContainer: isNext(bytes, "{"))
            else { return false }
            if take(bytes, UInt8(ascii: "{")) {
                guard element(bytes, &table, names, range, node, depth: depth + 1) else { return false }
            } else {
                guard scalar(bytes, &table, names, node, in: object, depth: depth) else { return false }
            }
            skipSpace(bytes)
            if take(bytes, UInt8(ascii: ",")) { continue }
            return take(bytes, UInt8(ascii: "}"))
        }
        return false
    }

    /// What stands behind the `{` of an element of `System`: its attributes, and perhaps its text.
    private mutating func element(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, _ element: Range<Int>, _ node: Int32,
        depth: Int
    ) -> Bool {
        guard depth < limits.depth else { return false }
        skipSpace(bytes)
        guard let range = name(bytes), isText(bytes, range, "#attributes"), take(bytes, UInt8(ascii: "{")) else {
            return false
        }
        skipSpace(bytes)
        if !take(bytes, UInt8(ascii: "}")) {
            let object = table.beginObject()
            for member in 1... {
                skipSpace(bytes)
                guard member <= limits.members, let attribute = name(bytes) else { return false }
                let joined = table.joined(bytes, element, attribute)
                guard
                    let node = descend(joined.span, names, from: FieldNames.root, start: 0, count: joined.count),
                    table.meet(names.field(at: node), bytes, attribute, in: object, isContainer: false),
                    scalar(bytes, &table, names, node, in: object, depth: depth + 1)
                else { return false }
                skipSpace(bytes)
                if take(bytes, UInt8(ascii: ",")) { continue }
                guard take(bytes, UInt8(ascii: "}")) else { return false }
                break
            }
        }
        return endText(bytes, &table, names, node, depth: depth)
    }

    /// `,"#text":…}` or `}`.
    private mutating func endText(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, _ node: Int32, depth: Int
    ) -> Bool {
        skipSpace(bytes)
        if take(bytes, UInt8(ascii: "}")) { return true }
        guard take(bytes, UInt8(ascii: ",")) else { return false }
        skipSpace(bytes)
        guard let range = name(bytes), isText(bytes, range, "#text"),
            scalar(bytes, &table, names, node, in: table.beginObject(), depth: depth)
        else { return false }
        skipSpace(bytes)
        return take(bytes, UInt8(ascii: "}"))
    }

    /// `EventData` or `UserData`: an object of fields; anything else has none.
    private mutating func data(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, depth: Int
    ) -> Bool {
        guard take(bytes, UInt8(ascii: "{")) else { return skip(bytes, depth: depth - 1) }
        guard depth <= limits.depth else { return false }
        return leaves(bytes, &table, names, depth: depth)
    }

    /// What stands behind the `{` of an object of leaves, whose attributes do not count.
    private mutating func leaves(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, depth: Int
    ) -> Bool {
        skipSpace(bytes)
        if take(bytes, UInt8(ascii: "}")) { return true }
        if isNext(bytes, "\"#attributes\"") {
            guard name(bytes) != nil, skip(bytes, depth: depth) else { return false }
            skipSpace(bytes)
            if take(bytes, UInt8(ascii: "}")) { return true }
            guard take(bytes, UInt8(ascii: ",")) else { return false }
        }
        return members(bytes, &table, names, at: FieldNames.root, depth: depth)
    }

    /// What stands behind the `{` of a member's value: leaves of its own, or a text (`#text`), which bears the name of its
    /// attribute `Name` or else the member's.
    mutating func leaf(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, at node: Int32, depth: Int
    ) -> Bool {
        guard depth <= limits.depth else { return false }
        skipSpace(bytes)
        if isNext(bytes, "\"#text\"") {
            guard name(bytes) != nil, scalar(bytes, &table, names, node, in: table.beginObject(), depth: depth) else {
                return false
            }
            skipSpace(bytes)
            return take(bytes, UInt8(ascii: "}"))
        }
        guard isNext(bytes, "\"#attributes\"") else {
            return object(bytes, &table, names, at: FieldNames.root, depth: depth)
        }
        let start = index
        var bearer = node
        guard name(bytes) != nil, take(bytes, UInt8(ascii: "{")) else { return false }
        skipSpace(bytes)
        if isNext(bytes, "\"Name\"") {
            guard name(bytes) != nil, index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return false }
            let text = index + 1
            index = text
            guard string(bytes), !hasEscapes,
                let named = descend(bytes, names, from: FieldNames.root, start: text, count: index - 1 - text)
            else { return false }
            bearer = named
            skipSpace(bytes)
            // With more than a name it may have another one.
            if take(bytes, UInt8(ascii: "}")) {
                skipSpace(bytes)
                if index < bytes.count, bytes[index] == UInt8(ascii: ",") {
                    let behind = index
                    index += 1
                    skipSpace(bytes)
                    let isText = isNext(bytes, "\"#text\"")
                    index = behind
                    if isText { return endText(bytes, &table, names, bearer, depth: depth) }
                }
            }
        }
        // Attributes that say nothing: leaves follow, among which a `#text` is left to the slow reader.
        index = start
        return leaves(bytes, &table, names, depth: depth)
    }

    /// A text, number, boolean or null, or a list of such, in an object of that depth.
    private mutating func scalar(
        _ bytes: Span<UInt8>, _ table: inout EventTable, _ names: FieldNames, _ node: Int32, in object: UInt32,
        depth: Int
    ) -> Bool {
        guard index < bytes.count, bytes[index] != UInt8(ascii: "{") else { return false }
        if bytes[index] == UInt8(ascii: "[") {
            guard let end = JSONSkimmer.end(ofValueAt: index, in: bytes, depth: limits.depth),
                !(index..<end).contains(where: { bytes[$0] == UInt8(ascii: "{") })
            else { return false }
        }
        self.object = object
        return value(bytes, &table, names, at: node, depth: depth)
    }

    /// A member's name without escapes, and the colon behind it. - Returns: its place.
    private mutating func name(_ bytes: Span<UInt8>) -> Range<Int>? {
        let start = index + 1
        guard take(bytes, UInt8(ascii: "\"")), string(bytes), !hasEscapes else { return nil }
        let range = start..<(index - 1)
        skipSpace(bytes)
        guard take(bytes, UInt8(ascii: ":")) else { return nil }
        skipSpace(bytes)
        return range
    }

    /// A value that counts for nothing.
    private mutating func skip(_ bytes: Span<UInt8>, depth: Int) -> Bool {
        // The parser allows an object so many members; so short a value cannot have more.
        guard let end = JSONSkimmer.end(ofValueAt: index, in: bytes, depth: limits.depth - depth),
            end - index <= 4 * limits.members
        else { return false }
        index = end
        return true
    }

    private func isText(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        isText(bytes, range.lowerBound, range.count, text)
    }

    private func isNext(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        index + text.utf8CodeUnitCount <= bytes.count && isText(bytes, index, text.utf8CodeUnitCount, text)
    }
}
