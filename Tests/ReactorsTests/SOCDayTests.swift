import Cases
import Events
import Foundation
import Postgres
import Projections
import SOCDay
import TestSupport
import Testing

@testable import Reactors

@Suite("A day of a SOC", .migrated, .timeLimit(.minutes(25)))
struct SOCDayTests {
    @Test(
        "a day through intake and every stage: nothing is lost, nothing is double, and what belongs together mostly is")
    func replay() async throws {
        let day = SOCDay(alerts: 200, seed: 5)
        let place = try TestDatabase.current
        try await ProjectionCatalog().install(on: place.database)
        let database = place.connect(as: "docket_app")
        let keys = FileManager.default.temporaryDirectory.appending(path: "docket-keys-\(UUID().uuidString)")
        let outcome = try await DayReplay(day, database: database, keysDirectory: keys.path, stepMs: 3 * SOCDay.hourMs)
            .run()
        await database.close()
        try FileManager.default.removeItem(at: keys)

        let again = day.arrivals.filter { $0.form == .duplicate }.count
        let updated = day.arrivals.filter { $0.form == .updated }.count
        #expect(again > 0 && updated > 0, "the day has what it is there for")
        #expect(outcome.intake == ["created": 200, "duplicate": again, "updated": updated])
        #expect(outcome.alertsRecorded == 200)
        #expect(outcome.doubled == 0 && outcome.undecided == 0)
        #expect(outcome.sizes.reduce(0, +) + outcome.tagged == 200)
        let openers = outcome.sizes.count
        let joined = outcome.joined.values.reduce(0, +)
        #expect(openers + joined + outcome.tagged == 200)
        let low = day.alerts.filter { $0.severity.rank < Severity.medium.rank }.count
        #expect(outcome.tagged <= low)
        #expect(outcome.agreement.precision > 0.9, "\(outcome.agreement)")
        #expect(outcome.agreement.recall > 0.8, "\(outcome.agreement)")
    }

    @Test("the same seed is the same day, another one is another, and an incident's alerts share what they are about")
    func generator() {
        let (one, same, other) = (
            SOCDay(alerts: 400, seed: 1), SOCDay(alerts: 400, seed: 1), SOCDay(alerts: 400, seed: 2)
        )
        let bytes = one.arrivals.map(\.bytes)
        #expect(bytes == same.arrivals.map(\.bytes))
        #expect(bytes != other.arrivals.map(\.bytes))
        #expect(one.alerts.count == 400)
        #expect(Set(one.alerts.map(\.reference)).count == 400)
        #expect(Set(one.alerts.map(\.kind)) == Set(SOCDay.Kind.allCases))
        let end = one.start.adding(milliseconds: 24 * SOCDay.hourMs)
        let isWithin = one.alerts.allSatisfy { $0.occurredAt >= one.start && $0.occurredAt < end }
        #expect(isWithin)
        let times = one.arrivals.map(\.at)
        #expect(times == times.sorted())
        for members in Dictionary(grouping: one.alerts, by: \.incident).values where members.count > 1 {
            var reached: Set<EntityKey> = []
            for alert in members.sorted(by: { $0.occurredAt < $1.occurredAt }) {
                let keys = Set(alert.entities.map(\.key))
                let isFirst = reached.isEmpty
                let shares = !reached.isDisjoint(with: keys)
                #expect(isFirst || shares, "\(alert.rule)")
                reached.formUnion(keys)
            }
        }
    }

    @Test("agreement counts pairs: of those put together, and of those that belong together")
    func agreement() {
        // Two things; the first is in two groups, one of which holds a part of the second.
        let agreement = Agreement([(0, 0), (0, 0), (1, 0), (1, 1), (2, 1)])
        #expect(agreement.together == 1 && agreement.putTogether == 2 && agreement.belongTogether == 4)
        #expect(agreement.precision == 0.5 && agreement.recall == 0.25)
        #expect(agreement.pureGroups == 2 && agreement.groups == 3)
        #expect(agreement.wholeTruths == 0 && agreement.truths == 2)
    }
}
