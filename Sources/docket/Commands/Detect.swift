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
    @Flag(help: "End with events, rules, matches and seconds as one JSON line on standard error.") var stats = false
    @Argument(help: "Files of records.") var files: [String]

    func run() async throws {
        let source = try Logsource(option: logsource)
        let loaded = try RuleFiles(rules)
        loaded.reportRefused()
        guard !loaded.rules.isEmpty else {
            throw CommandFailure("no rule could be loaded from \(rules.joined(separator: ", "))")
        }
        let set = RuleSet(rules: loaded.rules)
        let start = ContinuousClock.now
        var sum = LineDetector.Counts()
        for file in files {
            sum += try detect(in: file, with: set, source)
        }
        guard stats else { return }
        let elapsed = ContinuousClock.now - start
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        Terminal.note(
            JSONValue.object([
                "events": .integer(Int64(sum.records)), "rules": .integer(Int64(set.ruleCount)),
                "matches": .integer(Int64(sum.matches)), "matched": .integer(Int64(sum.matched)),
                "broken": .integer(Int64(sum.broken)), "seconds": JSONValue(seconds),
            ]).canonicalString())
    }

    private func detect(in file: String, with set: RuleSet, _ source: Logsource) throws -> LineDetector.Counts {
        let reader = TelemetryOrigin(logsource: source).source
        var detector = LineDetector(rules: set, logsource: source) { reader?.extractedFields(of: $0) ?? [:] }
        for line in try LineFile.read(file).split(separator: 0x0A, omittingEmptySubsequences: false) {
            switch detector.consume(Array(line)) {
            case .success(let finding):
                for match in finding.matches { Terminal.print(Self.line(match, file: file, line: finding.line)) }
            case .failure(let broken): Terminal.note("\(file): line \(broken.line) is no record: \(broken.reason)")
            case nil: break
            }
        }
        return detector.counts
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
