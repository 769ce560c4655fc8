import ArgumentParser
import Detection
import Events
import Foundation
import Intake
import JSON
import Reactors

struct Correlate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Holds Sigma rules and correlations against recorded events; needs no database.",
        discussion: """
            Reads NDJSON, also .gz, all files as one stream. Prints one JSON line a match of a correlation that alerts: \
            rule_id, title, level, group, first_occurred_at, last_occurred_at, count, lines (file and 0-based line), and \
            measured where numbers are. Lines count, not distinct records. Without --logsource each record is looked at. \
            What cannot be loaded is named on standard error. Where a correlation holds for what does not happen, the \
            records are put into the order of their times, and these are the clock: it runs from the first record to the \
            last, so nothing is said of silence before and after the recording.
            """)

    @Option(help: "A rule file, or a folder of them; repeatable.") var rules: [String]
    @Option(help: "What the records are, for example product=linux,service=sshd.") var logsource: String?
    @Argument(help: "Files of records.") var files: [String]

    func run() async throws {
        let origin = TelemetryOrigin(logsource: try logsource.map { try Logsource(option: $0) })
        let loaded = try await RuleFiles(rules)
        loaded.reportRefused()
        let set = RuleSet(rules: loaded.rules)
        let correlations = CorrelationSet(correlations: loaded.correlations, rules: loaded.rules)
        for problem in correlations.refused { Terminal.note("refused: \(problem)") }
        guard !correlations.correlations.isEmpty else {
            throw CommandFailure("no correlation could be loaded from \(rules.joined(separator: ", "))")
        }
        var stream = Stream(set: set, correlations: correlations, origin: origin)
        for file in files { try stream.read(file) }
        for match in stream.finish() { try Terminal.print(Self.line(match)) }
    }

    private static func line(_ match: CorrelationMatch) -> JSONValue {
        var line: JSONValue = [
            "rule_id": .string(match.id), "title": .string(match.title),
            "level": match.level.map { .string($0.rawValue) } ?? .null,
            "group": .object(Dictionary(match.group.map { ($0.name, .string($0.value)) }) { first, _ in first }),
            "first_occurred_at": .string(Instant(microseconds: match.firstOccurredAt).rfc3339),
            "last_occurred_at": .string(Instant(microseconds: match.lastOccurredAt).rfc3339),
            "count": .integer(Int64(match.count)), "lines": .array(match.digests.map { .string($0) }),
        ]
        if let measured = match.measured { line["measured"] = .string(measured.description) }
        return line
    }
}

/// Files as one stream, in the order in which they are named. All of it arrives at the same moment, so nothing is late;
/// but where time itself must tell something, each record arrives when it happened.
private struct Stream {
    let set: RuleSet
    let correlations: CorrelationSet
    let origin: TelemetryOrigin
    private var engine: CorrelationEngine
    private var matches: [CorrelationMatch] = []
    /// Records that wait to be put into order.
    private var waiting: [CorrelationInput] = []
    private var first = Int64.max
    private var last = Int64.min

    init(set: RuleSet, correlations: CorrelationSet, origin: TelemetryOrigin) {
        self.set = set
        self.correlations = correlations
        self.origin = origin
        engine = CorrelationEngine(correlations)
    }

    mutating func read(_ file: String) throws {
        for (index, line) in try LineFile.read(file).split(separator: 0x0A, omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            let records = TelemetryReader.records(in: Array(line), source: origin.source)
            for (place, result) in records.enumerated() {
                let name = records.count == 1 ? "\(file):\(index)" : "\(file):\(index)#\(place)"
                switch result {
                case .success(let record): take(record, named: name)
                case .failure(let broken):
                    Terminal.note("\(file): line \(index) is no record: \(broken.error.detail)")
                }
            }
        }
    }

    private mutating func take(_ record: RawRecord, named name: String) {
        guard let logsource = origin.logsource ?? record.source?.logsource.completed else {
            Terminal.note("\(name): nothing tells where it is from; name it with --logsource")
            return
        }
        let event = DetectionEvent(
            record.source?.subject(of: record.value) ?? record.value, logsource: logsource,
            extracted: record.source?.extractedFields(of: record.value) ?? [:])
        let ids = set.evaluate(event).map(\.ruleID).filter { correlations.needs($0) }
        guard !ids.isEmpty || correlations.hasAbsences else { return }
        let now = Instant(microseconds: 0)
        let normalized = TelemetryNormalizer.normalizeAny(record, rawDigest: Digest.sha256([]), receivedAt: now)
        let time = normalized.occurredAt.microseconds
        // A record without a time says nothing about how far the recording goes.
        if time != now.microseconds {
            first = min(first, time)
            last = max(last, time)
        }
        guard !ids.isEmpty else { return }
        let input = CorrelationInput(
            rules: ids, occurredAt: time, arrivedAt: 0, digest: name, fields: correlations.fields(for: ids, of: event),
            count: 1)
        if correlations.hasAbsences { waiting.append(input) } else { matches += engine.consume(input) }
    }

    /// All matches, once everything was read.
    mutating func finish() -> [CorrelationMatch] {
        guard correlations.hasAbsences else { return matches }
        let active = Dictionary(correlations.correlations.map { ($0.id, first) }) { one, _ in one }
        engine = CorrelationEngine(correlations, activeSince: first <= last ? active : [:])
        // Of one time in the order of the files.
        let ordered = waiting.enumerated().sorted {
            ($0.element.occurredAt, $0.offset) < ($1.element.occurredAt, $1.offset)
        }
        for (_, input) in ordered {
            var arriving = input
            arriving.arrivedAt = input.occurredAt
            matches += engine.consume(arriving)
        }
        // Nothing is late, so what was over before the last record can be told, and nothing that ends later.
        if first <= last { matches += engine.advance(to: .max).filter { $0.lastOccurredAt < last } }
        return matches
    }
}
