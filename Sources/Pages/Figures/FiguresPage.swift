package import Cases
import Events
package import JSON

/// The metrics over a period: each figure with its definition, its n, and how it moved day by day.
package struct FiguresPage: Sendable {
    /// The span that ends now; day by day, it stays readable.
    package enum Period: String, Sendable, Hashable, CaseIterable {
        case day = "24h"
        case week = "7d"
        case month = "30d"
        case quarter = "90d"

        package var days: Int {
            switch self {
            case .day: 1
            case .week: 7
            case .month: 30
            case .quarter: 90
            }
        }

        var label: String { days == 1 ? "24 hours" : "\(days) days" }
    }

    /// What the page shows, by the three questions that it answers: how fast, how well, how much.
    package static let durations: [MetricName] = [.mttd, .mtta, .mttc, .mttr]
    package static let ratios: [MetricName] = [
        .automationCoverage, .containmentPrecision, .rollbackRate, .slaAdherence, .escalationQuality,
        .falsePositiveRate,
    ]
    package static let counts: [MetricName] = [.caseVolume]
    package static var metrics: [MetricName] { durations + ratios + counts }

    private let period: Period
    private let reports: [MetricReport]

    /// - Parameter reports: of `metrics`, by day, over the same span.
    package init(period: Period, reports: [MetricReport]) {
        self.period = period
        self.reports = reports
    }

    /// What the template `figures` shows.
    package var model: JSONValue {
        func group(_ names: [MetricName]) -> JSONValue {
            .array(names.compactMap { name in reports.first { $0.metric == name }.map { Figure($0).model } })
        }
        return [
            "periods": .array(
                Period.allCases.map {
                    [
                        "label": .string($0.label), "href": .string("/figures?period=\($0.rawValue)"),
                        "is_current": .bool($0 == period),
                    ]
                }),
            "from": PageTime.json(reports.first?.from), "to": PageTime.json(reports.first?.to),
            "groups": [
                ["label": "How fast", "figures": group(Self.durations)],
                ["label": "How well", "figures": group(Self.ratios)],
                ["label": "How much", "figures": group(Self.counts)],
            ],
        ]
    }
}
