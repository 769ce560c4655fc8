import Events
import Foundation
import JSON

/// `evidence.ndjson` and the raw bytes that it lists.
struct EvidenceCheck {
    struct Item {
        let position: Int64
        /// `sha256:…`.
        let digest: String
        let size: Int64
        let state: String
        var isIncluded: Bool { state == "included" }

        var file: String { "evidence/" + digest.dropFirst(7) }
    }

    private(set) var items: [Item] = []
    private(set) var findings: [Finding] = []
    private(set) var digest = TreeHash.zero
    private(set) var size: Int64 = 0

    init(_ folder: PackageFolder) throws(ProofError) {
        let lines = LineReader(try PackageReader(folder, "evidence.ndjson"))
        while let (bytes, line, isWhole) = try lines.next() {
            if isWhole, let item = Self.parse(Array(bytes[line])) {
                items.append(item)
            } else {
                findings.append(
                    Finding(.packageMalformed, file: "evidence.ndjson", "line \(lines.number) is not of the format"))
            }
        }
        digest = lines.reader.digest
        size = lines.reader.size
    }

    var counts: PackageManifest.Counts {
        var counts = PackageManifest.Counts()
        for item in items {
            switch item.state {
            case "included": counts.open += 1
            case "erased": counts.erased += 1
            default: counts.withheld += 1
            }
        }
        return counts
    }

    /// What the body of the event at each position must hold.
    var named: [Int64: [String]] {
        Dictionary(grouping: items, by: \.position).mapValues { $0.map(\.digest) }
    }

    /// - Parameters:
    ///   - unnamed: digests that the event of their position does not hold.
    ///   - isGood: of a position; nil: it is not in the package.
    mutating func check(
        _ folder: PackageFolder, _ manifest: PackageManifest, unnamed: Set<String>, isGood: (Int64) -> Bool?
    ) throws(ProofError) {
        let included = Set(items.filter(\.isIncluded).map(\.file))
        for file in manifest.files where file.path.hasPrefix("evidence/") && !included.contains(file.path) {
            findings.append(Finding(.packageMalformed, file: file.path, "no line of evidence.ndjson includes it"))
        }
        for item in items {
            if unnamed.contains(item.digest) || isGood(item.position) == nil {
                findings.append(
                    Finding(.evidenceMismatch, at: item.position, file: "evidence.ndjson", "no event names the digest"))
            }
            guard item.isIncluded else { continue }
            guard folder.exists(item.file) else {
                findings.append(Finding(.evidenceMismatch, at: item.position, file: item.file, "it is not there"))
                continue
            }
            let reader = try PackageReader(folder, item.file)
            try reader.drain()
            if "sha256:" + reader.digest.hexadecimal != item.digest || reader.size != item.size {
                findings.append(
                    Finding(.evidenceMismatch, at: item.position, file: item.file, "the bytes are not those received"))
            }
        }
    }

    /// A line is canonical but for the order of its members, so it is read as JSON and written again to compare.
    private static func parse(_ bytes: [UInt8]) -> Item? {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            return nil
        }
        guard let position = value["position"]?.int64Value, let digest = value["digest"]?.stringValue,
            let parsed = Digest(text: digest), parsed.text == digest, let mediaType = value["media_type"]?.stringValue,
            let size = value["size"]?.int64Value, let state = value["state"]?.stringValue,
            ["included", "erased", "withheld"].contains(state)
        else { return nil }
        let item = ExportedEvidence(
            position: position, digest: parsed, mediaType: mediaType, size: size,
            state: state == "included" ? .included([]) : state == "erased" ? .erased : .withheld)
        guard EventLine.text(of: item) == bytes + [0x0A] else { return nil }
        return Item(position: position, digest: digest, size: size, state: state)
    }
}
