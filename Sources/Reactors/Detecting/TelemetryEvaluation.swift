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

    var received = 0
    var matched: [Matched] = []
    var broken: [BrokenRecord] = []
    var statistics: RuleStatistics

    init(ruleCount: Int) { statistics = RuleStatistics(ruleCount: ruleCount) }

    /// - Throws: `CancellationError`.
    static func evaluate(
        _ batch: ItemBatch, origin: TelemetryOrigin, rules: ActiveRules, receivedAt: Instant, width: Int
    ) async throws -> TelemetryEvaluation {
        let size = max(1, (batch.places.count + width - 1) / width)
        return try await withThrowingTaskGroup(of: (Int, TelemetryEvaluation).self) { group in
            for start in stride(from: 0, to: batch.places.count, by: size) {
                group.addTask { @concurrent in
                    try Task.checkCancellation()
                    var worker = TelemetryWorker(origin: origin, rules: rules, receivedAt: receivedAt)
                    let end = min(start + size, batch.places.count)
                    return (start, worker.evaluate(batch.body, batch.places[start..<end]))
                }
            }
            var parts: [(Int, TelemetryEvaluation)] = []
            for try await part in group { parts.append(part) }
            var sum = TelemetryEvaluation(ruleCount: rules.set.ruleCount)
            for (_, part) in parts.sorted(by: { $0.0 < $1.0 }) {
                sum.received += part.received
                sum.matched += part.matched
                sum.broken += part.broken
                sum.statistics += part.statistics
            }
            return sum
        }
    }
}
