package import Events
import Foundation

/// What is asked of a metric: a half-open span, buckets in a time zone, groups.
package struct MetricQuery: Sendable, Hashable {
    package enum Bucket: String, Sendable, Hashable, CaseIterable { case day, week, month }

    package var metric: MetricName
    package var from: Instant
    package var to: Instant
    package var bucket: Bucket?
    package var groupBy: [String]
    package var timeZone: String

    package static let groups = [
        "severity", "playbook", "playbook_version", "pattern", "queue", "region", "environment", "clock",
    ]

    package init(
        metric: MetricName, from: Instant, to: Instant, bucket: Bucket?, groupBy: [String], timeZone: String
    ) {
        self.metric = metric
        self.from = from
        self.to = to
        self.bucket = bucket
        self.groupBy = groupBy
        self.timeZone = timeZone
    }
}

/// A figure with everything needed to check it (contract §8).
package struct MetricReport: Codable, Sendable, Hashable {
    package struct Excluded: Codable, Sendable, Hashable {
        package var reason: String
        package var n: Int
    }

    package struct Item: Codable, Sendable, Hashable {
        package var bucketStart: Instant?
        package var group: [String: String]
        package var n: Int
        package var value: Double?
        package var mean: Double?
        package var p50: Double?
        package var p90: Double?
        package var p95: Double?
        package var p99: Double?
        package var min: Double?
        package var max: Double?
        package var numerator: Int?
        package var denominator: Int?
        package var interval: WilsonInterval?
        package var excluded: [Excluded]
    }

    package var metric: MetricName
    package var unit: MetricName.Unit
    package var definition: String
    package var from: Instant
    package var to: Instant
    package var timeZone: String
    package var bucket: String?
    package var groupBy: [String]
    package var asOfPosition: Int64
    package var items: [Item]
    package var total: Item

    package init(_ query: MetricQuery, facts: [CaseFacts], asOf position: Int64) {
        let samples = Self.samples(query, facts: facts)
        let calendar = Calendar.iso8601(in: query.timeZone)
        var cells: [Cell: [MetricSample]] = [:]
        for sample in samples {
            guard let endedAt = sample.endedAt else { continue }
            let start = query.bucket.map { calendar.start(of: $0, containing: endedAt) }
            let group = query.groupBy.reduce(into: [:]) { $0[$1] = sample.group[$1] ?? "none" }
            cells[Cell(start: start, group: group), default: []].append(sample)
        }
        metric = query.metric
        unit = query.metric.unit
        definition = query.metric.definition
        from = query.from
        to = query.to
        timeZone = query.timeZone
        bucket = query.bucket?.rawValue
        groupBy = query.groupBy
        asOfPosition = position
        items = cells.sorted { $0.key < $1.key }.map { cell, samples in
            Self.item(query.metric, samples, start: cell.start, group: cell.group)
        }
        total = Self.item(query.metric, samples, start: nil, group: [:])
    }

    /// The samples that belong to the span, in a fixed order: also the drill-down.
    package static func samples(_ query: MetricQuery, facts: [CaseFacts]) -> [MetricSample] {
        facts.flatMap { query.metric.samples(of: $0) }
            .filter { sample in sample.endedAt.map { query.from <= $0 && $0 < query.to } ?? false }
            .sorted {
                ($0.endedAt?.microseconds ?? 0, $0.caseID.uuidString, $0.group["clock"] ?? "")
                    < ($1.endedAt?.microseconds ?? 0, $1.caseID.uuidString, $1.group["clock"] ?? "")
            }
    }

    private struct Cell: Hashable, Comparable {
        var start: Instant?
        var group: [String: String]

        private var sortKey: String {
            group.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        }

        static func < (left: Cell, right: Cell) -> Bool {
            (left.start?.microseconds ?? .min, left.sortKey) < (right.start?.microseconds ?? .min, right.sortKey)
        }
    }

    private static func item(
        _ metric: MetricName, _ samples: [MetricSample], start: Instant?, group: [String: String]
    ) -> Item {
        let values = samples.compactMap { $0.excludedReason == nil ? $0.value : nil }.sorted()
        let reasons = Dictionary(grouping: samples.compactMap(\.excludedReason), by: \.self)
        let excluded = reasons.sorted { $0.key < $1.key }.map { Excluded(reason: $0.key, n: $0.value.count) }
        var item = Item(bucketStart: start, group: group, n: values.count, excluded: excluded)
        guard !values.isEmpty else {
            if metric.unit == .ratio {
                item.numerator = 0
                item.denominator = 0
            }
            return item
        }
        let sum = values.reduce(0, +)
        let mean = (sum / Double(values.count) * 1_000).rounded() / 1_000
        if metric.unit == .ratio {
            item.numerator = Int(sum)
            item.denominator = values.count
            item.value = sum / Double(values.count)
            item.interval = WilsonInterval(successes: Int(sum), of: values.count, level: 0.95)
            return item
        }
        item.value = metric == .caseVolume ? sum : mean
        item.mean = mean
        item.p50 = percentile(50, of: values)
        item.p90 = percentile(90, of: values)
        item.p95 = percentile(95, of: values)
        item.p99 = percentile(99, of: values)
        item.min = values.first
        item.max = values.last
        return item
    }

    /// Nearest rank: the smallest value that at least p percent of the values do not exceed.
    private static func percentile(_ percent: Int, of sorted: [Double]) -> Double {
        let rank = (percent * sorted.count + 99) / 100
        return sorted[Swift.max(1, rank) - 1]
    }
}

extension Calendar {
    fileprivate static func iso8601(in timeZone: String) -> Calendar {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = TimeZone(identifier: timeZone) ?? .gmt
        return calendar
    }

    fileprivate func start(of bucket: MetricQuery.Bucket, containing instant: Instant) -> Instant {
        let date = Date(timeIntervalSince1970: Double(instant.microseconds) / 1_000_000)
        let component: Calendar.Component =
            switch bucket {
            case .day: .day
            case .week: .weekOfYear
            case .month: .month
            }
        let start = dateInterval(of: component, for: date)?.start ?? date
        return Instant(microseconds: Int64((start.timeIntervalSince1970 * 1_000_000).rounded()))
    }
}
