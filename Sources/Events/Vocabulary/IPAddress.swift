import Foundation

/// An IPv4 or IPv6 address in canonical text (RFC 5952), so that two spellings of one address compare equal.
/// An IPv4-mapped IPv6 address counts as the IPv4 address.
package struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes, most significant first.
    package let bytes: [UInt8]

    package init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        // `inet_pton` is the C library's own strict parser; both buffers live for the call alone.
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes[0..<4])
        } else if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
            let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            self.bytes = isMapped ? Array(bytes[12..<16]) : bytes
        } else {
            return nil
        }
    }

    package var isIPv4: Bool { bytes.count == 4 }

    package var text: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let zeros = Self.longestZeroRun(groups)
        func joined(_ slice: ArraySlice<UInt16>) -> String {
            slice.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let zeros else { return joined(groups[...]) }
        return joined(groups[..<zeros.lowerBound]) + "::" + joined(groups[zeros.upperBound...])
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
