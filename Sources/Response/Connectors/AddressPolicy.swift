package import Events

extension IPAddress {
    /// The IPv4 address that an IPv6 transition address leads to (NAT64 `64:ff9b::/96`, 6to4 `2002::/16`,
    /// IPv4-compatible `::/96`), because a packet to it ends there.
    var embeddedIPv4: IPAddress? {
        func embedded(_ range: Range<Int>) -> IPAddress? { IPAddress(bytes: Self.mappedPrefix + bytes[range]) }
        if bytes.prefix(12) == [0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] { return embedded(12..<16) }
        if bytes.prefix(2) == [0x20, 0x02] { return embedded(2..<6) }
        let isCompatible =
            bytes.prefix(12).allSatisfy { $0 == 0 } && bytes[12...] != [0, 0, 0, 0] && bytes[12...] != [0, 0, 0, 1]
        return isCompatible ? embedded(12..<16) : nil
    }
}

/// A block of addresses (RFC 4632, RFC 4291 §2.3).
package struct CIDR: Sendable, Hashable, CustomStringConvertible {
    package let address: IPAddress
    /// Bits of 128; IPv4 lengths are counted from bit 96.
    private let length: Int

    /// `10.0.0.0/8`, `fd00::/8`; an address alone is a block of one. Bits beyond the length do not count.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let isWrittenAsIPv4 = !parts[0].contains(":")
        var length = 128
        if parts.count == 2 {
            guard let bits = UInt8(parts[1]), bits <= (isWrittenAsIPv4 ? 32 : 128),
                parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            length = isWrittenAsIPv4 ? 96 + Int(bits) : Int(bits)
        }
        self.address = address
        self.length = length
    }

    package func contains(_ other: IPAddress) -> Bool {
        for index in 0..<16 {
            let bits = min(8, max(0, length - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            if address.bytes[index] & mask != other.bytes[index] & mask { return false }
        }
        return true
    }

    package var description: String {
        address.isIPv4 && length >= 96 ? "\(address)/\(length - 96)" : "\(address)/\(length)"
    }
}

/// Which addresses Docket may connect to.
///
/// Public ones; of all others (loopback, private, link-local with the clouds' metadata services, multicast, reserved,
/// documentation; IANA special-purpose registries) only those that an administrator named. An address inside an IPv6
/// transition address counts as itself.
package struct AddressPolicy: Sendable, Hashable {
    package var allowed: [CIDR]

    package init(allowed: [CIDR] = []) { self.allowed = allowed }

    package func permits(_ address: IPAddress) -> Bool {
        if allowed.contains(where: { $0.contains(address) }) { return true }
        if Self.special.contains(where: { $0.contains(address) }) { return false }
        if let embedded = address.embeddedIPv4 { return permits(embedded) }
        // Only global unicast has been given out (2000::/3); IPv4 stands for itself.
        return address.isIPv4 || address.bytes[0] & 0xE0 == 0x20 || address.bytes.prefix(4) == [0x00, 0x64, 0xFF, 0x9B]
    }

    private static let special: [CIDR] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ].map { text in
        guard let block = CIDR(text) else { preconditionFailure("\(text) is no block of addresses") }
        return block
    }
}
