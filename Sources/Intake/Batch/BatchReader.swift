/// Splits a body into items, each with its exact bytes, so that a digest is one of what was received.
///
/// A line that is broken is still an item: `AlertIntake` makes it a dead letter and the rest goes on. A broken array
/// has no items that one could trust, so it fails as a whole.
package enum BatchReader {
    /// How items lie in a body.
    package enum Layout: String, Sendable, Hashable, CaseIterable {
        /// One JSON document.
        case single
        /// A JSON array of items.
        case array
        /// NDJSON: an item a line, LF or CRLF; blank lines are none.
        case lines
    }

    /// An item, counted from 0, with its bytes as received.
    package struct Item: Sendable, Hashable {
        package var index: Int
        package var bytes: [UInt8]
    }

    /// Sizes in bytes, after decompression.
    package struct Limits: Sendable, Hashable {
        package var bodyBytes: Int
        package var itemBytes: Int
        package var items: Int

        package init(bodyBytes: Int = 32 << 20, itemBytes: Int = 1 << 20, items: Int = 10_000) {
            self.bodyBytes = bodyBytes
            self.itemBytes = itemBytes
            self.items = items
        }

        package static let standard = Limits()
    }

    /// - Throws: `bodyTooLarge`, `itemTooLarge`, `tooManyItems`; `syntax` for an array only.
    package static func items(
        of body: [UInt8], layout: Layout, limits: Limits = .standard
    ) throws(IntakeError) -> [Item] {
        guard body.count <= limits.bodyBytes else {
            throw IntakeError(.bodyTooLarge, "a batch holds at most \(limits.bodyBytes) bytes, not \(body.count)")
        }
        let start = bodyStart(of: body)
        var collector = Collector(limits: limits)
        switch layout {
        case .single: try collector.add(body[start...], offset: start)
        case .array: try splitArray(body, from: start, into: &collector)
        case .lines: try splitLines(body, from: start, into: &collector)
        }
        return collector.items
    }

    /// Behind the byte order mark that some editors put before UTF-8.
    static func bodyStart(of body: [UInt8]) -> Int {
        body.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    private static func splitArray(
        _ body: [UInt8], from start: Int, into collector: inout Collector
    ) throws(IntakeError) {
        var scanner = JSONBoundaryScanner(body, at: start)
        scanner.skipWhitespace()
        guard scanner.take(UInt8(ascii: "[")) else { throw scanner.failure("an array of items is expected") }
        scanner.skipWhitespace()
        if !scanner.take(UInt8(ascii: "]")) {
            repeat {
                scanner.item = collector.items.count
                let place = try scanner.skipValue()
                try collector.add(body[place], offset: place.lowerBound)
                scanner.skipWhitespace()
            } while scanner.take(UInt8(ascii: ","))
            guard scanner.take(UInt8(ascii: "]")) else { throw scanner.failure("',' or ']' is expected") }
        }
        scanner.item = nil
        scanner.skipWhitespace()
        guard scanner.isAtEnd else { throw scanner.failure("text after the end of the array") }
    }

    private static func splitLines(
        _ body: [UInt8], from start: Int, into collector: inout Collector
    ) throws(IntakeError) {
        var lineStart = start
        while lineStart < body.count {
            let lineEnd = body[lineStart...].firstIndex(of: UInt8(ascii: "\n")) ?? body.count
            var line = body[lineStart..<lineEnd]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if !line.allSatisfy(\.isJSONWhitespace) { try collector.add(line, offset: lineStart) }
            lineStart = lineEnd + 1
        }
    }

    private struct Collector {
        let limits: Limits
        var items: [Item] = []

        init(limits: Limits) { self.limits = limits }

        mutating func add(_ bytes: ArraySlice<UInt8>, offset: Int) throws(IntakeError) {
            guard items.count < limits.items else {
                throw IntakeError(.tooManyItems, "a batch holds at most \(limits.items) items", offset: offset)
            }
            guard bytes.count <= limits.itemBytes else {
                throw IntakeError(
                    .itemTooLarge, "an item holds at most \(limits.itemBytes) bytes, not \(bytes.count)",
                    item: items.count, offset: offset)
            }
            items.append(Item(index: items.count, bytes: Array(bytes)))
        }
    }
}
