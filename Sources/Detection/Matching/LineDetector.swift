package import JSON

/// Rules held against records that come one JSON text a line.
///
/// Lines are counted from 0. A line that cannot be read is counted and told, never skipped in silence; an empty one is
/// no record, yet it has its number.
package struct LineDetector: Sendable {
    /// The matches of one line.
    package struct Finding: Sendable, Hashable {
        package let line: Int
        package let matches: [RuleMatch]
    }

    package struct Counts: Sendable, Hashable {
        package var records = 0
        package var matched = 0
        package var unmatched = 0
        package var broken = 0
        package var matches = 0

        package init() {}

        package static func += (sum: inout Counts, other: Counts) {
            sum.records += other.records
            sum.matched += other.matched
            sum.unmatched += other.unmatched
            sum.broken += other.broken
            sum.matches += other.matches
        }
    }

    private let rules: RuleSet
    private let logsource: Logsource
    private let limits: JSONLimits
    private let extracting: @Sendable (JSONValue) -> [String: String]
    private var line = 0
    package private(set) var counts = Counts()

    /// - Parameter extracting: reads fields out of the texts of a record, as a source knows them (`DetectionEvent`).
    package init(
        rules: RuleSet, logsource: Logsource, limits: JSONLimits = .standard,
        extracting: @escaping @Sendable (JSONValue) -> [String: String] = { _ in [:] }
    ) {
        self.rules = rules
        self.logsource = logsource
        self.limits = limits
        self.extracting = extracting
    }

    /// Takes the next line, without its newline.
    /// - Returns: what was found, or why the line is not a record; `nil` where no rule holds.
    package mutating func consume(_ bytes: [UInt8]) -> Result<Finding, BrokenLine>? {
        defer { line += 1 }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
        counts.records += 1
        let record: JSONValue
        do {
            record = try JSONValue.parseEvidence(bytes, limits: limits).value
        } catch {
            counts.broken += 1
            return .failure(BrokenLine(line: line, reason: error.description))
        }
        let matches = rules.matches(record, logsource: logsource, extracted: extracting(record))
        guard !matches.isEmpty else {
            counts.unmatched += 1
            return nil
        }
        counts.matched += 1
        counts.matches += matches.count
        return .success(Finding(line: line, matches: matches))
    }
}

/// A line that is not a record.
package struct BrokenLine: Error, Sendable, Hashable {
    package let line: Int
    package let reason: String
}

/// All that was found in one text of lines.
package struct DetectionReport: Sendable {
    package private(set) var counts = LineDetector.Counts()
    package private(set) var findings: [LineDetector.Finding] = []
    package private(set) var broken: [BrokenLine] = []

    /// Holds the rules against every line of an NDJSON text.
    package init(
        lines: [UInt8], rules: RuleSet, logsource: Logsource,
        extracting: @escaping @Sendable (JSONValue) -> [String: String] = { _ in [:] }
    ) {
        var detector = LineDetector(rules: rules, logsource: logsource, extracting: extracting)
        for line in lines.split(separator: 0x0A, omittingEmptySubsequences: false) {
            switch detector.consume(Array(line)) {
            case .success(let finding): findings.append(finding)
            case .failure(let line): broken.append(line)
            case nil: break
            }
        }
        counts = detector.counts
    }
}
