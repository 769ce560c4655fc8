import Detection
import Foundation
import JSON
import Synchronization

/// Files of lines held against rules on all cores; what is found is told in the order of the files and lines.
struct ParallelDetection: Sendable {
    /// What one block of lines gave.
    private struct Part: Sendable {
        var place: Int
        var report: DetectionReport
    }

    private let rules: RuleSet
    private let logsource: Logsource
    private let extracting: (@Sendable (JSONValue) -> [String: String])?
    private let width: Int
    /// Detectors that are not at work: each block takes one and gives it back.
    private let idle = Idle()

    private final class Idle: Sendable {
        let detectors = Mutex<[LineDetector]>([])
    }

    /// - Parameter width: blocks that are worked on at once.
    init(
        rules: RuleSet, logsource: Logsource, extracting: (@Sendable (JSONValue) -> [String: String])?,
        width: Int = ProcessInfo.processInfo.activeProcessorCount
    ) {
        self.rules = rules
        self.logsource = logsource
        self.extracting = extracting
        self.width = max(1, width)
    }

    /// What the rules did, over all files.
    var statistics: RuleStatistics {
        idle.detectors.withLock { detectors in
            detectors.reduce(into: RuleStatistics(ruleCount: rules.ruleCount)) { $0 += $1.statistics }
        }
    }

    /// Reads one file. - Parameter tell: gets every block's findings, with lines as in the file.
    func read(
        _ name: String, tell: (_ report: DetectionReport, _ firstLine: Int) throws -> Void
    ) async throws -> (counts: LineDetector.Counts, bytes: Int) {
        try await LineFile.blocks(of: name) { file in
            try await withThrowingTaskGroup(of: Part.self) { group in
                var counts = LineDetector.Counts()
                var bytes = 0
                var firstLine = 0
                var begun = 0
                var told = 0
                var early: [Int: DetectionReport] = [:]
                func take(_ part: Part) throws {
                    early[part.place] = part.report
                    while let report = early.removeValue(forKey: told) {
                        try tell(report, firstLine)
                        counts += report.counts
                        firstLine += report.lines
                        told += 1
                    }
                }
                while let block = try file.next() {
                    bytes += block.count
                    // What waits for an earlier block counts, so that memory stays bounded.
                    while begun - told >= 2 * width, let part = try await group.next() { try take(part) }
                    group.addTask { [self, place = begun] in
                        Part(place: place, report: detect(block))
                    }
                    begun += 1
                }
                while let part = try await group.next() { try take(part) }
                return (counts, bytes)
            }
        }
    }

    private func detect(_ block: [UInt8]) -> DetectionReport {
        var detector =
            idle.detectors.withLock { $0.popLast() }
            ?? LineDetector(rules: rules, logsource: logsource, extracting: extracting)
        let report = DetectionReport(lines: block, detector: &detector)
        idle.detectors.withLock { $0.append(detector) }
        return report
    }
}
