/// The place of a tile of 256 hashes (C2SP tlog-tiles: height 8).
///
/// Level 0 holds leaves; each hash of a higher level is the root of a full tile of the level below.
package struct Tile: Sendable, Hashable {
    package static let fullWidth = 256

    /// 0…63.
    package var level: Int
    package var index: Int64
    /// 1…256; below 256 the tile is partial.
    package var width: Int

    package init(level: Int, index: Int64, width: Int = Tile.fullWidth) {
        self.level = level
        self.index = index
        self.width = width
    }

    package var isFull: Bool { width == Self.fullWidth }

    /// `tile/<level>/<index>[.p/<width>]`, the index in groups of three digits: 1234067 is `x001/x234/067`.
    package var path: String {
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1000)
            let group = String(repeating: "0", count: 3 - digits.count) + digits
            groups.append(groups.isEmpty ? group : "x" + group)
            rest /= 1000
        } while rest > 0
        return "tile/\(level)/\(groups.reversed().joined(separator: "/"))" + (isFull ? "" : ".p/\(width)")
    }

    /// Reads a path strictly: each tile has one.
    package init?(path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.removeFirst() == "tile", let level = Self.number(parts.removeFirst(), upTo: 63)
        else { return nil }
        var width = Self.fullWidth
        if parts.count >= 2, parts[parts.count - 2].hasSuffix(".p") {
            guard let partial = Self.number(parts.removeLast(), upTo: 255), partial > 0 else { return nil }
            width = Int(partial)
            parts.append(parts.removeLast().dropLast(2))
        }
        var index: Int64 = 0
        for (place, part) in parts.enumerated() {
            var digits = part
            if place < parts.count - 1 {
                guard digits.popFirst() == "x" else { return nil }
            }
            guard digits.utf8.count == 3, digits.utf8.allSatisfy({ (48...57).contains($0) }), let group = Int64(digits)
            else { return nil }
            let (shifted, overflow) = index.multipliedReportingOverflow(by: 1000)
            let (sum, overflow2) = shifted.addingReportingOverflow(group)
            guard !overflow, !overflow2, place == 0 || sum > 0 else { return nil }
            index = sum
        }
        self.init(level: Int(level), index: index, width: width)
        // A leading group x000 would be a second name.
        guard self.path == path else { return nil }
    }

    private static func number(_ text: Substring, upTo limit: Int64) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 3, text.utf8.allSatisfy({ (48...57).contains($0) }),
            text == "0" || !text.hasPrefix("0"), let value = Int64(text), value <= limit
        else { return nil }
        return value
    }

    /// The tiles that a tree of the new size has and that of the old size had not, or had narrower.
    package static func new(from oldSize: Int64, to newSize: Int64) -> [Tile] {
        var tiles: [Tile] = []
        var level = 0
        while newSize >> Int64(8 * level) > 0 {
            let old = oldSize >> Int64(8 * level)
            let new = newSize >> Int64(8 * level)
            if old != new {
                var index = old >> 8
                while index < new >> 8 {
                    tiles.append(Tile(level: level, index: index))
                    index += 1
                }
                if new & 255 > 0 { tiles.append(Tile(level: level, index: new >> 8, width: Int(new & 255))) }
            }
            level += 1
        }
        return tiles
    }

    /// The tile of a level and index as a tree of the size has it; nil: it has none.
    package static func inTree(of size: Int64, level: Int, index: Int64) -> Tile? {
        guard level >= 0, level < 8, index >= 0 else { return nil }
        let width = min((size >> Int64(8 * level)) - index << 8, Int64(fullWidth))
        return width > 0 ? Tile(level: level, index: index, width: Int(width)) : nil
    }
}
