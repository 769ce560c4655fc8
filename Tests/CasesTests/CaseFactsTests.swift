import Events
import Foundation
import JSON
import Testing

@testable import Cases

@Suite("Case facts")
struct CaseFactsTests {
    private func value(_ metric: MetricName, _ recorder: CaseRecorder) -> [Double?] {
        metric.samples(of: CaseFacts(recorder.record)).map(\.value)
    }

    @Test("an executed story gives the durations between its events")
    func story() throws {
        let recorder = try StoryTests.rolledBack()
        func at(_ type: EventType) -> Instant { recorder.events.first { $0.kind == type }?.recordedAt ?? Fixture.start }
        func ms(_ from: EventType, _ to: EventType) -> [Double?] { [Double(at(to).milliseconds(since: at(from)))] }
        #expect(value(.mtta, recorder) == ms(.caseOpened, .approvalGranted))
        #expect(value(.mttc, recorder) == ms(.caseOpened, .stepVerified))
        #expect(value(.mttr, recorder) == ms(.caseOpened, .caseRecovered))
        #expect(value(.runDuration, recorder) == ms(.runStarted, .runCompleted))
        #expect(value(.analystResponseTime, recorder) == ms(.caseEscalated, .approvalQuorumReached))
        #expect(value(.automationCoverage, recorder) == [0])
        #expect(value(.escalationQuality, recorder) == [1])
        #expect(value(.slaAdherence, recorder) == [1, 1, 1])
        #expect(value(.rollbackRate, recorder) == [], "people had agreed to this run")
        #expect(value(.manualActions, recorder) == [5], "two votes, the rollback, the recovery, the close")
    }

    @Test("views and comments are no work, but a comment is an acknowledgement")
    func hands() throws {
        var recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        try recorder.put(.caseViewed, [:], by: Fixture.alice)
        #expect(recorder.record.anchors.acknowledgedAt == nil)
        try recorder.command(.comment(text: "looking"))
        #expect(recorder.record.anchors.acknowledgedAt != nil)
        #expect(recorder.record.manualActions == 0 && recorder.record.humanTouches == 0)
        try recorder.command(.recover(reason: "nothing was lost"))
        #expect(recorder.record.humanTouches == 1, "the recovery itself was by hand")
        try recorder.command(.assign(Identity(subject: "bob")))
        #expect(
            recorder.record.manualActions == 2 && recorder.record.humanTouches == 1,
            "what comes after it does not count")
    }

    @Test("what follows from a command is no second action")
    func consequences() throws {
        var recorder = try CaseRecorder.waitingForApproval(registry: OpenAdminPort.registry())
        try recorder.command(.hold(reason: "wait"))
        try recorder.command(.resume(reason: "go on"))
        #expect(recorder.types.contains("sla.paused") && recorder.types.contains("sla.resumed"))
        #expect(recorder.record.manualActions == 2)
        try recorder.command(.merge(into: Fixture.id("another"), reason: "the same"))
        #expect(recorder.types.suffix(3) == ["approval.invalidated", "case.merged", "case.closed"])
        #expect(recorder.record.manualActions == 3)
    }

    @Test("a run that was undone before it completed has no duration")
    func undoneHalfWay() throws {
        var recorder = try CaseRecorder.executing(registry: OpenAdminPort.registry())
        try recorder.performStep()
        try recorder.requestRollback()
        #expect(value(.runDuration, recorder) == [nil])
        try recorder.step(.stepRolledBack)
        try recorder.run(.rollbackCompleted)
        #expect(value(.runDuration, recorder) == [nil])
    }

    @Test("a run that failed and was undone has no duration either")
    func undoneAfterFailure() throws {
        var recorder = try CaseRecorder.executing(registry: OpenAdminPort.registry())
        try recorder.prepareStep()
        try recorder.step(.stepExecuted, ["output": [:]])
        try recorder.step(.stepFailed, ["applied": true, "error": ["code": "verification"]])
        try recorder.run(.runFailed)
        try recorder.requestRollback()
        try recorder.step(.stepRolledBack)
        try recorder.run(.rollbackCompleted)
        #expect(value(.runDuration, recorder) == [nil])
    }

    @Test("an escalation is agreed to by the quorum, and by nothing less")
    func agreement() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        #expect(recorder.record.escalationAgreed == nil)
        var granted = recorder
        _ = try granted.decide(.approve, by: "carol", registry: registry)
        #expect(granted.record.escalationAgreed == true)
        _ = try recorder.decide(.deny, by: "carol", registry: registry)
        #expect(recorder.record.escalationAgreed == false)
    }
}
