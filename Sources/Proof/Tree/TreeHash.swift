package import Crypto
import Events
import Foundation

/// A hash of the Merkle tree: 32 bytes of SHA-256, kept in place so that a million of them allocate nothing.
package struct TreeHash: Sendable, Hashable {
    private let a, b, c, d: UInt64

    package static let byteCount = 32

    /// 32 zero bytes: the sealed digest of an event with nothing sealed.
    package static let zero = TreeHash(0, 0, 0, 0)

    private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
        self.a = a
        self.b = b
        self.c = c
        self.d = d
    }

    /// Four words, most significant first.
    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.init(words.0, words.1, words.2, words.3) }

    /// Writes 32 bytes at an offset, which must be there.
    func store(in bytes: inout [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + Self.byteCount <= bytes.count)
        unsafe bytes.withUnsafeMutableBytes { unsafe store(to: $0, at: offset) }
    }

    /// Reads 32 bytes at an offset, which must be there.
    package init(_ bytes: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + Self.byteCount <= bytes.count)
        self = unsafe bytes.withUnsafeBytes {
            unsafe TreeHash(loading: UnsafeRawBufferPointer(rebasing: $0[offset...]))
        }
    }

    /// - Returns: `nil` unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(bytes, at: 0)
    }

    package init(_ digest: SHA256.Digest) {
        self = unsafe digest.withUnsafeBytes { unsafe TreeHash(loading: $0) }
    }

    /// The buffer holds at least 32 bytes.
    private init(loading buffer: UnsafeRawBufferPointer) {
        a = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        b = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        c = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        d = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }

    /// The buffer holds at least 32 bytes from the offset.
    private func store(to buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        unsafe buffer.storeBytes(of: a.bigEndian, toByteOffset: offset, as: UInt64.self)
        unsafe buffer.storeBytes(of: b.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
        unsafe buffer.storeBytes(of: c.bigEndian, toByteOffset: offset + 16, as: UInt64.self)
        unsafe buffer.storeBytes(of: d.bigEndian, toByteOffset: offset + 24, as: UInt64.self)
    }

    package var bytes: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            unsafe store(to: UnsafeMutableRawBufferPointer(buffer), at: 0)
            count = Self.byteCount
        }
    }

    package func append(to bytes: inout [UInt8]) {
        for word in [a, b, c, d] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
    }

    /// Standard base64 (RFC 4648 §4), as checkpoints hold it.
    package var base64: String { Data(bytes).base64EncodedString() }
    package var hexadecimal: String { bytes.hexadecimal }
}

extension TreeHash {
    /// The root of a tree without leaves (RFC 6962 §2.1).
    package static let empty = sha256([])

    package static func sha256(_ bytes: [UInt8]) -> TreeHash {
        var hasher = SHA256()
        unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        return TreeHash(hasher.finalize())
    }

    /// The leaf of an entry (RFC 6962 §2.1).
    package static func leaf(of entry: [UInt8]) -> TreeHash { sha256([0] + entry) }

    /// An inner node (RFC 6962 §2.1).
    package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        unsafe withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            unsafe buffer[0] = 1
            unsafe left.store(to: buffer, at: 1)
            unsafe right.store(to: buffer, at: 33)
            var hasher = SHA256()
            unsafe hasher.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return TreeHash(hasher.finalize())
        }
    }
}

extension TreeHash: CustomStringConvertible {
    package var description: String { hexadecimal }
}
