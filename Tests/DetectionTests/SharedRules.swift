import Detection
import Foundation
import Gzip
import JSON

/// SigmaHQ's rules and the recordings beside the repository; tests that need them are skipped where they are missing.
enum SharedRules {
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"] { return URL(fileURLWithPath: path) }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    static var isPresent: Bool { FileManager.default.fileExists(atPath: root.appendingPathComponent("sigma").path) }
    static let absence = "the shared data is absent: set DOCKET_SHARED_DATA"

    static func json(_ path: String) throws -> JSONValue {
        try JSONValue.parse(bytes(path), limits: JSONLimits(depth: 64, members: 100_000))
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let bytes = Array(try Data(contentsOf: root.appendingPathComponent(path)))
        guard path.hasSuffix(".gz") else { return bytes }
        return try Gzip.inflate(bytes, limits: Gzip.Limits(bytesMaximum: 1 << 30, ratioMaximum: 1_000))
    }

    /// Every file of the three trees that the ground truth was computed with; read once for all tests.
    static let files = trees(["rules", "rules-emerging-threats", "rules-threat-hunting"])

    /// Every file below some of SigmaHQ's folders.
    static func trees(
        _ trees: [String], placeholders: PlaceholderValues = PlaceholderValues(), linting: Bool = false
    ) -> [(path: String, contents: SigmaFile)] {
        var files: [(String, SigmaFile)] = []
        for tree in trees {
            let folder = root.appendingPathComponent("sigma/\(tree)")
            let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
            for path in paths.sorted() where path.hasSuffix(".yml") {
                // A file that cannot be read is an empty one, which is refused and so fails the test.
                let yaml = String(
                    decoding: FileManager.default.contents(atPath: folder.appendingPathComponent(path).path) ?? Data(),
                    as: UTF8.self)
                let name = "\(tree)/\(path)"
                files.append(
                    (name, SigmaFile(yaml: yaml, file: name, placeholders: placeholders, linting: linting)))
            }
        }
        return files
    }

    static let truth = Result { try json("ground-truth/sigma_windows_matches.json") }

    /// The Windows rules without those that the ground truth could not evaluate.
    static let windows: RuleSet = {
        guard case .success(let truth) = truth else { return RuleSet(rules: []) }
        let left = truth["rules_not_evaluable"]?.objectValue ?? [:]
        let rules = files.flatMap(\.contents.rules).filter { $0.logsource.product == "windows" && left[$0.id] == nil }
        return RuleSet(rules: rules)
    }()
}
