import Events
import Foundation
import SeededChance

/// Fills a day: how much of what, when it happens, and when it comes.
struct DayMaker {
    var chance: SeededGenerator
    let start: Instant
    let scale: Double
    private let population: Population
    private(set) var alerts: [SOCDay.Alert] = []
    private(set) var incidents = 0
    var controllers: [String] { population.controllers }

    init(chance: SeededGenerator, start: Instant, scale: Double) {
        self.chance = chance
        self.start = start
        self.scale = scale
        population = Population(scale: max(scale, 0.2))
    }

    /// Of 3,200 alerts a third are of incidents, a third of rules that speak all day, the rest of little or nothing.
    mutating func fill(_ count: Int) {
        func share(_ ofDay: Int) -> Int { max(1, Int((Double(ofDay) * scale).rounded())) }
        for number in 0..<share(132) { add(.incident, Stages.incident(number, population, &chance)) }
        for _ in 0..<share(98) { add(.repeated, Stages.repeated(population, &chance)) }
        for _ in 0..<share(150) { add(.pair, Stages.pair(population, &chance)) }
        // A small day may be full before everything has had its turn.
        if alerts.count > count { alerts.removeLast(alerts.count - count) }
        while alerts.count < count { add(.lone, Stages.lone(population, &chance)) }
    }

    private mutating func add(_ kind: SOCDay.Kind, _ stages: Stages) {
        let incident = incidents
        incidents += 1
        let first = moment(of: stages.site)
        for stage in stages.list {
            let at = start.adding(milliseconds: min(max(first + stage.afterMs, 0), 24 * SOCDay.hourMs - 1))
            let number = alerts.count
            alerts.append(
                SOCDay.Alert(
                    source: stage.source, reference: "\(stage.source)-\(number)", title: stage.title,
                    pattern: stage.pattern, rule: stage.rule, severity: stage.severity, confidence: stage.confidence,
                    techniques: stage.techniques, entities: stage.entities,
                    environment: stages.environment, region: stages.site.region, occurredAt: at,
                    arrivesAt: at.adding(milliseconds: delay()), incident: incident, kind: kind))
        }
    }

    /// Three of four in the site's working hours.
    private mutating func moment(of site: Population.Site) -> Int64 {
        let isWork = Int.random(in: 0..<4, using: &chance) > 0
        let hours = isWork ? Int64(site.morning) * SOCDay.hourMs : 0
        let length = isWork ? 10 * SOCDay.hourMs : 24 * SOCDay.hourMs
        return (hours + Int64.random(in: 0..<length, using: &chance)) % (24 * SOCDay.hourMs)
    }

    /// Seconds mostly; one in twelve half an hour or two, one in a hundred up to five.
    private mutating func delay() -> Int64 {
        switch Int.random(in: 0..<100, using: &chance) {
        case 0: .random(in: 2 * SOCDay.hourMs...5 * SOCDay.hourMs, using: &chance)
        case 1...8: .random(in: 600_000...2 * SOCDay.hourMs, using: &chance)
        default: .random(in: 1_000...90_000, using: &chance)
        }
    }

    /// One in fifty comes twice, one in a hundred again with other bytes.
    mutating func arrivals(of alerts: [SOCDay.Alert]) -> [SOCDay.Arrival] {
        var arrivals: [SOCDay.Arrival] = []
        for alert in alerts {
            arrivals.append(SOCDay.Arrival(alert: alert, form: .first, at: alert.arrivesAt))
            let again = Int.random(in: 0..<100, using: &chance)
            guard again < 3 else { continue }
            let after = Int64.random(in: 1_000...1_800_000, using: &chance)
            arrivals.append(
                SOCDay.Arrival(
                    alert: alert, form: again < 2 ? .duplicate : .updated,
                    at: alert.arrivesAt.adding(milliseconds: after)))
        }
        return arrivals.sorted { ($0.at, $0.alert.reference) < ($1.at, $1.alert.reference) }
    }
}
