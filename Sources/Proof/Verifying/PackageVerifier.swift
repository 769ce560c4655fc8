package import Foundation

/// Verifies a package offline: nothing but the package, a public key and, if there is one, an earlier checkpoint.
///
/// What is proven and how each class of finding is told from the others is defined in
/// `Documentation/EvidencePackage.md`; `verify_package.py` beside it is a second program written from that text.
package struct PackageVerifier {
    private let folder: PackageFolder
    private let given: SignedNote?
    private let key: VerifierKey?
    private var findings: [Finding] = []
    /// Files whose digest was taken on the way.
    private var digests: [String: (digest: TreeHash, size: Int64)] = [:]

    private var countsAreRight = true

    /// - Parameters:
    ///   - url: the package's folder.
    ///   - checkpoint: one of this log that the caller had before, signed.
    ///   - key: the log's key from a source other than the package; nil: the package's own keys are used, and the
    ///     report says so.
    /// - Returns: the findings; its `exitCode` is 0 or 2.
    /// - Throws: when there is no package to be read (exit code 1).
    package static func verify(
        at url: URL, checkpoint: SignedNote? = nil, key: VerifierKey? = nil
    ) throws(ProofError) -> Report {
        var verifier = PackageVerifier(folder: PackageFolder(url), given: checkpoint, key: key)
        return try verifier.run()
    }

    private init(folder: PackageFolder, given: SignedNote?, key: VerifierKey?) {
        self.folder = folder
        self.given = given
        self.key = key
    }

    private mutating func run() throws(ProofError) -> Report {
        let bytes = try folder.read("manifest.json")
        var report = Report(
            findings: [], manifest: nil, checkpoint: nil, keys: key.map { [$0] } ?? [], keyWasGiven: key != nil,
            isAsExported: false, events: 0)
        let manifest: PackageManifest
        do {
            manifest = try PackageManifest(bytes)
        } catch {
            report.findings = [Finding(.packageMalformed, file: "manifest.json", error.message)]
            return report
        }
        var trust = try TrustCheck(folder: folder, manifest: manifest, key: key)
        try trust.check(bytes, given: given)
        findings += trust.findings
        report.manifest = manifest
        report.keys = trust.keys
        report.checkpoint = trust.checkpointIsTrusted ? trust.checkpoint : nil

        var filesAreRight = try checkListing(manifest)
        if hasParts(manifest), let leaves = try readableLeaves(manifest, trust) {
            report.events = try verifyEvents(manifest, trust, leaves)
        }
        filesAreRight = try checkDigests(manifest) && filesAreRight
        if findings.isEmpty, !countsAreRight {
            findings.append(Finding(.packageMalformed, file: "manifest.json", "its counts are not those of the files"))
        }
        report.isAsExported = filesAreRight && trust.manifestIsSigned
        report.findings = findings.summarized()
        return report
    }

    /// Nothing is there that the manifest does not list, and all that it lists.
    private mutating func checkListing(_ manifest: PackageManifest) throws(ProofError) -> Bool {
        let listed = Set(manifest.files.map(\.path))
        let (files, others) = try folder.list()
        let there = Set(files)
        for path in others { findings.append(Finding(.packageMalformed, file: path, "it is no plain file")) }
        for path in there.subtracting(listed).sorted() where path != "manifest.json" && path != "manifest.note" {
            findings.append(Finding(.packageMalformed, file: path, "the manifest does not list it"))
        }
        for path in listed.sorted() where !manifest.names(path) {
            findings.append(Finding(.packageMalformed, file: path, "the format has no such file"))
        }
        for path in listed.subtracting(there).sorted() where !findings.contains(where: { $0.file == path }) {
            findings.append(Finding(.packageMalformed, file: path, "it is not there"))
        }
        return listed.union(["manifest.json", "manifest.note"]) == there && others.isEmpty
    }

    private static let partNames = ["events.ndjson", "sealed.ndjson", "evidence.ndjson", "leaves.bin", "gaps.bin"]

    private mutating func hasParts(_ manifest: PackageManifest) -> Bool {
        for path in Self.partNames where !folder.exists(path) {
            if !findings.contains(where: { $0.file == path }) {
                findings.append(Finding(.packageMalformed, file: path, "it is not there"))
            }
        }
        return Self.partNames.allSatisfy { folder.exists($0) }
    }

    /// nil: the hashes are not as many as runs and size of the tree demand.
    private mutating func readableLeaves(
        _ manifest: PackageManifest, _ trust: TrustCheck
    ) throws(ProofError) -> LeafHashes? {
        let leaves = try LeafHashes(
            folder: folder, manifest: manifest, cuts: trust.given.map { [$0.size] } ?? [])
        var isRight = true
        for (path, count) in [("leaves.bin", leaves.count), ("gaps.bin", leaves.gapCount)] {
            let reader = try PackageReader(folder, path)
            try reader.drain()
            digests[path] = (reader.digest, reader.size)
            if reader.size != count * 32 {
                findings.append(Finding(.packageMalformed, file: path, "it does not hold \(count) hashes"))
                isRight = false
            }
        }
        return isRight ? leaves : nil
    }

    /// - Returns: how many events were read.
    private mutating func verifyEvents(
        _ manifest: PackageManifest, _ trust: TrustCheck, _ unread: LeafHashes
    ) throws(ProofError) -> Int64 {
        var leaves = unread
        let roots = try leaves.roots()
        var evidence = try EvidenceCheck(folder)
        var pass = EventPass(manifest, named: evidence.named, sealed: try SealedPass(folder))
        try pass.run(folder, &leaves)
        digests["events.ndjson"] = (pass.fileDigest, pass.fileSize)
        findings += pass.findings

        var altered: Set<Int64> = []
        if let checkpoint = trust.checkpoint, roots[checkpoint.size] != checkpoint.root {
            altered = try alteredLeaves(pass, &leaves, checkpoint)
        }
        var judgement = OddLineJudgement(pass, leaves)
        try judgement.judge(folder, altered: altered)
        findings += judgement.findings
        findings += RootCheck(trust: trust, roots: roots, isExplained: !altered.isEmpty).findings

        let good = pass
        var finder = leaves
        let isGood = { (position: Int64) -> Bool? in finder.index(of: position).map { good.isGood($0) } }
        let sealed = try pass.finishSealed(isGood: isGood)
        digests["sealed.ndjson"] = (sealed.digest, sealed.size)
        findings += sealed.findings
        try evidence.check(folder, manifest, unnamed: pass.unnamed, isGood: isGood)
        digests["evidence.ndjson"] = (evidence.digest, evidence.size)
        findings += evidence.findings
        countsAreRight =
            manifest.events == pass.lineCount && manifest.sealed == sealed.counts
            && manifest.evidence == evidence.counts
        return pass.lineCount
    }

    /// Which leaves were altered, if putting in those that the events have leads to the signed root.
    private func alteredLeaves(
        _ pass: EventPass, _ leaves: inout LeafHashes, _ checkpoint: Checkpoint
    ) throws(ProofError) -> Set<Int64> {
        var replacing: [Int64: TreeHash] = [:]
        for line in pass.odd where !line.isRepetition && line.leaf == line.statedLeaf {
            if let index = line.index, !pass.isGood(index), replacing[index] == nil { replacing[index] = line.leaf }
        }
        guard !replacing.isEmpty, try leaves.roots(replacing: replacing)[checkpoint.size] == checkpoint.root else {
            return []
        }
        return Set(replacing.keys)
    }

    /// The digest of every file, as the net under everything else: reported where nothing more is known of the file.
    private mutating func checkDigests(_ manifest: PackageManifest) throws(ProofError) -> Bool {
        var isRight = true
        for file in manifest.files where folder.exists(file.path) {
            if digests[file.path] == nil {
                let reader = try PackageReader(folder, file.path)
                try reader.drain()
                digests[file.path] = (reader.digest, reader.size)
            }
            guard let found = digests[file.path], found.digest != file.digest || found.size != file.size else {
                continue
            }
            isRight = false
            if !findings.contains(where: { $0.file == file.path }) {
                findings.append(Finding(.fileAltered, file: file.path, "it is not the file of the manifest"))
            }
        }
        return isRight
    }
}

/// Whether the roots that the package's hashes lead to are the signed ones.
struct RootCheck {
    private(set) var findings: [Finding] = []
    private let roots: [Int64: TreeHash]
    /// Signed checkpoints by size, one a size.
    private let known: [Int64: Checkpoint]

    /// - Parameters:
    ///   - roots: by size, as computed.
    ///   - isExplained: altered leaves were found, and without them the root is right.
    init(trust: TrustCheck, roots: [Int64: TreeHash], isExplained: Bool) {
        self.roots = roots
        var known = trust.further
        if let main = trust.checkpoint { known[main.size] = main }
        if let main = trust.checkpoint, let given = trust.given, given.size < main.size, roots[given.size] != nil,
            known[given.size] == nil
        {
            known[given.size] = given
        }
        self.known = known
        guard let main = trust.checkpoint else { return }
        let isRight = roots[main.size] == main.root
        let wrong = known.values.filter { roots[$0.size] != $0.root }.map(\.size).min()
        if !isRight, !isExplained, let wrong {
            findings.append(Finding(.rootMismatch, range(wrong), "the hashes do not lead to the signed root"))
        }
        if isRight {
            for other in trust.further.values where roots[other.size] != nil && roots[other.size] != other.root {
                split(other.size, "checkpoints/\(other.size)")
            }
        }
        if let given = trust.given { check(given, main, isRight || isExplained) }
    }

    private mutating func check(_ given: Checkpoint, _ main: Checkpoint, _ isRight: Bool) {
        let file = "the checkpoint given"
        if given.size == main.size {
            if given.root != main.root { split(given.size, file) }
        } else if given.size > main.size {
            findings.append(
                Finding(
                    .truncated, main.size...(given.size - 1), file: file,
                    "the log had \(given.size) events when it was signed"))
        } else if let root = roots[given.size] {
            if isRight, root != given.root { split(given.size, file) }
        } else {
            findings.append(
                Finding(
                    .consistencyUnproven, file: file,
                    "the package has no hashes for size \(given.size); ask for one that has"))
        }
    }

    /// What lies between a size whose root is wrong and the next smaller one whose root is right.
    private func range(_ size: Int64) -> ClosedRange<Int64> {
        let right = known.values.filter { $0.size < size && roots[$0.size] == $0.root }.map(\.size).max() ?? 0
        let first = min(right, max(size - 1, 0))
        return first...max(size - 1, first)
    }

    private mutating func split(_ size: Int64, _ file: String) {
        findings.append(
            Finding(.splitView, range(size), file: file, "two signed checkpoints contradict each other"))
    }
}
