/// A block of IPv4 or IPv6 addresses in CIDR notation (RFC 4632, RFC 4291).
package struct NetworkRange: Sendable, Hashable {
    let address: [UInt8]
    let prefix: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = Self.address(String(first)) else { return nil }
        guard let prefix = parts.count == 2 ? Int(parts[1]) : address.count * 8,
            (0...address.count * 8).contains(prefix)
        else { return nil }
        self.address = address
        self.prefix = prefix
    }

    func contains(_ text: Span<UInt8>) -> Bool {
        guard text.count <= 45, let other = Self.address(String(copying: text)),
            other.count == address.count
        else { return false }
        for bit in stride(from: 0, to: prefix, by: 8) {
            let mask: UInt8 = prefix - bit >= 8 ? 0xFF : ~(0xFF >> UInt8(prefix - bit))
            if address[bit / 8] & mask != other[bit / 8] & mask { return false }
        }
        return true
    }

    /// 4 or 16 bytes; an IPv4 address mapped into IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    static func address(_ text: String) -> [UInt8]? {
        guard text.contains(":") else { return version4(Substring(text)) }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? unmapped(head) : nil }
        guard let tail = groups(halves[1]), head.count + tail.count < 16 else { return nil }
        return unmapped(head + Array(repeating: 0, count: 16 - head.count - tail.count) + tail)
    }

    private static func unmapped(_ bytes: [UInt8]) -> [UInt8] {
        bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF ? Array(bytes[12...]) : bytes
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        if text.isEmpty { return bytes }
        for group in text.split(separator: ":", omittingEmptySubsequences: false) {
            if group.contains(".") {
                guard let last = version4(group) else { return nil }
                bytes += last
            } else {
                guard (1...4).contains(group.count), let value = UInt16(group, radix: 16) else { return nil }
                bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
            }
        }
        return bytes
    }

    private static func version4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part in part.allSatisfy(\.isNumber) ? UInt8(part) : nil }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }
}
