import JSON

/// Some items of a body, as places in it.
package struct ItemBatch: Sendable {
    package let body: [UInt8]
    package let places: [Range<Int>]

    package init(body: [UInt8], places: [Range<Int>]) {
        self.body = body
        self.places = places
    }

    package init(_ items: [[UInt8]]) {
        var body: [UInt8] = []
        places = items.map { item in
            let start = body.count
            body += item
            return start..<body.count
        }
        self.body = body
    }

    package var items: [[UInt8]] { places.map { Array(body[$0]) } }
}

/// A body's items in portions, so that a large one is not there twice.
package struct ItemChunks: Sequence, IteratorProtocol {
    private let body: [UInt8]
    private let itemsMaximum: Int
    private let bytesMaximum: Int
    /// Places of the items of an array or a single document; `nil`: lines, found on the way.
    private let places: [Range<Int>]?
    private var index = 0
    private var offset: Int

    /// - Parameters:
    ///   - itemsMaximum: items in one portion.
    ///   - bytesMaximum: bytes after which a portion is complete; one item may be larger.
    /// - Throws: `syntax` for a broken array.
    package init(
        _ body: [UInt8], layout: BatchReader.Layout, itemsMaximum: Int, bytesMaximum: Int
    ) throws(IntakeError) {
        self.body = body
        self.itemsMaximum = itemsMaximum
        self.bytesMaximum = bytesMaximum
        offset = BatchReader.bodyStart(of: body)
        switch layout {
        case .lines: places = nil
        case .single: places = [offset..<body.count]
        case .array:
            var scanner = JSONBoundaryScanner(body, at: offset)
            places = try scanner.arrayAlone()
        }
    }

    /// How far it is, in bytes of the body.
    package var progress: Int { offset }

    package mutating func next() -> ItemBatch? {
        var chosen: [Range<Int>] = []
        var size = 0
        while chosen.count < itemsMaximum, size < bytesMaximum, let place = nextPlace() {
            offset = Swift.max(offset, place.upperBound)
            guard !body[place].allSatisfy({ $0.isJSONWhitespace }) else { continue }
            chosen.append(place)
            size += place.count
        }
        return chosen.isEmpty ? nil : ItemBatch(body: body, places: chosen)
    }

    private mutating func nextPlace() -> Range<Int>? {
        if let places {
            guard index < places.count else { return nil }
            index += 1
            return places[index - 1]
        }
        guard offset < body.count else { return nil }
        let start = offset
        let end = LineFeed.next(in: body.span, from: start)
        offset = end + 1
        return start..<(end > start && body[end - 1] == UInt8(ascii: "\r") ? end - 1 : end)
    }
}
