import Events
package import Foundation
package import JSON

/// `manifest.json`: what a package is about, and the digest of every other file.
///
/// `manifest.note` signs its digest. What it says of events is believed only where tree and checkpoint say the same.
package struct PackageManifest: Sendable, Hashable {
    package static let format = "docket-package/v1"

    package enum Scope: Sendable, Hashable {
        /// All events of a range of positions.
        case range
        /// The events of one case: those of the stream with its id.
        case stream(UUID)
    }

    package struct File: Sendable, Hashable {
        package var path: String
        package var size: Int64
        package var digest: TreeHash
    }

    /// How many members or items are there in the clear, how many were erased, how many the exporter may not see.
    package struct Counts: Sendable, Hashable {
        package var open: Int64 = 0
        package var erased: Int64 = 0
        package var withheld: Int64 = 0
    }

    package var tenant: UUID
    package var origin: String
    package var scope: Scope
    package var treeSize: Int64
    /// The positions whose leaves are in `leaves.bin`, ascending, apart from one another.
    package var runs: [Range<Int64>]
    /// Sizes in gaps between the runs at which the tree's root can be computed as well.
    package var cuts: [Int64]
    package var events: Int64
    package var sealed: Counts
    package var evidence: Counts
    package var keys: [VerifierKey]
    /// RFC 3339.
    package var createdAt: String
    package var tool: String
    package var files: [File]
}

extension PackageManifest {
    package var json: JSONValue {
        let scopeJSON: JSONValue =
            switch scope {
            case .range: ["kind": "range"]
            case .stream(let id): ["kind": "case", "case_id": .string(id.lowercased)]
            }
        return [
            "format": .string(Self.format), "tenant_id": .string(tenant.lowercased), "origin": .string(origin),
            "scope": scopeJSON, "tree_size": .integer(treeSize),
            "runs": .array(runs.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
            "cuts": .array(cuts.map { .integer($0) }), "events": .integer(events), "sealed": sealed.json,
            "evidence": evidence.json,
            "keys": .array(
                keys.map {
                    [
                        "name": .string($0.name), "verifier_key": .string($0.text),
                        "fingerprint": .string($0.fingerprint.text),
                    ]
                }),
            "created_at": .string(createdAt), "tool": .string(tool),
            "files": .array(
                files.map {
                    [
                        "path": .string($0.path), "size": .integer($0.size),
                        "digest": .string("sha256:" + $0.digest.hexadecimal),
                    ]
                }),
        ]
    }

    package var bytes: [UInt8] { json.canonicalBytes() }

    /// Reads it strictly: canonical JSON of just these members.
    package init(_ bytes: [UInt8]) throws(ProofError) {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes, limits: JSONLimits(members: 10_000))
        } catch {
            throw ProofError(.malformed, "manifest.json is no JSON", cause: error)
        }
        guard value["format"]?.stringValue == Self.format else {
            throw ProofError(.malformed, "manifest.json is not of the format \(Self.format)")
        }
        guard let tenant = UUID(value["tenant_id"]), let origin = value["origin"]?.stringValue,
            let scope = Scope(value["scope"]), let treeSize = value["tree_size"]?.int64Value,
            let runs = Self.all(value["runs"], { Range<Int64>($0) }),
            let cuts = Self.all(value["cuts"], { $0.int64Value }), let events = value["events"]?.int64Value,
            let sealed = Counts(value["sealed"]), let evidence = Counts(value["evidence"]),
            let keys = Self.all(value["keys"], { VerifierKey($0) }), let createdAt = value["created_at"]?.stringValue,
            let tool = value["tool"]?.stringValue, let files = Self.all(value["files"], { File($0) })
        else { throw ProofError(.malformed, "manifest.json lacks a member, or one has a strange value") }
        self.init(
            tenant: tenant, origin: origin, scope: scope, treeSize: treeSize, runs: runs, cuts: cuts, events: events,
            sealed: sealed, evidence: evidence, keys: keys, createdAt: createdAt, tool: tool, files: files)
        guard self.bytes == bytes else { throw ProofError(.malformed, "manifest.json is not written canonically") }
        guard hasOrder else { throw ProofError(.malformed, "runs, cuts or files of manifest.json are out of order") }
    }

    /// Runs and cuts lie in the tree and ascend, cuts lie in gaps, paths stay in the package.
    private var hasOrder: Bool {
        var end: Int64 = 0
        for (index, run) in runs.enumerated() {
            guard !run.isEmpty, index == 0 ? run.lowerBound >= 0 : run.lowerBound > end else { return false }
            end = run.upperBound
        }
        guard end <= treeSize, cuts.allSatisfy({ $0 > 0 && $0 <= treeSize }),
            zip(cuts, cuts.dropFirst()).allSatisfy({ $0 < $1 })
        else { return false }
        let paths = files.map { Array($0.path.utf8) }
        return zip(paths, paths.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
            && files.allSatisfy { file in
                file.size >= 0 && !file.path.hasPrefix("/") && !file.path.isEmpty
                    && !file.path.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." }
            }
    }

    private static func all<T>(_ value: JSONValue?, _ read: (JSONValue) -> T?) -> [T]? {
        guard let elements = value?.arrayValue else { return nil }
        let found = elements.compactMap(read)
        return found.count == elements.count ? found : nil
    }

    /// Whether the format has a file of this path in this package. What is in `evidence/` its list says.
    func names(_ path: String) -> Bool {
        let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return Self.fixedNames.contains(path) }
        switch parts[0] {
        case "checkpoints": return cuts.contains { String($0) == parts[1] }
        case "handovers": return Int(parts[1]).map { $0 > 0 && String($0) == parts[1] } ?? false
        case "evidence": return true
        default: return false
        }
    }

    private static let fixedNames: Set<String> = [
        "README.txt", "checkpoint", "events.ndjson", "evidence.ndjson", "gaps.bin", "leaves.bin",
        "record_integrity.json", "sealed.ndjson",
    ]

    /// How many leaves `leaves.bin` holds.
    package var leafCount: Int64 { runs.reduce(0) { $0 + Int64($1.count) } }
}

extension PackageManifest.Scope {
    fileprivate init?(_ value: JSONValue?) {
        switch value?["kind"]?.stringValue {
        case "range": self = .range
        case "case":
            guard let id = UUID(value?["case_id"]) else { return nil }
            self = .stream(id)
        default: return nil
        }
    }
}

extension PackageManifest.Counts {
    fileprivate var json: JSONValue {
        ["open": .integer(open), "erased": .integer(erased), "withheld": .integer(withheld)]
    }

    fileprivate init?(_ value: JSONValue?) {
        guard let open = value?["open"]?.int64Value, let erased = value?["erased"]?.int64Value,
            let withheld = value?["withheld"]?.int64Value
        else { return nil }
        self.init(open: open, erased: erased, withheld: withheld)
    }
}

extension PackageManifest.File {
    fileprivate init?(_ value: JSONValue) {
        guard let path = value["path"]?.stringValue, let size = value["size"]?.int64Value,
            let digest = value["digest"]?.stringValue.flatMap({ Digest(text: $0) }).flatMap({ TreeHash($0.bytes) })
        else { return nil }
        self.init(path: path, size: size, digest: digest)
    }
}

extension VerifierKey {
    fileprivate init?(_ value: JSONValue) {
        guard let text = value["verifier_key"]?.stringValue else { return nil }
        do {
            try self.init(text: text)
        } catch {
            return nil  // the manifest as a whole is refused
        }
    }
}

extension Range<Int64> {
    fileprivate init?(_ value: JSONValue) {
        guard let pair = value.arrayValue, pair.count == 2, let lower = pair[0].int64Value,
            let upper = pair[1].int64Value, lower <= upper
        else { return nil }
        self = lower..<upper
    }
}

extension UUID {
    /// The lower-case text alone.
    init?(_ value: JSONValue?) {
        guard let text = value?.stringValue, let id = UUID(uuidString: text), id.lowercased == text else { return nil }
        self = id
    }
}
