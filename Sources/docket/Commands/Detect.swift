import ArgumentParser
import Detection
import Foundation
import Intake
import JSON
import Reactors

struct Detect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Holds Sigma rules against recorded events; needs no database.",
        discussion: """
            Reads NDJSON, also .gz. Prints one JSON line a match: rule_id, title, level, file, line (0-based), tags. Rules \
            that cannot be loaded are named on standard error with the reason.
            """)

    @Option(help: "A rule file, or a folder of them; repeatable.") var rules: [String]
    @Option(help: "What the records are, for example product=windows or product=aws,service=cloudtrail.")
    var logsource = ""
    @Flag(
        help: """
            End with one JSON line on standard error: events, bytes, rules, matches, seconds, what that is a second and a \
            second of processor time.
            """) var stats = false
    @Argument(help: "Files of records.") var files: [String]

    func run() async throws {
        let source = try Logsource(option: logsource)
        let loaded = try await RuleFiles(rules)
        loaded.reportRefused()
        guard !loaded.rules.isEmpty else {
            throw CommandFailure("no rule could be loaded from \(rules.joined(separator: ", "))")
        }
        let set = RuleSet(rules: loaded.rules)
        let reader = TelemetryOrigin(logsource: source).source
        var extracting: (@Sendable (JSONValue) -> [String: String])?
        if let reader, reader.extractsFields { extracting = { reader.extractedFields(of: $0) } }
        let detection = ParallelDetection(rules: set, logsource: source, extracting: extracting)
        await set.prepare(for: source)
        let start = Stopwatch()
        var sum = LineDetector.Counts()
        var bytes = 0
        for file in files {
            let read = try await detection.read(file) { report, firstLine in
                for finding in report.findings {
                    for match in finding.matches {
                        try Terminal.print(Self.line(match, file: file, line: firstLine + finding.line))
                    }
                }
                for broken in report.broken {
                    Terminal.note("\(file): line \(firstLine + broken.line) is no record: \(broken.reason)")
                }
            }
            sum += read.counts
            bytes += read.bytes
        }
        let statistics = detection.statistics
        for rule in 0..<set.ruleCount where statistics.skipped[rule] > 0 {
            Terminal.note(
                "rule \(set.match(Int32(rule)).ruleID) was skipped for \(statistics.skipped[rule]) records: a regular "
                    + "expression took too many steps")
        }
        guard stats else { return }
        let seconds = start.seconds
        let processor = start.processorSeconds
        Terminal.note(
            JSONValue.object([
                "events": .integer(Int64(sum.records)), "bytes": .integer(Int64(bytes)),
                "rules": .integer(Int64(set.ruleCount)), "matches": .integer(Int64(sum.matches)),
                "matched": .integer(Int64(sum.matched)), "broken": .integer(Int64(sum.broken)),
                "skipped": .integer(Int64(statistics.skipped.reduce(0, +))),
                "evaluations": .integer(Int64(statistics.evaluations.reduce(0, +))), "seconds": JSONValue(seconds),
                "processor_seconds": JSONValue(processor),
                "events_per_second": JSONValue((Double(sum.records) / seconds).rounded()),
                "events_per_processor_second": JSONValue((Double(sum.records) / processor).rounded()),
            ]).canonicalString())
    }

    private static func line(_ match: RuleMatch, file: String, line: Int) -> JSONValue {
        [
            "rule_id": .string(match.ruleID), "title": .string(match.title),
            "level": match.level.map { .string($0.rawValue) } ?? .null, "file": .string(file),
            "line": .integer(Int64(line)), "tags": .array(match.tags.map { .string($0) }),
        ]
    }
}

extension Logsource {
    /// `product=windows[,category=…][,service=…]`.
    init(option: String) throws {
        self.init()
        for part in option.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces).lowercased()
            }
            guard pair.count == 2, !pair[1].isEmpty else {
                throw ValidationError("--logsource is product=…[,category=…][,service=…]")
            }
            switch pair[0] {
            case "product": product = pair[1]
            case "category": category = pair[1]
            case "service": service = pair[1]
            default: throw ValidationError("--logsource knows product, category and service, not '\(pair[0])'")
            }
        }
    }
}
