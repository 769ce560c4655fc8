import Detection
import Foundation

/// Reads rule files below folders: `.yml` and `.yaml`, in the order of their paths.
///
/// What placeholders stand for is read first, in whichever of the files it is; filters are applied to the rules of all.
struct RuleFiles: Sendable {
    private(set) var rules: [SigmaRule] = []
    private(set) var correlations: [SigmaCorrelation] = []
    private(set) var filters: [SigmaFilter] = []
    private(set) var placeholders: [SigmaPlaceholders] = []
    private(set) var refused: [SigmaProblem] = []
    /// Filters that name what is not there.
    private(set) var idle: [SigmaProblem] = []
    private(set) var warnings: [SigmaWarning] = []
    private(set) var fileCount = 0

    /// - Parameter linting: looks for what is most likely not meant, too.
    /// - Throws: `CommandFailure` when a path is not there.
    init(_ paths: [String], linting: Bool = false) async throws {
        var texts: [(file: String, yaml: String)] = []
        for path in paths {
            for file in try Self.files(at: path) {
                fileCount += 1
                do {
                    texts.append((file, try String(contentsOfFile: file, encoding: .utf8)))
                } catch {
                    refused.append(SigmaProblem(file: file, reason: "cannot be read: \(error.localizedDescription)"))
                }
            }
        }
        let documents = texts.filter { SigmaDocument.mayHoldPlaceholders($0.yaml) }
            .flatMap { SigmaFile(yaml: $0.yaml, file: $0.file).placeholders }
        let values = PlaceholderValues(documents)
        for read in await Self.read(texts, values, linting) {
            rules += read.rules
            correlations += read.correlations
            filters += read.filters
            placeholders += read.placeholders
            refused += read.refused
            warnings += read.warnings
        }
        let filtered = FilteredRules(rules, filters: filters)
        rules = filtered.rules
        idle = filtered.problems
    }

    /// Reads on all cores: thousands of files take seconds.
    private static func read(
        _ texts: [(file: String, yaml: String)], _ values: PlaceholderValues, _ linting: Bool
    ) async -> [SigmaFile] {
        let width = ProcessInfo.processInfo.activeProcessorCount
        return await withTaskGroup(of: [(Int, SigmaFile)].self) { group in
            for first in 0..<width {
                group.addTask { @concurrent in
                    stride(from: first, to: texts.count, by: width).map { place in
                        let (file, yaml) = texts[place]
                        return (place, SigmaFile(yaml: yaml, file: file, placeholders: values, linting: linting))
                    }
                }
            }
            var files: [(Int, SigmaFile)] = []
            for await part in group { files += part }
            return files.sorted { $0.0 < $1.0 }.map { $0.1 }
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

    /// What was refused, and which filters do nothing, on standard error: never in silence.
    func reportRefused() {
        for problem in refused { Terminal.note("refused: \(problem)") }
        for problem in idle { Terminal.note("warning: \(problem)") }
        if !refused.isEmpty { Terminal.note("\(refused.count) of \(fileCount) files or documents were refused") }
    }
}
