import Events
import Foundation

/// One reading of `events.ndjson` beside the leaves: each event is good, or it is kept to be judged later.
///
/// Lines are held to the leaf of the position that they state, so one altered line is one odd line, whatever stands
/// around it. Memory grows with what is wrong, not with the log (but for one bit an event).
struct EventPass {
    /// A line that is not the event of the position that it states.
    struct OddLine {
        var ordinal: Int64
        var position: Int64
        /// Whether the position's leaf is in the package.
        var index: Int64?
        var leaf: TreeHash
        var statedLeaf: TreeHash
        var hasStatedBody: Bool
        var hasStatedSeals: Bool
        var eventID: [UInt8]
        var entry: [UInt8]
        /// It is the right event, which was there already.
        var isRepetition: Bool
    }

    private(set) var findings: [Finding] = []
    private(set) var odd: [OddLine] = []
    /// Lines that cannot be read, by their number from 0.
    private(set) var unreadable: [Int64] = []
    /// Indices of the good lines in the order of the file, as runs.
    private(set) var seen: [ClosedRange<Int64>] = []
    private(set) var lineCount: Int64 = 0
    private(set) var fileDigest = TreeHash.zero
    private(set) var fileSize: Int64 = 0
    private var isSeen: [UInt64]
    private var lastGood: (index: Int64, recordedAt: Int64)?

    /// Good positions whose body must name a digest.
    private let named: [Int64: [String]]
    private(set) var unnamed: Set<String> = []
    private var scope: CaseScope?
    private var sealed: SealedPass

    init(_ manifest: PackageManifest, named: [Int64: [String]], sealed: SealedPass) {
        isSeen = [UInt64](repeating: 0, count: Int((manifest.leafCount + 63) / 64))
        self.named = named
        self.sealed = sealed
        if case .stream(let id) = manifest.scope { scope = CaseScope(id: id.bytes) }
    }

    func isGood(_ index: Int64) -> Bool { isSeen[Int(index >> 6)] & 1 << UInt64(index & 63) != 0 }

    mutating func run(_ folder: PackageFolder, _ leaves: inout LeafHashes) throws(ProofError) {
        var parser = EventLineParser(tenant: leaves.manifest.tenant)
        let lines = LineReader(try PackageReader(folder, "events.ndjson"))
        while let (bytes, line, isWhole) = try lines.next() { try take(bytes, line, isWhole, &parser, &leaves) }
        fileDigest = lines.reader.digest
        fileSize = lines.reader.size
        findings += scope?.findings ?? []
    }

    private mutating func take(
        _ b: [UInt8], _ line: Range<Int>, _ isWhole: Bool, _ parser: inout EventLineParser, _ leaves: inout LeafHashes
    ) throws(ProofError) {
        let ordinal = lineCount
        lineCount += 1
        guard isWhole, parser.parse(b, line) else {
            unreadable.append(ordinal)
            return
        }
        let position = parser.position
        let differing = parser.differingColumns(b, line)
        guard let differing else {
            unreadable.append(ordinal)
            return
        }
        try sealed.take(position: position, digests: parser.sealed)
        let index = leaves.index(of: position)
        let isRight = try index.map { (index) throws(ProofError) in try leaves.leaf(at: index) == parser.leaf } ?? false
        guard isRight, let index, !isGood(index) else {
            odd.append(
                OddLine(
                    ordinal: ordinal, position: position, index: index, leaf: parser.leaf,
                    statedLeaf: parser.statedLeaf, hasStatedBody: parser.hasStatedBody,
                    hasStatedSeals: parser.hasStatedSeals, eventID: parser.eventID, entry: parser.entryBytes,
                    isRepetition: isRight))
            return
        }
        isSeen[Int(index >> 6)] |= 1 << UInt64(index & 63)
        if let last = seen.last, last.upperBound + 1 == index {
            seen[seen.count - 1] = last.lowerBound...index
        } else {
            seen.append(index...index)
        }
        judgeGood(position, index, parser, b, differing)
    }

    /// What can be wrong about an event that is the recorded one.
    private mutating func judgeGood(
        _ position: Int64, _ index: Int64, _ parser: EventLineParser, _ b: [UInt8], _ differing: [String]
    ) {
        if !differing.isEmpty {
            findings.append(
                Finding(.columnMismatch, at: position, "not as in the body: \(differing.joined(separator: ", "))"))
        }
        if !parser.hasStatedSeals {
            findings.append(Finding(.sealedValueMismatch, at: position, "the digests of sealed members were altered"))
        }
        if parser.statedLeaf != parser.leaf || !parser.hasStatedBody {
            findings.append(Finding(.tileAltered, at: position, "a digest stated beside the event was altered"))
        }
        if let last = lastGood, last.index < index, parser.recordedAt <= last.recordedAt {
            findings.append(Finding(.timeReversed, at: position, "recorded no later than the event before it"))
        }
        if lastGood.map({ $0.index < index }) ?? true { lastGood = (index, parser.recordedAt) }
        for digest in named[position] ?? [] where !parser.bodyContains(digest, b) { unnamed.insert(digest) }
        scope?.take(position: position, index: index, stream: parser.streamID, version: parser.version)
    }

    mutating func finishSealed(
        isGood: (Int64) -> Bool?
    ) throws(ProofError) -> (findings: [Finding], counts: PackageManifest.Counts, digest: TreeHash, size: Int64) {
        try sealed.finish(isGood: isGood)
    }
}

/// A case is complete when its versions count 1, 2, 3, …: every event of a case lies in its stream.
private struct CaseScope {
    let id: [UInt8]
    var findings: [Finding] = []
    private var lastVersion: Int64 = 0
    private var lastPosition: Int64 = -1
    private var lastIndex: Int64 = -1

    init(id: [UInt8]) { self.id = id }

    mutating func take(position: Int64, index: Int64, stream: [UInt8], version: Int64) {
        guard stream == id else {
            findings.append(Finding(.eventInserted, at: position, "an event of another stream than the case's"))
            return
        }
        guard index > lastIndex else { return }
        // Where lines of the package are missing, they are reported as such.
        if index == lastIndex + 1, version != lastVersion + 1 {
            let first = min(lastPosition + 1, position)
            findings.append(
                Finding(
                    .eventMissing, first...max(position - 1, first), file: "events.ndjson",
                    "the case goes from version \(lastVersion) to \(version)"))
        }
        lastVersion = version
        lastPosition = position
        lastIndex = index
    }
}
