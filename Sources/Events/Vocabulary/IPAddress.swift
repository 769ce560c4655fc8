/// An IPv4 or IPv6 address as 16 bytes; IPv4 lies in `::ffff:0:0/96`, so an IPv4-mapped IPv6 address *is* the IPv4 one,
/// and two spellings of one address are equal.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 16 bytes, most significant first.
    package let bytes: [UInt8]

    package var isIPv4: Bool { bytes.prefix(12) == Self.mappedPrefix[...] }

    /// What stands before the four bytes of an IPv4 address.
    package static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    /// Reads dotted IPv4 (four decimal parts, no leading zeros, so that nothing reads as octal) or RFC 4291 IPv6. A zone
    /// (`%eth0`) is refused.
    package init?(_ text: String) {
        if text.contains(":") {
            guard let bytes = Self.ipv6(text) else { return nil }
            self.bytes = bytes
        } else {
            guard let bytes = Self.ipv4(text) else { return nil }
            self.bytes = Self.mappedPrefix + bytes
        }
    }

    /// - Returns: `nil` unless there are 16 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// The canonical text (RFC 5952).
    package var text: String {
        if isIPv4 { return bytes[12...].map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        func joined(_ slice: ArraySlice<UInt16>) -> String {
            slice.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let zeros = Self.longestZeroRun(groups) else { return joined(groups[...]) }
        return joined(groups[..<zeros.lowerBound]) + "::" + joined(groups[zeros.upperBound...])
    }

    package var description: String { text }

    private static func ipv4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part == "0" || !part.hasPrefix("0"),
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func ipv6(_ text: String) -> [UInt8]? {
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        var sides: [[UInt8]] = []
        for (index, half) in halves.enumerated() {
            guard !half.isEmpty else {
                sides.append([])
                continue
            }
            var side: [UInt8] = []
            let groups = half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, group) in groups.enumerated() {
                if group.contains(".") {
                    guard place == groups.count - 1, index == halves.count - 1, let tail = ipv4(group) else {
                        return nil
                    }
                    side += tail
                } else {
                    guard (1...4).contains(group.count), group.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
                        let value = UInt16(group, radix: 16)
                    else { return nil }
                    side += [UInt8(value >> 8), UInt8(value & 0xFF)]
                }
            }
            sides.append(side)
        }
        if sides.count == 1 { return sides[0].count == 16 ? sides[0] : nil }
        let zeros = 16 - sides[0].count - sides[1].count
        guard zeros >= 2 else { return nil }
        return sides[0] + [UInt8](repeating: 0, count: zeros) + sides[1]
    }

    /// The first of the longest runs of two or more zero groups (RFC 5952 §4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start: Int?
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 {
                start = start ?? index
            } else if let begin = start {
                if index - begin >= 2, index - begin > (best?.count ?? 0) { best = begin..<index }
                start = nil
            }
        }
        return best
    }
}
