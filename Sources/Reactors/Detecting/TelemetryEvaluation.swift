import Cases
import Detection
import Events
import Intake
import JSON

/// Items of telemetry held against rules: pure work, done on all cores.
struct TelemetryEvaluation: Sendable {
    /// A record for which at least one rule holds.
    struct Matched: Sendable {
        var record: RawRecord
        var digest: Digest
        var rules: [RuleMatch]
        var normalized: NormalizedTelemetry
        /// What correlations ask for.
        var fields: JSONValue
        var logsource: Logsource
    }

    private(set) var received = 0
    private(set) var matched: [Matched] = []
    private(set) var broken: [BrokenRecord] = []

    /// - Throws: `CancellationError`.
    static func evaluate(
        _ items: [[UInt8]], origin: TelemetryOrigin, rules: ActiveRules, receivedAt: Instant, width: Int
    ) async throws -> TelemetryEvaluation {
        let size = max(1, (items.count + width - 1) / width)
        return try await withThrowingTaskGroup(of: (Int, TelemetryEvaluation).self) { group in
            for start in stride(from: 0, to: items.count, by: size) {
                group.addTask { @concurrent in
                    try Task.checkCancellation()
                    var part = TelemetryEvaluation()
                    for item in items[start..<min(start + size, items.count)] {
                        part.take(item, origin: origin, rules: rules, receivedAt: receivedAt)
                    }
                    return (start, part)
                }
            }
            var parts: [(Int, TelemetryEvaluation)] = []
            for try await part in group { parts.append(part) }
            var sum = TelemetryEvaluation()
            for (_, part) in parts.sorted(by: { $0.0 < $1.0 }) {
                sum.received += part.received
                sum.matched += part.matched
                sum.broken += part.broken
            }
            return sum
        }
    }

    private mutating func take(_ item: [UInt8], origin: TelemetryOrigin, rules: ActiveRules, receivedAt: Instant) {
        for result in TelemetryReader.records(in: item, source: origin.source) {
            received += 1
            switch result {
            case .success(let record):
                if let problem = problem(record, origin) {
                    broken.append(BrokenRecord(bytes: record.bytes, error: problem))
                } else if let logsource = origin.logsource ?? record.source?.logsource.completed {
                    evaluate(record, logsource, rules, receivedAt)
                }
            case .failure(let record): broken.append(record)
            }
        }
    }

    private func problem(_ record: RawRecord, _ origin: TelemetryOrigin) -> FieldError? {
        if record.bytes.count > TelemetryReader.recordBytes {
            return FieldError(
                "", .length,
                "a record holds at most \(TelemetryReader.recordBytes) bytes, not \(record.bytes.count)")
        }
        if origin.logsource == nil, record.source == nil {
            return FieldError(
                "", .format, "nothing in the record tells where it is from: name its product and service")
        }
        return nil
    }

    private mutating func evaluate(
        _ record: RawRecord, _ logsource: Logsource, _ rules: ActiveRules, _ receivedAt: Instant
    ) {
        let event = DetectionEvent(
            record.source?.subject(of: record.value) ?? record.value, logsource: logsource,
            extracted: record.source?.extractedFields(of: record.value) ?? [:])
        let matches = rules.set.evaluate(event)
        guard !matches.isEmpty else { return }
        let digest = Digest.sha256(record.bytes)
        let fields = rules.correlations.fields(for: matches.map(\.ruleID), of: event)
        matched.append(
            Matched(
                record: record, digest: digest, rules: matches,
                normalized: TelemetryNormalizer.normalizeAny(record, rawDigest: digest, receivedAt: receivedAt),
                fields: .object(fields.mapValues { .array($0.map { .string($0) }) }), logsource: logsource))
    }
}
