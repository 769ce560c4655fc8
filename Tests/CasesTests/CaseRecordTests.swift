import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

@Suite("Case record")
struct CaseRecordTests {
    @Test("as JSON it comes back equal, after every event of a history")
    func roundTrips() throws {
        var record = CaseRecord(id: Fixture.caseID, tenant: Fixture.tenant)
        for event in try StoryTests.rolledBack().events {
            try record.apply(event)
            let text = try JSONValue(encoding: record).canonicalBytes()
            let back: CaseRecord = try JSONValue.parse(text).decode()
            #expect(back == record, "after \(event.type)")
        }
    }

    @Test("folding in two halves, with JSON in between, equals folding at once")
    func halves() throws {
        let events = try StoryTests.rolledBack().events
        let whole = try #require(try CaseRecord.folding(events, tenant: Fixture.tenant))
        for cut in 1..<events.count {
            let half = try #require(try CaseRecord.folding(Array(events[..<cut]), tenant: Fixture.tenant))
            var record: CaseRecord = try JSONValue.parse(try JSONValue(encoding: half).canonicalBytes()).decode()
            for event in events[cut...] { try record.apply(event) }
            #expect(record == whole, "cut after \(cut)")
        }
    }

    @Test("a stream that does not begin with an opening is no case")
    func beginnings() throws {
        let events = try StoryTests.rolledBack().events
        #expect(try CaseRecord.folding([], tenant: Fixture.tenant) == nil)
        #expect(try CaseRecord.folding(Array(events.dropFirst()), tenant: Fixture.tenant) == nil)
    }

    @Test("an event of a newer version counts, and changes nothing else")
    func unknownType() throws {
        var recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        let before = recorder.record
        var event = recorder.events[0]
        event.type = "case.teleported"
        event.version = before.version + 1
        event.position = before.lastPosition + 1
        try recorder.record.apply(event)
        #expect(recorder.record.version == before.version + 1 && recorder.record.state == before.state)
    }

    @Test("data of the wrong shape is an error, never passed over")
    func poison() throws {
        var recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        #expect(throws: (any Error).self) { try recorder.put(.caseClosed, ["verdict": "guilty", "verdict_id": 1]) }
        #expect(throws: (any Error).self) { try recorder.put(.approvalRequested, [:]) }
        #expect(throws: (any Error).self) { try recorder.put(.caseEnriched, ["entities": 3]) }
    }

    @Test("an alert that joins raises the severity and never lowers it")
    func severity() throws {
        var recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        try recorder.put(recorder.record.link(OpenAdminPort.alert("low", severity: .low), overlapScore: 1, shared: []))
        #expect(recorder.record.severity == .high)
        try recorder.put(
            recorder.record.link(OpenAdminPort.alert("fatal", severity: .fatal), overlapScore: 1, shared: []))
        try recorder.put(
            recorder.record.link(OpenAdminPort.alert("other", severity: .other), overlapScore: 1, shared: []))
        #expect(recorder.record.severity == .fatal)
        #expect(recorder.record.alerts.count == 4)
    }

    @Test("the same alert joins once")
    func joinsOnce() throws {
        let recorder = try CaseRecorder.escalated(registry: OpenAdminPort.registry())
        #expect(recorder.record.link(OpenAdminPort.alert(), overlapScore: 1, shared: []).isEmpty)
    }

    @Test("an alert that joins during a run is flagged, leaves the run alone and waits for its end")
    func joinsDuringRun() throws {
        var recorder = try CaseRecorder.executing(registry: OpenAdminPort.registry())
        try recorder.put(recorder.record.link(OpenAdminPort.alert("second"), overlapScore: 1, shared: []))
        #expect(recorder.record.state == .executing)
        #expect(recorder.record.alerts.last?.joinedDuringRun == true)
        #expect(recorder.record.approval?.state == .granted)
        #expect(!recorder.record.needsEnrichment)
        try recorder.performStep()
        try recorder.run(.runCompleted)
        #expect(recorder.record.needsEnrichment)
    }

    @Test("Docket recovers a case by itself only when all was verified and nothing was lost")
    func recovery() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.executing(registry: registry)
        #expect(recorder.record.recover(serviceWasLost: false).isEmpty)
        var skipped = recorder
        try skipped.prepareStep()
        try skipped.step(.stepExecuted, ["output": [:]])
        try skipped.run(.runCompleted)
        #expect(skipped.record.recover(serviceWasLost: false).isEmpty, "executed, but not verified")
        try recorder.performStep()
        try recorder.run(.runCompleted)
        #expect(recorder.record.recover(serviceWasLost: true).isEmpty)
        #expect(recorder.record.recover(serviceWasLost: false).map(\.type) == [.caseRecovered])
    }

    @Test("a run starts only with the plan that was agreed to")
    func planChanged() throws {
        let registry = try OpenAdminPort.registry()
        var recorder = try CaseRecorder.waitingForApproval(registry: registry)
        #expect(recorder.record.start(run: Fixture.id("run"), currentPlan: nil, mode: .live).isEmpty)
        _ = try recorder.decide(.approve, by: "bob", registry: registry)
        _ = try recorder.decide(.approve, by: "carol", registry: registry)
        let other = try OpenAdminPort.plan(
            for: recorder.record, policy: registry.policy,
            targets: [.init(type: .cloudResource, value: "sg-2", role: .target)])
        #expect(
            recorder.record.start(run: Fixture.id("run"), currentPlan: other, mode: .live).map(\.type)
                == [.approvalInvalidated])
        #expect(
            recorder.record.start(run: Fixture.id("run"), currentPlan: nil, mode: .live).map(\.type)
                == [.approvalInvalidated], "it can no longer be made")
        try recorder.put(recorder.record.start(run: Fixture.id("run"), currentPlan: recorder.record.plan, mode: .live))
        #expect(recorder.record.state == .executing && recorder.record.run?.trigger == .approved)
        #expect(recorder.record.approval?.runID == Fixture.id("run"))
        #expect(recorder.record.start(run: Fixture.id("run 2"), currentPlan: nil, mode: .live).isEmpty)
    }

    @Test("a rollback undoes in reverse, once, and only what stands")
    func rollback() throws {
        var recorder = try CaseRecorder.executing(registry: OpenAdminPort.registry())
        #expect(throws: Rejection.self) { try recorder.requestRollback() }
        try recorder.performStep()
        try recorder.run(.runCompleted)
        #expect(throws: Rejection.notFound) {
            try recorder.record.requestRollback(
                run: Fixture.id("no run"), stepIDs: nil, reason: "", reasonCode: .drill, onBehalfOf: nil)
        }
        #expect(throws: Rejection.self) {
            try recorder.record.requestRollback(
                run: Fixture.id("run"), stepIDs: ["action--stranger"], reason: "", reasonCode: .drill, onBehalfOf: nil)
        }
        try recorder.requestRollback()
        #expect(throws: Rejection.self, "it is already under way") { try recorder.requestRollback() }
        try recorder.step(.stepRollbackRefused, ["expected": 1, "found": 2])
        try recorder.run(.rollbackIncomplete, ["unrestored_step_ids": [.string(OpenAdminPort.step)]])
        #expect(recorder.record.state == .escalated && recorder.record.run?.state == .rollbackIncomplete)
        try recorder.requestRollback()
        try recorder.step(.stepRolledBack)
        try recorder.run(.rollbackCompleted)
        #expect(recorder.record.state == .rolledBack)
        #expect(throws: Rejection.alreadyRolledBack) { try recorder.requestRollback() }
    }
}
