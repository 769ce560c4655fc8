import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

@Suite("SLA clocks")
struct SLAClockTests {
    private let registry: Registry

    init() throws { registry = try OpenAdminPort.registry() }

    private func clock(_ name: String, _ recorder: CaseRecorder) throws -> SLAClock {
        try #require(recorder.record.sla.last { $0.clock == name })
    }

    private func opened(_ severity: Severity = .high) throws -> CaseRecorder {
        var recorder = CaseRecorder()
        try recorder.put([CaseRecord.open(OpenAdminPort.alert(severity: severity))], after: 0)
        let opened = try #require(recorder.record.anchors.openedAt)
        try recorder.put(recorder.record.startingClocks(policy: registry.policy, at: opened), after: 40)
        return recorder
    }

    /// Content/Policies/default.json: milliseconds to acknowledge, contain and resolve.
    @Test(
        "each severity starts three clocks with its own targets",
        arguments: [
            (Severity.fatal, [300_000, 1_800_000, 28_800_000]), (.critical, [300_000, 1_800_000, 28_800_000]),
            (.high, [900_000, 3_600_000, 86_400_000]), (.medium, [3_600_000, 28_800_000, 259_200_000]),
            (.low, [14_400_000, 86_400_000, 604_800_000]), (.unknown, [14_400_000, 86_400_000, 604_800_000]),
        ] as [(Severity, [Int64])])
    func targets(severity: Severity, targets: [Int64]) throws {
        let recorder = try opened(severity)
        #expect(recorder.record.sla.map(\.clock) == ["acknowledge", "contain", "resolve"])
        #expect(recorder.record.sla.map(\.targetMs) == targets)
        #expect(recorder.record.sla.allSatisfy { $0.status == .running && $0.outcome == nil && $0.pausedMs == 0 })
    }

    @Test("a clock counts from the opening, however late its start was written")
    func start() throws {
        let recorder = try opened()
        for clock in recorder.record.sla {
            #expect(clock.startedAt == recorder.record.anchors.openedAt)
            #expect(clock.dueAt == clock.startedAt.adding(milliseconds: clock.targetMs))
            #expect(clock.atRiskAt == clock.startedAt.adding(milliseconds: clock.targetMs * 3 / 4))
        }
    }

    @Test("running clocks are not started twice")
    func once() throws {
        let recorder = try opened()
        #expect(recorder.record.startingClocks(policy: registry.policy, at: recorder.now).isEmpty)
    }

    @Test("an acknowledgement before the clocks were written down still counts")
    func early() throws {
        var recorder = CaseRecorder()
        try recorder.put([CaseRecord.open(OpenAdminPort.alert())], after: 0)
        try recorder.command(.assign(Identity(subject: "alice")), after: 10)
        let opened = try #require(recorder.record.anchors.openedAt)
        try recorder.put(recorder.record.startingClocks(policy: registry.policy, at: opened), after: 40)
        try recorder.put(recorder.record.endingClocks())
        #expect(try clock("acknowledge", recorder).outcome == .met)
    }

    @Test("acknowledge, contain and resolve are met by what they wait for")
    func met() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(recorder.record.endingClocks().isEmpty)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        try recorder.put(recorder.record.endingClocks())
        #expect(try clock("acknowledge", recorder).outcome == .met)
        #expect(try clock("contain", recorder).status == .running)
        _ = try recorder.decide(.approve, by: "carol", registry: registry)
        try recorder.put(recorder.record.start(run: Fixture.id("run"), currentPlan: recorder.record.plan, mode: .live))
        try recorder.performStep()
        try recorder.put(recorder.record.endingClocks())
        #expect(try clock("contain", recorder).outcome == .met)
        try recorder.run(.runCompleted)
        #expect(recorder.record.endingClocks().isEmpty)
        try recorder.put(recorder.record.recover(serviceWasLost: false))
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.record.sla.map(\.outcome) == [.met, .met, .met])
        #expect(recorder.record.sla.allSatisfy { $0.status == .ended && $0.endedAt != nil })
        #expect(
            recorder.record.endingClocks().isEmpty && recorder.record.dueTimes.allSatisfy { $0.kind == .evidenceExpiry }
        )
    }

    @Test("closing resolves a case and cancels containment that it never needed")
    func cancelled() throws {
        var recorder = try CaseRecorder.escalated(registry: registry)
        try recorder.command(.close(.falsePositive, reason: "it was ours"))
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.record.sla.map(\.outcome) == [.met, .cancelled, .met])
    }

    @Test("first at risk, then breached, and it still runs; the end keeps the breach")
    func breached() throws {
        var recorder = try opened()
        let due = recorder.record.dueTimes
        #expect(due.map(\.kind) == [.slaAtRisk, .slaBreach, .slaAtRisk, .slaBreach, .slaAtRisk, .slaBreach])
        #expect(due.map(\.at) == due.map(\.at).sorted())
        recorder.wait(900_000)
        for moment in due where moment.at <= recorder.now {
            #expect(recorder.record.dueTimes.contains(moment))
            try recorder.put(recorder.record.fire(moment), by: Fixture.timer, after: 0)
            #expect(!recorder.record.dueTimes.contains(moment), "it fires once")
        }
        let breached = try clock("acknowledge", recorder)
        #expect(breached.status == .running && breached.outcome == nil && breached.breachedAt != nil)
        #expect(recorder.types.suffix(2) == ["sla.at_risk", "sla.breached"])
        #expect(recorder.record.state == .normalized, "a breached case is still an open case")
        try recorder.command(.comment(text: "here"))
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.events.last?.type == "sla.met")
        let ended = try clock("acknowledge", recorder)
        #expect(ended.status == .ended && ended.outcome == .breached && ended.breachedAt == breached.breachedAt)
    }

    @Test("a hold stops every clock, and its length moves the deadlines by as much")
    func pause() throws {
        var recorder = try opened()
        let before = recorder.record.sla
        let held = try recorder.command(.hold(reason: "waiting for the customer"), after: 60_000)
        #expect(held.map(\.type) == ["case.held", "sla.paused", "sla.paused", "sla.paused"])
        #expect(recorder.record.sla.allSatisfy { $0.status == .paused && $0.pauseReason == "waiting for the customer" })
        #expect(recorder.record.dueTimes.isEmpty, "nothing breaches on hold")
        let resumed = try recorder.command(.resume(reason: "they called"), after: 3_600_000)
        #expect(resumed.map(\.type) == ["case.resumed", "sla.resumed", "sla.resumed", "sla.resumed"])
        for (old, new) in zip(before, recorder.record.sla) {
            #expect(new.status == .running && new.pauseReason == nil)
            #expect(new.pausedMs == 3_600_000)
            #expect(new.dueAt == old.dueAt.adding(milliseconds: new.pausedMs))
            #expect(new.atRiskAt == old.atRiskAt.adding(milliseconds: new.pausedMs))
            #expect(new.startedAt == old.startedAt && new.targetMs == old.targetMs)
        }
        try recorder.command(.hold(reason: "again"))
        try recorder.command(.resume(reason: "and on"), after: 500)
        #expect(recorder.record.sla.map(\.pausedMs) == [3_600_500, 3_600_500, 3_600_500])
        #expect(recorder.record.sla[0].dueAt == before[0].dueAt.adding(milliseconds: 3_600_500))
    }

    @Test("retargeting moves the deadline and keeps what has accrued")
    func retarget() throws {
        var recorder = try opened()
        let before = try clock("contain", recorder)
        try recorder.put([
            Decision(
                type: .slaRetargeted,
                SLAClockEvent(
                    clock: "contain", targetMs: 1_800_000, atRiskAt: before.startedAt.adding(milliseconds: 1_350_000),
                    dueAt: before.startedAt.adding(milliseconds: 1_800_000)))
        ])
        let after = try clock("contain", recorder)
        #expect(after.startedAt == before.startedAt && after.targetMs == 1_800_000)
        #expect(after.dueAt == before.startedAt.adding(milliseconds: 1_800_000))
    }

    @Test("a reopened case has new clocks, keeps the old, and the new ones wait for something new")
    func reopened() throws {
        var recorder = try CaseRecorder.escalated(registry: registry)
        try recorder.command(.recover(reason: "nothing was lost"))
        try recorder.command(.close(.truePositive, reason: "done"))
        try recorder.put(recorder.record.endingClocks())
        let first = recorder.record.sla
        let reopened = try recorder.command(.reopen(reason: "it is back"), by: "alice")
        let at = try #require(reopened.first).recordedAt
        try recorder.put(recorder.record.startingClocks(policy: registry.policy, at: at), after: 20)
        #expect(recorder.record.sla.count == 6 && Array(recorder.record.sla.prefix(3)) == first)
        #expect(recorder.record.sla.suffix(3).allSatisfy { $0.status == .running && $0.startedAt == at })
        #expect(recorder.record.endingClocks().isEmpty, "old deeds end no new clock, and reopening is no answer")

        try recorder.command(.assign(Identity(subject: "bob")), by: "bob")
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.record.sla[3].outcome == .met, "somebody has taken it")
        #expect(recorder.record.sla[4].status == .running)
        try recorder.command(.close(.duplicate, reason: "the same again"), by: "bob")
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.record.sla.suffix(3).map(\.outcome) == [.met, .cancelled, .met])
        #expect(Array(recorder.record.sla.prefix(3)) == first)
    }

    @Test("what is due has a key that tells it from everything else due, and is the same on every look")
    func keys() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        let due = recorder.record.dueTimes
        #expect(Set(due.map { "\($0.kind.rawValue)/\($0.key)" }).count == due.count)
        #expect(Set(due.map(\.kind)) == Set(DueTime.Kind.allCases))
        let back: CaseRecord = try JSONValue(encoding: recorder.record).decode()
        #expect(back.dueTimes == due)
        let approval = try #require(due.first { $0.kind == .approvalExpiry })
        #expect(
            approval.key == recorder.record.approval?.id.lowercased
                && approval.at == recorder.record.approval?.expiresAt)
        try recorder.put(recorder.record.fire(approval), by: Fixture.timer, after: 14_400_000)
        #expect(recorder.record.approval?.state == .expired)
        #expect(!recorder.record.dueTimes.contains { $0.kind == .approvalExpiry })
    }

    @Test("a pause gives a deadline a new key, so that its breach is a new event")
    func newKey() throws {
        var recorder = try opened()
        let before = Set(recorder.record.dueTimes.map(\.key))
        try recorder.command(.hold(reason: "wait"))
        try recorder.command(.resume(reason: "on"), after: 10)
        #expect(before.isDisjoint(with: recorder.record.dueTimes.map(\.key)))
    }

    @Test("evidence of a closed case no longer expires")
    func closedEvidence() throws {
        var recorder = try CaseRecorder.escalated(registry: registry)
        #expect(recorder.record.dueTimes.contains { $0.kind == .evidenceExpiry })
        try recorder.command(.close(.benign, reason: "nothing"))
        try recorder.put(recorder.record.endingClocks())
        #expect(recorder.record.dueTimes.isEmpty)
    }
}
