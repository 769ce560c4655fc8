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
    private var evaluator: EventEvaluator
    private let extracting: (@Sendable (JSONValue) -> [String: String])?
    private var line = 0
    package private(set) var counts = Counts()

    /// - Parameter extracting: reads fields out of the texts of a record, as a source knows them (`DetectionEvent`).
    ///   `nil` is quicker by far.
    package init(
        rules: RuleSet, logsource: Logsource, limits: JSONLimits = .standard,
        extracting: (@Sendable (JSONValue) -> [String: String])? = nil
    ) {
        self.rules = rules
        evaluator = EventEvaluator(rules, logsource: logsource, limits: limits)
        self.extracting = extracting
    }

    /// Statistics of the rules, over all that was read.
    package var statistics: RuleStatistics { evaluator.statistics }

    /// Begins to count anew, with line 0.
    package mutating func begin() {
        line = 0
        counts = Counts()
    }

    /// Takes the next line, without its newline.
    /// - Returns: what was found, or why the line is not a record; `nil` where no rule holds.
    package mutating func consume(_ bytes: Span<UInt8>) -> Result<Finding, BrokenLine>? {
        defer { line += 1 }
        if Self.isBlank(bytes) { return nil }
        counts.records += 1
        do {
            try evaluator.evaluate(bytes, extracted: extracting)
        } catch {
            counts.broken += 1
            return .failure(BrokenLine(line: line, reason: error.description))
        }
        guard !evaluator.found.isEmpty else {
            counts.unmatched += 1
            return nil
        }
        counts.matched += 1
        counts.matches += evaluator.found.count
        return .success(Finding(line: line, matches: evaluator.found.map { rules.match($0) }))
    }

    private static func isBlank(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where bytes[index] != 0x20 && bytes[index] != 0x09 && bytes[index] != 0x0D {
            return false
        }
        return true
    }
}

/// A line that is not a record.
package struct BrokenLine: Error, Sendable, Hashable {
    package let line: Int
    package let reason: String
}

/// What was found in one text of lines.
package struct DetectionReport: Sendable {
    /// The lines of the text, empty ones counted.
    package private(set) var lines = 0
    package private(set) var counts = LineDetector.Counts()
    package private(set) var findings: [LineDetector.Finding] = []
    package private(set) var broken: [BrokenLine] = []

    /// Holds the rules against every line of an NDJSON text.
    package init(
        lines: [UInt8], rules: RuleSet, logsource: Logsource,
        extracting: (@Sendable (JSONValue) -> [String: String])? = nil
    ) {
        var detector = LineDetector(rules: rules, logsource: logsource, extracting: extracting)
        self.init(lines: lines, detector: &detector)
    }

    /// The same with a detector that is used again; lines are counted from 0 all the same.
    package init(lines: [UInt8], detector: inout LineDetector) {
        detector.begin()
        let span = lines.span
        var start = 0
        while start < span.count {
            let end = LineFeed.next(in: span, from: start)
            switch detector.consume(span.extracting(start..<end)) {
            case .success(let finding): findings.append(finding)
            case .failure(let line): broken.append(line)
            case nil: break
            }
            self.lines += 1
            start = end + 1
        }
        counts = detector.counts
    }
}
