package import Events
package import Foundation
import JSON

/// What a package is to hold, known before the first event is written.
package struct PackageContents: Sendable {
    package enum Scope: Sendable, Hashable {
        /// Every event from the lower to before the upper position.
        case range(Range<Int64>)
        /// The events of a case, those of the stream with its id.
        case stream(UUID)
    }

    package var tenant: UUID
    package var scope: Scope
    /// The signed checkpoint whose tree everything is proven in.
    package var checkpoint: SignedNote
    /// Further signed checkpoints of this log, of smaller trees: earlier ones that somebody else has seen, and some in
    /// between (every 256th size, say), which tell later where a tree that does not fit began not to.
    package var furtherCheckpoints: [SignedNote]
    /// How trust went from older keys to newer ones.
    package var handovers: [SignedNote]
    /// The log's public keys, the newest last.
    package var keys: [VerifierKey]
    package var createdAt: Instant
    /// Name and version of the exporting program.
    package var tool: String

    package init(
        tenant: UUID, scope: Scope, checkpoint: SignedNote, furtherCheckpoints: [SignedNote] = [],
        handovers: [SignedNote] = [], keys: [VerifierKey], createdAt: Instant, tool: String
    ) {
        self.tenant = tenant
        self.scope = scope
        self.checkpoint = checkpoint
        self.furtherCheckpoints = furtherCheckpoints
        self.handovers = handovers
        self.keys = keys
        self.createdAt = createdAt
        self.tool = tool
    }
}

/// Writes a package (`Documentation/EvidencePackage.md`), event by event: memory does not grow with the log.
///
/// The same input gives the same bytes. What it is given it writes, right or wrong: an altered database makes a package
/// in which the alteration is found.
package struct PackageWriter {
    private let folder: PackageFolder
    private let contents: PackageContents
    private let checkpoint: Checkpoint
    private let further: [(checkpoint: Checkpoint, note: SignedNote)]
    private let events: PackageFile
    private let sealed: PackageFile
    private let evidence: PackageFile
    private var files: [PackageManifest.File] = []
    private var eventCount: Int64 = 0
    private var sealedCounts = PackageManifest.Counts()
    private var evidenceCounts = PackageManifest.Counts()
    private var evidenceDigests: Set<Events.Digest> = []
    private var runs: [Range<Int64>] = []

    /// - Parameter url: a folder that is empty or does not exist.
    package init(to url: URL, contents: PackageContents) throws(ProofError) {
        folder = PackageFolder(url)
        self.contents = contents
        checkpoint = try Checkpoint(text: contents.checkpoint.text)
        var further: [(checkpoint: Checkpoint, note: SignedNote)] = []
        for note in contents.furtherCheckpoints {
            let other = try Checkpoint(text: note.text)
            // Every log goes on from the empty one: there is nothing to prove.
            if other.size > 0 || other.origin != checkpoint.origin { further.append((other, note)) }
        }
        further.sort { $0.checkpoint.size < $1.checkpoint.size }
        for (index, (other, _)) in further.enumerated() {
            guard other.origin == checkpoint.origin, other.size > 0, other.size <= checkpoint.size,
                index == 0 || other.size > further[index - 1].checkpoint.size
            else { throw ProofError(.range, "further checkpoints are of this log, of sizes up to the main one's") }
        }
        self.further = further
        if case .range(let range) = contents.scope {
            guard range.lowerBound >= 0, range.upperBound <= checkpoint.size else {
                throw ProofError(.range, "the range is not within the checkpoint's tree of \(checkpoint.size)")
            }
            runs = range.isEmpty ? [] : [range]
        }
        try folder.create()
        events = try PackageFile(folder, "events.ndjson")
        sealed = try PackageFile(folder, "sealed.ndjson")
        evidence = try PackageFile(folder, "evidence.ndjson")
    }

    /// Appends an event, in the order of positions.
    package mutating func append(_ event: ExportedEvent) throws(ProofError) {
        if case .stream = contents.scope {
            let end = runs.last?.upperBound ?? 0
            guard event.position >= end, event.position < checkpoint.size else {
                throw ProofError(.range, "position \(event.position) is out of order or beyond the checkpoint")
            }
            if event.position == end, let last = runs.popLast() {
                runs.append(last.lowerBound..<event.position + 1)
            } else {
                runs.append(event.position..<event.position + 1)
            }
        }
        try events.write(try EventLine.text(of: event, tenant: contents.tenant))
        eventCount += 1
        for (n, member) in event.sealed.enumerated() {
            try sealed.write(EventLine.text(of: member, position: event.position, n: n))
            switch member.state {
            case .open(_, let value):
                guard !value.contains(0x0A) else { throw ProofError(.malformed, "a sealed value is not canonical") }
                sealedCounts.open += 1
            case .erased: sealedCounts.erased += 1
            case .withheld: sealedCounts.withheld += 1
            }
        }
    }

    /// Appends raw input; a digest that is there already is passed over.
    package mutating func append(_ item: ExportedEvidence) throws(ProofError) {
        guard evidenceDigests.insert(item.digest).inserted else { return }
        try evidence.write(EventLine.text(of: item))
        switch item.state {
        case .included(let bytes):
            evidenceCounts.open += 1
            try write(bytes, to: "evidence/" + item.digest.bytes.hexadecimal)
        case .erased: evidenceCounts.erased += 1
        case .withheld: evidenceCounts.withheld += 1
        }
    }

    /// Writes proofs, checkpoints and manifest, and signs.
    ///
    /// - Parameters:
    ///   - tree: the tree of the checkpoint's size, as the log stored it.
    ///   - key: signs the digest of the manifest: the log's key.
    package mutating func finish<Source: TileSource>(
        tree: TileTree<Source>, key: SigningKey
    ) async throws -> PackageManifest {
        guard tree.size == checkpoint.size else {
            throw ProofError(.range, "the tree is not of the checkpoint's size")
        }
        for file in [events, sealed, evidence] { files.append(try file.close()) }
        try await writeHashes(tree)
        try write(contents.checkpoint.bytes, to: "checkpoint")
        for (other, note) in further { try write(note.bytes, to: "checkpoints/\(other.size)") }
        for (index, note) in contents.handovers.enumerated() { try write(note.bytes, to: "handovers/\(index + 1)") }

        var manifest = PackageManifest(
            tenant: contents.tenant, origin: checkpoint.origin, scope: manifestScope, treeSize: checkpoint.size,
            runs: runs, cuts: further.map(\.checkpoint.size), events: eventCount, sealed: sealedCounts,
            evidence: evidenceCounts, keys: contents.keys, createdAt: contents.createdAt.rfc3339, tool: contents.tool,
            files: [])
        try write(PackageReadme.text(manifest), to: "README.txt")
        try write(
            RecordIntegrity.event(manifest, checkpoint, at: contents.createdAt).canonicalBytes(),
            to: "record_integrity.json")
        manifest.files = files.sorted { Array($0.path.utf8).lexicographicallyPrecedes(Array($1.path.utf8)) }
        try write(manifest.bytes, to: "manifest.json")
        let note = try SignedNote(text: ManifestNote.text(origin: checkpoint.origin, manifest.bytes), signedBy: [key])
        try write(note.bytes, to: "manifest.note")
        return manifest
    }

    private var manifestScope: PackageManifest.Scope {
        switch contents.scope {
        case .range: .range
        case .stream(let id): .stream(id)
        }
    }

    /// `leaves.bin`: the leaves of the runs. `gaps.bin`: the perfect subtrees of what lies between them.
    private mutating func writeHashes<Source: TileSource>(_ tree: TileTree<Source>) async throws {
        var tree = tree
        let leaves = try PackageFile(folder, "leaves.bin")
        let gaps = try PackageFile(folder, "gaps.bin")
        for part in TreePart.parts(of: checkpoint.size, runs: runs, cuts: further.map(\.checkpoint.size)) {
            switch part {
            case .leaves(let range):
                for position in range { try leaves.write(try await tree.leaf(position).bytes) }
            case .gap(let range):
                for hash in try await tree.hashes(covering: range) { try gaps.write(hash.bytes) }
            }
        }
        files.append(try leaves.close())
        files.append(try gaps.close())
    }

    private mutating func write(_ bytes: [UInt8], to path: String) throws(ProofError) {
        let file = try PackageFile(folder, path)
        try file.write(bytes)
        files.append(try file.close())
    }
}

/// The tree from left to right as a package tells it: leaves where there are events, subtrees elsewhere.
enum TreePart: Hashable {
    case leaves(Range<Int64>)
    case gap(Range<Int64>)

    var end: Int64 {
        switch self {
        case .leaves(let range), .gap(let range): range.upperBound
        }
    }

    /// Split at the cuts, so that the root of each such size can be computed on the way.
    static func parts(of size: Int64, runs: [Range<Int64>], cuts: [Int64]) -> [TreePart] {
        var parts: [TreePart] = []
        var rest = cuts[...]
        func add(_ range: Range<Int64>, _ make: (Range<Int64>) -> TreePart) {
            var start = range.lowerBound
            while let cut = rest.first, cut < range.upperBound {
                rest.removeFirst()
                guard cut > start else { continue }
                parts.append(make(start..<cut))
                start = cut
            }
            if start < range.upperBound { parts.append(make(start..<range.upperBound)) }
        }
        var position: Int64 = 0
        for run in runs {
            add(position..<run.lowerBound) { .gap($0) }
            add(run) { .leaves($0) }
            position = run.upperBound
        }
        add(position..<max(size, position)) { .gap($0) }
        return parts
    }
}

/// The text whose signature seals a manifest. Its second line is no number, so that it is never taken for a checkpoint.
enum ManifestNote {
    static let heading = "docket-package-manifest/v1"

    static func text(origin: String, _ manifest: [UInt8]) -> String {
        "\(heading)\n\(origin)\nsha256:\(TreeHash.sha256(manifest).hexadecimal)\n"
    }
}
