import Crypto
package import Foundation
import JSON

extension UUID {
    /// A time-ordered id (RFC 9562 §5.7): 48 bits of milliseconds, then random bits.
    package static func v7(at instant: Instant = .now()) -> UUID {
        // Not from `UUID()`, which opens /dev/urandom for each.
        var random = SystemRandomNumberGenerator()
        let (first, second) = (random.next() as UInt64, random.next() as UInt64)
        let milliseconds = UInt64(clamping: instant.microseconds / 1_000)
        let bytes = (0..<16).map { index in
            switch index {
            case 0..<6: UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * UInt64(index)))
            case 6..<8: UInt8(truncatingIfNeeded: first >> (8 * UInt64(index - 6)))
            default: UInt8(truncatingIfNeeded: second >> (8 * UInt64(index - 8)))
            }
        }
        return UUID(stamping: bytes, version: 7)
    }

    /// A derived id (RFC 9562 §5.5): the same namespace and name always give the same id, which is what makes a
    /// repeated step recognizable.
    package static func v5(namespace: UUID, name: [UInt8]) -> UUID {
        let hash = Insecure.SHA1.hash(data: namespace.bytes + name)
        return UUID(stamping: Array(hash.prefix(16)), version: 5)
    }

    package static func v5(namespace: UUID, name: String) -> UUID {
        v5(namespace: namespace, name: Array(name.utf8))
    }

    /// 16 bytes, most significant first.
    package var bytes: [UInt8] {
        let u = uuid
        return [
            u.0, u.1, u.2, u.3, u.4, u.5, u.6, u.7, u.8, u.9, u.10, u.11, u.12, u.13, u.14, u.15,
        ]
    }

    /// - Returns: `nil` unless there are 16 bytes.
    package init?(bytes b: [UInt8]) {
        guard b.count == 16 else { return nil }
        self.init(
            uuid: (
                b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
            ))
    }

    /// The text that goes into JSON: lower case, as RFC 9562 §4 prefers.
    package var lowercased: String { lowercaseText }

    private init(stamping bytes: [UInt8], version: UInt8) {
        var b = bytes
        b[6] = b[6] & 0x0F | version << 4
        b[8] = b[8] & 0x3F | 0x80
        self.init(
            uuid: (
                b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
            ))
    }
}
