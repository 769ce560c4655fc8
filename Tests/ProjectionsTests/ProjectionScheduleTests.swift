import Foundation
import Testing

@testable import Projections

@Suite("The schedule of projections")
struct ProjectionScheduleTests {
    private let now = ContinuousClock.now
    private let first = UUID()
    private let second = UUID()

    /// `next()`, outside of the macro, which cannot change a value.
    private func taken(_ schedule: inout ProjectionSchedule) -> ProjectionSchedule.Key? { schedule.next() }

    @Test("a tenant with a long backlog lets the others in after each batch")
    func fairness() {
        var schedule = ProjectionSchedule(projections: ["a"], width: 1)
        schedule.headMoved(first, to: 1_000_000, at: now)
        schedule.headMoved(second, to: 1, at: now)
        var order: [UUID] = []
        var next: Int64 = 0
        while let key = schedule.next(), order.count < 4 {
            order.append(key.tenant)
            next += 1_000
            schedule.finished(key, .advanced(next: key.tenant == first ? next : 1, head: 0), at: now)
        }
        #expect(order == [first, second, first, first])
    }

    @Test("no more steps are under way than allowed, and none twice")
    func bounded() {
        var schedule = ProjectionSchedule(projections: ["a", "b", "c"], width: 2)
        schedule.headMoved(first, to: 5, at: now)
        schedule.headMoved(first, to: 6, at: now)
        let one = schedule.next()
        let two = schedule.next()
        #expect(one != nil && two != nil && one != two)
        #expect(taken(&schedule) == nil)
        schedule.finished(one!, .idle(next: 6), at: now)
        #expect(taken(&schedule)?.projection == "c")
        schedule.headMoved(first, to: 6, at: now)
        schedule.finished(two!, .idle(next: 6), at: now)
        #expect(taken(&schedule) == nil)
    }

    @Test("what is blocked is tried again later and later, up to a limit, and at once after it worked")
    func backoff() {
        var delays = RetryDelays()
        delays.first = .seconds(1)
        delays.maximum = .seconds(5)
        var schedule = ProjectionSchedule(projections: ["a"], width: 1, delays: delays)
        schedule.headMoved(first, to: 10, at: now)
        var time = now
        for wait in [1, 2, 4, 5, 5] {
            let key = schedule.next()
            #expect(key != nil)
            schedule.finished(key!, .blocked(position: 0, reason: ""), at: time)
            schedule.tick(at: time + .seconds(wait) - .milliseconds(1))
            #expect(taken(&schedule) == nil)
            // More events do not make it hurry.
            schedule.headMoved(first, to: 11, at: time)
            #expect(taken(&schedule) == nil)
            time = time + .seconds(wait)
            schedule.tick(at: time)
        }
        let key = schedule.next()!
        schedule.finished(key, .advanced(next: 5, head: 10), at: time)
        #expect(taken(&schedule) == key)
    }

    @Test("a head that moves while a step runs is not missed")
    func movedMeanwhile() {
        var schedule = ProjectionSchedule(projections: ["a"], width: 4)
        schedule.headMoved(first, to: 1, at: now)
        let key = schedule.next()!
        schedule.headMoved(first, to: 2, at: now)
        schedule.finished(key, .advanced(next: 1, head: 1), at: now)
        #expect(taken(&schedule) == key)
    }

    @Test("what is known to be up to date is not looked at when the runner starts, and what is to be tried again is")
    func seeded() {
        var schedule = ProjectionSchedule(projections: ["a", "b"], width: 4)
        let (known, other) = (
            ProjectionSchedule.Key(tenant: first, projection: "a"),
            ProjectionSchedule.Key(tenant: first, projection: "b")
        )
        schedule.seed(known, next: 7)
        schedule.headMoved(first, to: 7, at: now)
        #expect(taken(&schedule) == other)
        #expect(taken(&schedule) == nil)
        schedule.retry(known)
        #expect(taken(&schedule) == known)
    }
}
