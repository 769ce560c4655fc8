import Cases
import Events
import JSON

/// One metric as a card: the figure, what stands behind it, and a chart with its numbers beside it.
struct Figure {
    private static let width = 400.0
    private static let height = 96.0
    private static let dayMs: Double = 86_400_000

    private let report: MetricReport

    init(_ report: MetricReport) { self.report = report }

    var model: JSONValue {
        let total = report.total
        let hasData = total.n > 0
        let excluded = total.excluded.map { "\($0.n) \(Words.inline($0.reason))" }.joined(separator: ", ")
        return [
            "label": .string(label), "name": .string(report.metric.rawValue),
            "definition": .string(report.definition), "has_data": .bool(hasData),
            "value": .string(hasData ? text(report.unit == .ms ? total.p50 : total.value) : "No data"),
            "what": .string(hasData ? what(total) : ""), "n": .string("n = \(total.n)"),
            "excluded": .string(excluded.isEmpty ? "" : "left out: \(excluded)"),
            "percentiles": hasData && report.unit == .ms ? percentiles(total) : .null,
            "chart": hasData ? chart : .null, "rows": hasData ? rows : .null,
            "drill": .string(
                "/v1/metrics/\(report.metric.rawValue)/events?"
                    + Address.query([("from", report.from.rfc3339), ("to", report.to.rfc3339)])),
            "is_duration": .bool(report.unit == .ms), "is_ratio": .bool(report.unit == .ratio),
        ]
    }

    private var label: String {
        switch report.metric {
        case .mttd, .mtta, .mttc, .mttr:
            "\(report.metric.rawValue.uppercased()) · \(Words.inline(report.metric.rawValue))"
        default: Words.sentence(report.metric.rawValue)
        }
    }

    private func text(_ value: Double?) -> String {
        guard let value else { return "–" }
        return switch report.unit {
        case .ms: Words.duration(ms: value)
        case .ratio: Words.percent(value)
        case .count: Words.decimal(value, digits: 1)
        }
    }

    private func what(_ item: MetricReport.Item) -> String {
        switch report.unit {
        case .ms: "median"
        case .count: "in all"
        case .ratio:
            "\(item.numerator ?? 0) of \(item.denominator ?? 0)"
                + (item.interval.map { "; 95 % interval \(Words.percent($0.lower)) to \(Words.percent($0.upper))" }
                    ?? "")
        }
    }

    private func percentiles(_ item: MetricReport.Item) -> JSONValue {
        let all: [(String, Double?)] = [
            ("mean", item.mean), ("p50", item.p50), ("p90", item.p90), ("p95", item.p95), ("p99", item.p99),
            ("min", item.min), ("max", item.max),
        ]
        return .array(all.map { ["label": .string($0), "value": .string(text($1))] })
    }

    private var rows: JSONValue {
        .array(
            report.items.map { item in
                [
                    "day": .string(String(item.bucketStart?.rfc3339.prefix(10) ?? "")), "n": .integer(Int64(item.n)),
                    "value": .string(text(report.unit == .ms ? item.p50 : item.value)),
                    "more": .string(
                        report.unit == .ms
                            ? text(item.p90)
                            : report.unit == .ratio ? "\(item.numerator ?? 0) of \(item.denominator ?? 0)" : ""),
                ]
            })
    }

    /// A column a day: for durations up to the median, with a mark at p90; for ratios of the whole height.
    private var chart: JSONValue {
        let days = max(
            1, Int(((Double(report.to.microseconds - report.from.microseconds) / 1_000) / Self.dayMs).rounded(.up)))
        let first = Double(report.from.microseconds / 86_400_000_000)
        let slots = days + 1
        let slot = Self.width / Double(slots)
        let wide = min(max(slot * 0.7, 1), 36)
        let top =
            report.unit == .ratio
            ? 1 : max(report.items.compactMap { report.unit == .ms ? $0.p90 : $0.value }.max() ?? 1, 1)
        func y(_ value: Double) -> Double { Self.height - (value / top) * (Self.height - 8) }
        func number(_ value: Double) -> JSONValue { .string(Words.decimal(value, digits: 1)) }
        let columns = report.items.compactMap { item -> JSONValue? in
            guard let start = item.bucketStart, let value = report.unit == .ms ? item.p50 : item.value, item.n > 0
            else { return nil }
            let index = Double(start.microseconds) / 86_400_000_000 - first
            let x = index * slot + (slot - wide) / 2
            let high = report.unit == .ms ? item.p90 : item.interval?.upper
            let day = String(start.rfc3339.prefix(10))
            return [
                "x": number(x), "y": number(y(value)), "width": number(wide),
                "height": number(max(Self.height - y(value), 1)), "mark": high.map { number(y($0)) } ?? .null,
                "mark_end": number(x + wide),
                "low": item.interval.map { number(y($0.lower)) } ?? .null, "middle": number(x + wide / 2),
                "told": .string("\(day): \(text(value)), n = \(item.n)"),
            ]
        }
        return [
            "columns": .array(columns),
            "legend": .string(
                report.unit == .ms ? "column: median, line: p90" : report.unit == .ratio ? "line: 95 % interval" : ""),
            "top": .string(text(top)),
            "from": .string(String(report.from.rfc3339.prefix(10))),
            "to": .string(String(report.to.rfc3339.prefix(10))),
            "told": .string("\(label), by day, from 0 to \(text(top)); the numbers stand in the table below"),
        ]
    }
}
