import Synchronization

/// Counters and histograms, written in the Prometheus text format 0.0.4.
///
/// Bounded: beyond `seriesMaximum` new label sets of a metric are counted under `overflow`. No label ever names a tenant.
final class MetricsRegistry: Sendable {
    struct Description: Sendable {
        var kind: String
        var help: String
    }

    private struct Series: Hashable {
        var name: String
        var labels: [String: String]
    }

    private struct Histogram {
        var counts: [Int]
        var sum = 0.0
        var count = 0
    }

    private struct State {
        var counters: [Series: Double] = [:]
        var histograms: [Series: Histogram] = [:]
    }

    /// Everything that may be measured, with what it means.
    static let descriptions: [String: Description] = [
        "docket_http_requests_total": .init(kind: "counter", help: "Requests answered, by route template."),
        "docket_http_request_duration_seconds": .init(
            kind: "histogram", help: "Time to answer, streams until they end."),
        "docket_alerts_total": .init(kind: "counter", help: "Alert items received, by what became of them."),
        "docket_telemetry_records_total": .init(
            kind: "counter", help: "Raw records received, by what became of them."),
        "docket_detection_matches_total": .init(kind: "counter", help: "Rules that held for a raw record."),
        "docket_detection_rules_skipped_total": .init(
            kind: "counter",
            help: "Rules skipped for a record, since a search for a regular expression took too many steps."),
        "docket_correlation_entries": .init(
            kind: "gauge", help: "Records and hits that correlations of this process remember."),
        "docket_correlation_groups": .init(
            kind: "gauge", help: "Groups of records that correlations of this process remember."),
        "docket_correlation_dropped_total": .init(
            kind: "counter", help: "What a bound on a correlation's memory cost: it can no longer complete a match."),
        "docket_event_streams": .init(kind: "gauge", help: "Event streams open now."),
        "docket_projection_lag_events": .init(
            kind: "gauge", help: "Events not yet in a read model, of the tenant that is furthest behind."),
        "docket_log_lines_dropped_total": .init(
            kind: "counter", help: "Log lines that could not be written: the disk is full, or nobody reads."),
        "docket_projections_blocked": .init(kind: "gauge", help: "Read models that stand still."),
        "docket_set_aside_streams": .init(
            kind: "gauge",
            help: "Cases and other streams that wait because a read model or a stage cannot take an event."),
        "docket_database_up": .init(kind: "gauge", help: "1 when the database answers."),
    ]

    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let seriesMaximum = 2_000

    private let state = Mutex(State())

    func count(_ name: String, _ labels: [String: String] = [:], by amount: Double = 1) {
        state.withLock { state in
            let series = Self.bounded(Series(name: name, labels: labels), among: state.counters)
            state.counters[series, default: 0] += amount
        }
    }

    func observe(_ name: String, _ value: Double, _ labels: [String: String] = [:]) {
        state.withLock { state in
            let series = Self.bounded(Series(name: name, labels: labels), among: state.histograms)
            var histogram = state.histograms[series] ?? Histogram(counts: Self.bounds.map { _ in 0 })
            for (index, bound) in Self.bounds.enumerated() where value <= bound { histogram.counts[index] += 1 }
            histogram.sum += value
            histogram.count += 1
            state.histograms[series] = histogram
        }
    }

    private static func bounded<Value>(_ series: Series, among known: [Series: Value]) -> Series {
        guard known[series] == nil, known.count >= seriesMaximum else { return series }
        return Series(name: series.name, labels: series.labels.mapValues { _ in "overflow" })
    }

    /// - Parameter gauges: what is known only now: name, labels, value.
    func exposition(gauges: [(name: String, labels: [String: String], value: Double)]) -> String {
        let (counters, histograms) = state.withLock { ($0.counters, $0.histograms) }
        var lines: [String: [String]] = [:]
        for (series, value) in counters {
            lines[series.name, default: []].append(Self.line(series.name, series.labels, value))
        }
        for gauge in gauges { lines[gauge.name, default: []].append(Self.line(gauge.name, gauge.labels, gauge.value)) }
        for name in lines.keys { lines[name]?.sort() }
        for (series, histogram) in histograms.sorted(by: { Self.text($0.key.labels) < Self.text($1.key.labels) }) {
            lines[series.name, default: []] += Self.lines(series, histogram)
        }
        return lines.sorted { $0.key < $1.key }.map { name, lines in
            let description = Self.descriptions[name]
            return "# HELP \(name) \(description?.help ?? "")\n# TYPE \(name) \(description?.kind ?? "untyped")\n"
                + lines.map { $0 + "\n" }.joined()
        }.joined()
    }

    private static func lines(_ series: Series, _ histogram: Histogram) -> [String] {
        var lines: [String] = []
        for (bound, count) in zip(bounds, histogram.counts) {
            lines.append(
                line(series.name + "_bucket", series.labels.merging(["le": number(bound)]) { $1 }, Double(count)))
        }
        lines.append(
            line(series.name + "_bucket", series.labels.merging(["le": "+Inf"]) { $1 }, Double(histogram.count)))
        lines.append(line(series.name + "_sum", series.labels, histogram.sum))
        lines.append(line(series.name + "_count", series.labels, Double(histogram.count)))
        return lines
    }

    private static func line(_ name: String, _ labels: [String: String], _ value: Double) -> String {
        "\(name)\(text(labels)) \(number(value))"
    }

    private static func text(_ labels: [String: String]) -> String {
        guard !labels.isEmpty else { return "" }
        let parts = labels.sorted { $0.key < $1.key }.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(name)=\"\(escaped)\""
        }
        return "{\(parts.joined(separator: ","))}"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
    }
}
