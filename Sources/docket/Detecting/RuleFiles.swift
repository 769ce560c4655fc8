import Detection
import Foundation

/// Reads rule files below folders: `.yml` and `.yaml`, in the order of their paths.
struct RuleFiles: Sendable {
    private(set) var rules: [SigmaRule] = []
    private(set) var correlations: [SigmaCorrelation] = []
    private(set) var refused: [SigmaProblem] = []
    private(set) var fileCount = 0

    /// - Throws: `CommandFailure` when a path is not there.
    init(_ paths: [String]) throws {
        for path in paths {
            for file in try Self.files(at: path) {
                fileCount += 1
                do {
                    let read = SigmaFile(yaml: try String(contentsOfFile: file, encoding: .utf8), file: file)
                    rules += read.rules
                    correlations += read.correlations
                    refused += read.refused
                } catch {
                    refused.append(SigmaProblem(file: file, reason: "cannot be read: \(error.localizedDescription)"))
                }
            }
        }
    }

    /// The documents of all files, refused or not.
    ///
    /// - Throws: `CommandFailure` when a path is not there or a file is no text.
    static func documents(at paths: [String]) throws -> [SigmaDocument] {
        try paths.flatMap { try files(at: $0) }.flatMap { file in
            do {
                return SigmaDocument.documents(in: try String(contentsOfFile: file, encoding: .utf8), file: file)
            } catch {
                throw CommandFailure("\(file) cannot be read: \(error.localizedDescription)")
            }
        }
    }

    private static func files(at path: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CommandFailure("\(path) is not there")
        }
        guard isFolder.boolValue else { return [path] }
        guard let found = FileManager.default.enumerator(atPath: path) else {
            throw CommandFailure("cannot read \(path)")
        }
        return found.compactMap { $0 as? String }
            .filter { $0.hasSuffix(".yml") || $0.hasSuffix(".yaml") }
            .sorted()
            .map { path + "/" + $0 }
    }

    /// What was refused, on standard error: never in silence.
    func reportRefused() {
        for problem in refused { Terminal.note("refused: \(problem)") }
        if !refused.isEmpty { Terminal.note("\(refused.count) of \(fileCount) files or documents were refused") }
    }
}
