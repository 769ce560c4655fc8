package import Events
package import Foundation

/// What an event puts into the Merkle tree: `SHA-256(0x00 ‖ header ‖ SHA-256(body) ‖ sealed digest)`.
///
/// The bytes between 0x00 and the end are the log's entry in the words of C2SP tlog-tiles. The header is big-endian:
/// tenant 16 B, position i64, stream 16 B, version i64, event id 16 B, schema version i32, `recorded_at` in
/// microseconds since 1970 i64, length of the type in bytes u16, the type in UTF-8. `docket.leaf_hash` is the same in
/// SQL, `Tests/EventLogTests/Vectors/leaf.py` the same in Python.
package struct Leaf: Sendable, Hashable {
    package var tenant: UUID
    package var position: Int64
    package var stream: UUID
    package var version: Int64
    package var event: UUID
    package var schemaVersion: Int32
    package var recordedAt: Instant
    package var type: String

    package init(
        tenant: UUID, position: Int64, stream: UUID, version: Int64, event: UUID, schemaVersion: Int32,
        recordedAt: Instant, type: String
    ) {
        self.tenant = tenant
        self.position = position
        self.stream = stream
        self.version = version
        self.event = event
        self.schemaVersion = schemaVersion
        self.recordedAt = recordedAt
        self.type = type
    }

    package var header: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(78 + type.utf8.count)
        bytes += tenant.bytes
        bytes.append(bigEndian: position)
        bytes += stream.bytes
        bytes.append(bigEndian: version)
        bytes += event.bytes
        bytes.append(bigEndian: schemaVersion)
        bytes.append(bigEndian: recordedAt.microseconds)
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: type.utf8.count))
        bytes += type.utf8
        return bytes
    }

    package func hash(bodyDigest: TreeHash, sealedDigest: TreeHash) -> TreeHash {
        .leaf(of: header + bodyDigest.bytes + sealedDigest.bytes)
    }

    package func hash(body: [UInt8], sealedDigest: TreeHash) -> TreeHash {
        hash(bodyDigest: .sha256(body), sealedDigest: sealedDigest)
    }

    /// 32 zero bytes when nothing is sealed, else `SHA-256(d₀ ‖ d₁ ‖ …)`.
    package static func sealedDigest(_ digests: [TreeHash]) -> TreeHash {
        digests.isEmpty ? .zero : .sha256(digests.flatMap(\.bytes))
    }

    /// dₙ: `SHA-256(salt ‖ canonical JSON of the value)`.
    package static func digest(salt: TreeHash, value: [UInt8]) -> TreeHash { .sha256(salt.bytes + value) }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        var shift = value.bitWidth - 8
        while shift >= 0 {
            append(UInt8(truncatingIfNeeded: value >> shift))
            shift -= 8
        }
    }
}
