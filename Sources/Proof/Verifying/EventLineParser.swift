import Crypto
import Events
import Foundation
import JSON

/// Reads a line of `events.ndjson` strictly and computes its leaf, without making a value of anything.
///
/// Everything lands in one buffer in the form in which it is hashed, so a good event costs three hashes, a scan and two
/// comparisons.
struct EventLineParser {
    private(set) var position: Int64 = 0
    private(set) var version: Int64 = 0
    private(set) var schemaVersion: Int32 = 0
    /// Microseconds since 1970.
    private(set) var recordedAt: Int64 = 0
    /// The leaf of the event as it stands in the line.
    private(set) var leaf = TreeHash.zero
    /// What the line says of itself.
    private(set) var statedLeaf = TreeHash.zero
    private(set) var statedBodyDigest = TreeHash.zero
    private(set) var bodyDigest = TreeHash.zero
    private(set) var sealedDigest = TreeHash.zero
    private(set) var sealed: [TreeHash] = []
    /// The body's bytes: in the line, or decoded from base64.
    private(set) var body = 0..<0
    private(set) var decodedBody: [UInt8]?
    private var typeText = 0..<0
    private var columns = ColumnRanges()

    /// 0x00 ‖ header ‖ body digest ‖ sealed digest; the type begins at `typeOffset`.
    private var entry: [UInt8]
    private var typeCount = 0
    private static let typeOffset = 79

    private struct ColumnRanges {
        var beforeOccurred = 0..<0
        var occurred = 0..<0
        var afterOccurred = 0..<0
    }

    init(tenant: UUID) {
        entry = [UInt8](repeating: 0, count: Self.typeOffset + 1_024 + 64)
        entry.replaceSubrange(1..<17, with: tenant.bytes)
    }

    var eventID: [UInt8] { Array(entry[49..<65]) }
    var streamID: [UInt8] { Array(entry[25..<41]) }
    var hasStatedBody: Bool { bodyDigest == statedBodyDigest }
    var hasStatedSeals: Bool { sealedDigest == Leaf.sealedDigest(sealed) }

    /// What is hashed into the leaf, for hashing it anew under another position.
    var entryBytes: [UInt8] { Array(entry[..<(Self.typeOffset + typeCount + 64)]) }

    static func leaf(ofEntry entry: [UInt8], at position: Int64) -> TreeHash {
        var entry = entry
        Self.store(position, at: 17, in: &entry)
        return .sha256(entry)
    }

    /// - Returns: false when the bytes (without their newline) are no line of the format.
    mutating func parse(_ b: [UInt8], _ line: Range<Int>) -> Bool {
        var at = line.lowerBound
        let end = line.upperBound
        decodedBody = nil
        guard Scan.take(Text.position, b, &at, end), let position = Scan.integer(b, &at, end),
            Scan.take(Text.eventID, b, &at, end), Scan.uuid(b, &at, end, into: &entry, at: 49),
            Scan.take(Text.streamID, b, &at, end), Scan.uuid(b, &at, end, into: &entry, at: 25),
            Scan.take(Text.version, b, &at, end), let version = Scan.integer(b, &at, end),
            Scan.take(Text.schemaVersion, b, &at, end), let schema = Scan.integer(b, &at, end),
            let schemaVersion = Int32(exactly: schema), Scan.take(Text.recordedAt, b, &at, end),
            let recordedAt = Scan.time(b, &at, end), Scan.take(Text.type, b, &at, end)
        else { return false }
        let typeStart = at
        guard Scan.string(b, &at, end) else { return false }
        typeText = typeStart..<at
        guard takeType(b), Scan.take(Text.leafHash, b, &at, end), let statedLeaf = Scan.hash(b, &at, end),
            Scan.take(Text.bodyDigest, b, &at, end), let statedBody = Scan.hash(b, &at, end),
            Scan.take(Text.sealedDigest, b, &at, end), let sealedDigest = Scan.hash(b, &at, end),
            Scan.take(Text.sealed, b, &at, end), takeSealed(b, &at, end), Scan.take(Text.columns, b, &at, end),
            takeColumns(b, &at, end), takeBody(b, &at, end)
        else { return false }
        self.position = position
        self.version = version
        self.schemaVersion = schemaVersion
        self.recordedAt = recordedAt
        self.statedLeaf = statedLeaf
        statedBodyDigest = statedBody
        self.sealedDigest = sealedDigest
        bodyDigest = decodedBody.map { TreeHash.sha256($0) } ?? Scan.sha256(b, body)
        hash()
        return true
    }

    private mutating func hash() {
        Self.store(position, at: 17, in: &entry)
        Self.store(version, at: 41, in: &entry)
        Self.store(schemaVersion, at: 65, in: &entry)
        Self.store(recordedAt, at: 69, in: &entry)
        Self.store(UInt16(truncatingIfNeeded: typeCount), at: 77, in: &entry)
        let digests = Self.typeOffset + typeCount
        bodyDigest.store(in: &entry, at: digests)
        sealedDigest.store(in: &entry, at: digests + 32)
        leaf = Scan.sha256(entry, 0..<(digests + 64))
    }

    private mutating func takeType(_ b: [UInt8]) -> Bool {
        guard let type = Scan.unescaped(b, typeText), type.count <= Int(UInt16.max) else { return false }
        typeCount = type.count
        let needed = Self.typeOffset + typeCount + 64
        if entry.count < needed { entry += [UInt8](repeating: 0, count: needed - entry.count) }
        var at = Self.typeOffset
        for byte in type {
            entry[at] = byte
            at += 1
        }
        return true
    }

    private mutating func takeSealed(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        sealed.removeAll(keepingCapacity: true)
        guard at < end, b[at] != UInt8(ascii: "]") else {
            at += 1
            return at <= end
        }
        while true {
            guard Scan.byte(UInt8(ascii: "\""), b, &at, end), let digest = Scan.hash(b, &at, end),
                Scan.byte(UInt8(ascii: "\""), b, &at, end)
            else { return false }
            sealed.append(digest)
            if Scan.byte(UInt8(ascii: "]"), b, &at, end) { return true }
            guard Scan.byte(UInt8(ascii: ","), b, &at, end) else { return false }
        }
    }

    private mutating func takeColumns(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        let start = at
        guard Scan.take(Text.actor, b, &at, end), Scan.object(b, &at, end), Scan.take(Text.caseID, b, &at, end),
            Scan.uuidOrNull(b, &at, end), Scan.take(Text.causedBy, b, &at, end), Scan.uuidOrNull(b, &at, end),
            Scan.take(Text.correlationID, b, &at, end), Scan.quotedUUID(b, &at, end)
        else { return false }
        columns.beforeOccurred = start..<at
        let occurred = at
        guard Scan.take(Text.occurredAt, b, &at, end), Scan.time(b, &at, end) != nil,
            Scan.byte(UInt8(ascii: "\""), b, &at, end)
        else { return false }
        columns.occurred = occurred..<at
        let after = at
        guard Scan.take(Text.streamKind, b, &at, end), Scan.string(b, &at, end), Scan.take(Text.traceID, b, &at, end),
            Scan.null(b, &at, end) || Scan.string(b, &at, end)
        else { return false }
        columns.afterOccurred = after..<at
        return Scan.byte(UInt8(ascii: "}"), b, &at, end)
    }

    private mutating func takeBody(_ b: [UInt8], _ at: inout Int, _ end: Int) -> Bool {
        guard end > at, b[end - 1] == UInt8(ascii: "}") else { return false }
        if Scan.take(Text.body, b, &at, end) {
            body = at..<(end - 1)
            return at <= end - 1
        }
        guard Scan.take(Text.bodyBase64, b, &at, end), end - 2 >= at, b[end - 2] == UInt8(ascii: "\""),
            let bytes = Base64.decode(String(decoding: b[at..<(end - 2)], as: UTF8.self))
        else { return false }
        decodedBody = bytes
        body = 0..<bytes.count
        return true
    }

    private static func store(_ value: some FixedWidthInteger, at offset: Int, in bytes: inout [UInt8]) {
        var at = offset
        var shift = value.bitWidth - 8
        while shift >= 0 {
            bytes[at] = UInt8(truncatingIfNeeded: value >> shift)
            at += 1
            shift -= 8
        }
    }
}

extension EventLineParser {
    /// Which columns differ from the body; nil: the columns or the actor are no JSON.
    ///
    /// A body in canonical form is the columns' own text around its data, so equal bytes settle it. Only otherwise both
    /// are read as JSON.
    func differingColumns(_ b: [UInt8], _ line: Range<Int>) -> [String]? {
        if decodedBody == nil, isEnvelope(b) { return [] }
        let start = columns.beforeOccurred.lowerBound
        let end = columns.afterOccurred.upperBound
        let limits = JSONLimits(depth: 300, members: .max)
        let copies: JSONValue
        do {
            copies = try JSONValue.parse(Array(b[start..<end] + [UInt8(ascii: "}")]), limits: limits)
        } catch {
            return nil
        }
        guard case .object(var expected) = copies else { return nil }
        expected["schema_version"] = .integer(Int64(schemaVersion))
        expected["type"] = .string(
            String(decoding: entry[Self.typeOffset..<(Self.typeOffset + typeCount)], as: UTF8.self))
        let envelope: JSONValue
        do {
            envelope = try JSONValue.parse(decodedBody ?? Array(b[body]), limits: limits)
        } catch {
            return ["body"]
        }
        return expected.filter { envelope[$0.key] != $0.value }.keys.sorted()
    }

    private func isEnvelope(_ b: [UInt8]) -> Bool {
        let head = columns.beforeOccurred
        guard body.count > head.count + Text.data.count, Scan.equal(b, head, body.lowerBound) else { return false }
        var at = body.lowerBound + head.count
        guard Scan.take(Text.data, b, &at, body.upperBound) else { return false }
        var tail = body.upperBound
        return Scan.takeLast(UInt8(ascii: "}"), b, &tail, at) && Scan.takeLast(b, typeText, &tail, at)
            && Scan.takeLast(Text.type0, b, &tail, at) && Scan.takeLast(b, columns.afterOccurred, &tail, at)
            && Scan.takeLast(Array(String(schemaVersion).utf8), b, &tail, at)
            && Scan.takeLast(Text.schemaVersion, b, &tail, at) && Scan.takeLast(b, columns.occurred, &tail, at)
    }

    /// Whether the body holds a text.
    func bodyContains(_ text: String, _ b: [UInt8]) -> Bool {
        let needle = Array(text.utf8)
        let bytes = decodedBody ?? Array(b[body])
        guard bytes.count >= needle.count, let first = needle.first else { return false }
        return bytes.indices.dropLast(needle.count - 1).contains { index in
            bytes[index] == first && bytes[index..<(index + needle.count)].elementsEqual(needle)
        }
    }

    private enum Text {
        static let position = Array("{\"position\":".utf8)
        static let eventID = Array(",\"event_id\":\"".utf8)
        static let streamID = Array("\",\"stream_id\":\"".utf8)
        static let version = Array("\",\"version\":".utf8)
        static let schemaVersion = Array(",\"schema_version\":".utf8)
        static let recordedAt = Array(",\"recorded_at\":\"".utf8)
        static let type = Array("\",\"type\":".utf8)
        static let type0 = Array(",\"type\":".utf8)
        static let leafHash = Array(",\"leaf_hash\":\"".utf8)
        static let bodyDigest = Array("\",\"body_digest\":\"".utf8)
        static let sealedDigest = Array("\",\"sealed_digest\":\"".utf8)
        static let sealed = Array("\",\"sealed\":[".utf8)
        static let columns = Array(",\"columns\":".utf8)
        static let actor = Array("{\"actor\":".utf8)
        static let caseID = Array(",\"case_id\":".utf8)
        static let causedBy = Array(",\"caused_by\":".utf8)
        static let correlationID = Array(",\"correlation_id\":".utf8)
        static let occurredAt = Array(",\"occurred_at\":\"".utf8)
        static let streamKind = Array(",\"stream_kind\":".utf8)
        static let traceID = Array(",\"trace_id\":".utf8)
        static let data = Array(",\"data\":".utf8)
        static let body = Array(",\"body\":".utf8)
        static let bodyBase64 = Array(",\"body_base64\":\"".utf8)
    }
}
