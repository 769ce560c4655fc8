package import Events
package import Foundation
import SeededChance

/// A day of a large SOC, made from a seed: alerts of several sites that come from incidents of many stages, from rules that
/// speak all day about the same thing, from two products that saw the same, and from nothing; some late, some twice.
///
/// It knows what belongs together, so whoever groups the alerts can be held against it. Things are as people name them
/// (`fra-ws-0412`, `s.okafor`), drawn from a population that grows with the day, so two incidents meet on a host by chance
/// as they do in life.
package struct SOCDay: Sendable {
    package struct Alert: Sendable {
        package var source: String
        package var reference: String
        package var title: String
        package var pattern: String?
        package var rule: String
        package var severity: Severity
        package var confidence: Int?
        package var techniques: [String]
        package var entities: [Entity]
        package var environment: DeploymentEnvironment
        package var region: String
        package var occurredAt: Instant
        package var arrivesAt: Instant
        /// What happened, of which this alert tells.
        package var incident: Int
        package var kind: Kind
    }

    /// Where an alert comes from.
    package enum Kind: String, Sendable, CaseIterable {
        case incident, repeated, pair, lone
    }

    /// Something that arrives: an alert for the first time, the same bytes again, or the same alert with other bytes.
    package struct Arrival: Sendable {
        package enum Form: Sendable { case first, duplicate, updated }
        package var alert: Alert
        package var form: Form
        package var at: Instant
    }

    package let start: Instant
    package let alerts: [Alert]
    /// In the order in which they come.
    package let arrivals: [Arrival]
    package let incidentCount: Int
    /// What a policy of this company would list as common.
    package let controllers: [String]

    package static let hourMs: Int64 = 3_600_000

    /// - Parameter count: different alerts, at least 100.
    package init(alerts count: Int, seed: UInt64, start: Instant = Instant(rfc3339: "2026-11-24T00:00:00Z")!) {
        var maker = DayMaker(chance: SeededGenerator(seed: seed), start: start, scale: Double(count) / 3_200)
        maker.fill(count)
        self.start = start
        alerts = maker.alerts.sorted { ($0.arrivesAt, $0.reference) < ($1.arrivesAt, $1.reference) }
        incidentCount = maker.incidents
        controllers = maker.controllers
        arrivals = maker.arrivals(of: alerts)
    }
}
